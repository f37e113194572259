/** Styles for a terminal; the identity where colours are not wanted. */
export interface Color {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
}

export function color(terminal: { color: boolean }): Color {
  const style = (on: number, off: number) => (text: string) => (terminal.color && text ? `\u001b[${on}m${text}\u001b[${off}m` : text);
  return { bold: style(1, 22), dim: style(2, 22), red: style(31, 39), green: style(32, 39), yellow: style(33, 39) };
}
