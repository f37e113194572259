import { visible } from "@plinth/sdk";
import { type AuditRecord, isGap } from "./record.ts";

const WIDEST_ID = 24;

/** Records as text for a terminal: a line for the day (UTC) where it changes, then one block for each record. */
export class AuditLines {
  readonly #columns: number;
  readonly #color: boolean;
  #day = "";

  constructor(terminal: { columns: number; color: boolean }) {
    this.#columns = Math.max(60, terminal.columns || 80);
    this.#color = terminal.color;
  }

  of(records: readonly AuditRecord[]): string {
    const wide = Math.min(WIDEST_ID, Math.max(12, ...records.map(({ extension }) => plain(extension).length)));
    return records.map((record) => this.#heading(record) + this.#block(record, wide)).join("");
  }

  #heading({ at }: AuditRecord): string {
    const day = new Date(at).toISOString().slice(0, 10);
    if (day === this.#day) return "";
    this.#day = day;
    return `${this.#paint(1, `${day} UTC`)}\n`;
  }

  #block(record: AuditRecord, wide: number): string {
    const time = new Date(record.at).toISOString().slice(11, 19);
    if (isGap(record)) return `${time}  ${this.#paint(33, `(${plain(record.what)})`)}\n`;
    const word = record.allowed ? "allowed" : this.#paint(31, "refused");
    const id = plain(record.extension);
    const head = `${time}  ${word}  ${(id.length > wide ? `${id.slice(0, wide - 1)}…` : id).padEnd(wide)}  ${plain(record.kind).padEnd(6)}  `;
    const [first = "", ...rest] = wrap(plain(record.what), this.#columns - 27 - wide);
    const who = [record.principal, record.work && `work ${record.work}`].filter(Boolean).join(", ");
    const why = [[record.code, record.why].filter(Boolean).join(": "), who].filter(Boolean).join("; ");
    const indent = " ".repeat(19);
    const below = [...rest, ...(why === "" ? [] : wrap(plain(why), this.#columns - indent.length))];
    return [`${head}${first}`, ...below.map((line) => indent + line)].map((line) => `${line}\n`).join("");
  }

  #paint(style: number, text: string): string {
    return this.#color ? `\u001b[${style}m${text}\u001b[${style === 1 ? 22 : 39}m` : text;
  }
}

const plain = (text: string): string => visible(text, { max: 10_000 });

function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (let rest = text; rest !== ""; ) {
    const space = rest.length > columns ? rest.lastIndexOf(" ", columns) : -1;
    const end = rest.length <= columns ? rest.length : space > 0 ? space : columns;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return lines;
}
