/** Where a command's words go. */
export interface Output {
  line(text: string): void;
  error(text: string): void;
  bold(text: string): string;
}

const color =
  process.env.NO_COLOR === undefined || process.env.NO_COLOR === "" ? process.stdout.isTTY === true && process.env.TERM !== "dumb" : false;

export const print: Output = {
  line: (text) => void process.stdout.write(`${text}\n`),
  error: (text) => void process.stderr.write(`${text}\n`),
  bold: (text) => (color ? `\u001b[1m${text}\u001b[22m` : text),
};
