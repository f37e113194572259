import { type Finding, visible } from "@plinth/sdk";

/** Everything that was looked at, and what came of it. */
export interface Report {
  healthy: boolean;
  version: string;
  node: string;
  home: string;
  findings: Finding[];
  checks: { id: string; extension: string; title: string; outcome: "examined" | "failed" | "needs --online" }[];
  /** What `--fix` did, a sentence each. */
  mended: string[];
  extensions: { all: number; installed: number };
}

/** The report as lines of at most so many columns. Words of others neither steer the terminal nor hide something. */
export function reportText({ findings, checks, mended, extensions }: Report, terminal: { columns: number; color: boolean }, about?: string): string {
  const columns = Math.max(40, terminal.columns || 80);
  const bold = (text: string): string => (terminal.color ? `\u001b[1m${text}\u001b[22m` : text);
  const [problems, notices] = [findings.filter(({ severity }) => severity === "problem"), findings.filter(({ severity }) => severity === "notice")];
  const blocks: string[] = [];
  if (mended.length > 0) blocks.push(mended.map((one) => wrapped(plain(one), columns)).join("\n"));
  const examined = checks.filter(({ outcome }) => outcome !== "needs --online").length;
  const all = about ?? `${examined} checks, ${extensions.all} extensions, ${extensions.installed} of them installed by you`;
  const nothing = about === undefined ? `Nothing is wrong: ${all}.` : `Nothing is wrong with ${plain(about)}.`;
  blocks.push(wrapped(problems.length === 0 ? nothing : `${problems.length} ${problems.length === 1 ? "thing is" : "things are"} wrong.`, columns));
  for (const finding of problems) blocks.push(findingText(finding, columns, bold));
  if (notices.length > 0) blocks.push("Worth knowing:");
  for (const finding of notices) blocks.push(findingText(finding, columns, bold));
  const left = checks.filter(({ outcome }) => outcome === "needs --online").map(({ title }) => title);
  if (about === undefined && left.length > 0) blocks.push(wrapped(`Not looked at without --online: ${left.map(plain).join(", ")}.`, columns));
  return `${blocks.join("\n\n")}\n`;
}

function findingText({ owner, what, code, why, next }: Finding, columns: number, bold: (text: string) => string): string {
  const title = wrapped(`${plain(owner)}: ${plain(what)} (${plain(code)})`, columns).split("\n");
  const items = [why, `Next: ${next}`].map((item) => wrapped(`  - ${plain(item)}`, columns, "    "));
  return [...title.map(bold), ...items].join("\n");
}

function wrapped(text: string, columns: number, indent = ""): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.trimStart().split(" ")) {
    if (line !== "" && indentOf(lines, text, indent).length + line.length + 1 + word.length > columns) {
      lines.push(indentOf(lines, text, indent) + line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, indentOf(lines, text, indent) + line].join("\n");
}

/** The first line is indented as it came. */
const indentOf = (lines: readonly string[], text: string, indent: string): string =>
  lines.length > 0 ? indent : text.slice(0, text.length - text.trimStart().length);

const plain = (text: string): string => visible(text, { max: 4_000 });
