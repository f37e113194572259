import { visible } from "@plinth/sdk";

/** What a person is told: blocks that are written as Markdown for a conversation or as text for a terminal. */
export interface Report {
  blocks: Block[];
  /** Buttons for what comes next. */
  suggest?: { label: string; text: string }[];
  /** What to run in a shell when a person says yes. */
  confirm?: { question: string; argv: string[] };
  /** What a shell prints instead of the blocks, to the byte. */
  verbatim?: string;
  /** The shell's exit status where it is not 0. */
  exit?: number;
}

/** Strings of `text` and `title` are this extension's own words; outside words in them went through `safe` or `code`. */
export type Block =
  | { text: string }
  | { title: string }
  | { items: string[] }
  | { facts: [name: string, value: string][] }
  | { head: string[]; rows: string[][] };

/** Channels cut or refuse messages that are much longer; a line about the next page has to fit, too. */
const MARKDOWN_LIMIT = 3_400;

/** Text from outside as one harmless line: no control characters, no links, images, tags or code. */
export function safe(text: string, most = 300): string {
  const line = visible(text, { max: 10_000 })
    .replaceAll("[", "(")
    .replaceAll("]", ")")
    .replaceAll("<", "‹")
    .replaceAll(">", "›")
    .replaceAll("`", "'")
    .trim();
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}

export function code(text: string): string {
  return `\`${safe(text, 200)}\``;
}

/** Pages that a message carries each; nothing is left out. */
export function markdownPages({ blocks }: Pick<Report, "blocks">): string[] {
  const lines = blocks.flatMap((block): string[] => {
    if ("text" in block) return ["", block.text];
    if ("title" in block) return ["", `**${block.title}**`];
    if ("items" in block) return ["", ...block.items.map((item) => `- ${safe(item)}`)];
    if ("facts" in block) return ["", ...block.facts.map(([name, value]) => `- ${name}: ${safe(value)}`)];
    return [
      "",
      ...block.rows.map(([first = "", ...rest]) => `- ${[code(first), ...rest.filter(Boolean).map((cell) => safe(cell, 160))].join(" · ")}`),
    ];
  });
  const pages: string[] = [];
  let text = "";
  for (const line of lines.map((one) => cut(one, MARKDOWN_LIMIT))) {
    if (text.length + line.length + 1 > MARKDOWN_LIMIT) {
      pages.push(text.trim());
      text = "";
    }
    if (line !== "" || text !== "") text += `${line}\n`;
  }
  return [...pages, text.trim()];
}

export function terminalText({ blocks }: Report, terminal: { columns: number; color: boolean }): string {
  const columns = Math.max(40, terminal.columns || 80);
  const bold = (text: string) => (terminal.color ? `\u001b[1m${text}\u001b[22m` : text);
  const parts = blocks.map((block): string => {
    if ("text" in block) return wrap(plain(block.text), columns, "").join("\n");
    if ("title" in block) return bold(plain(block.title));
    if ("items" in block) return block.items.flatMap((item) => wrap(`- ${plain(item)}`, columns - 2, "  ").map((line) => `  ${line}`)).join("\n");
    if ("facts" in block) return facts(block.facts, columns);
    return table(block.head, block.rows, columns, bold);
  });
  return `${parts.join("\n\n").replace(/\n\n(?= {2}-)/g, "\n")}\n`;
}

function facts(entries: [string, string][], columns: number): string {
  const indent = Math.max(0, ...entries.map(([name]) => name.length)) + 2;
  return entries.flatMap(([name, value]) => wrap(name.padEnd(indent) + plain(value), columns, " ".repeat(indent))).join("\n");
}

function table(head: string[], rows: string[][], columns: number, bold: (text: string) => string): string {
  const cells = rows.map((row) => row.map(plain));
  const widths = head.map((title, at) => Math.max(title.length, ...cells.map((row) => row[at]?.length ?? 0)));
  const room = columns - 2 * (head.length - 1);
  for (let over = widths.reduce((sum, one) => sum + one, 0) - room; over > 0; over--) {
    const widest = widths.indexOf(Math.max(...widths));
    widths[widest] = (widths[widest] as number) - 1;
  }
  const line = (row: string[]) =>
    row
      .map((cell, at) => cut(cell, widths[at] as number).padEnd(widths[at] as number))
      .join("  ")
      .trimEnd();
  return [bold(line(head.map((title) => title.toUpperCase()))), ...cells.map(line)].join("\n");
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text;
}

function wrap(text: string, columns: number, indent: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line.trim() && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = indent + word;
    } else line = line === "" && lines.length === 0 ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

const plain = (text: string): string => visible(text, { max: 100_000 });
