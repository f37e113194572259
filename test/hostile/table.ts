import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { root } from "../e2e/lab.ts";
import type { HostileCase, Phase, Stop, Tier } from "./case.ts";

const FILE = join(root, "docs/security/containment.md");

const PHASES: Record<Phase, string> = {
  install: "While it is installed",
  activate: "When it starts",
  call: "When it is called",
  stream: "When it streams",
  hook: "When its hook is fired",
  timer: "When nobody calls it",
  command: "When its command is typed",
  stop: "When it is stopped",
};
const TIERS: readonly Tier[] = ["isolate", "process"];

/** The page: what each case may be stopped by is asserted against what was found, so the page says what was found. */
export function tableOf(cases: readonly HostileCase[]): string {
  const runs = cases.flatMap(({ stopped }) => TIERS.filter((tier) => stopped[tier] !== undefined)).length;
  const sections = Object.entries(PHASES).flatMap(([phase, title]) => {
    const own = cases.filter((one) => one.phase === phase).sort((a, b) => (a.id < b.id ? -1 : 1));
    return own.length === 0 ? [] : [`## ${title}\n`, HEAD, ...own.flatMap(rowsOf), ""];
  });
  return `${intro(cases.length, runs)}\n${sections.join("\n")}`;
}

export const readTable = (): Promise<string> => readFile(FILE, "utf8").catch(() => "");

export async function writeTable(text: string): Promise<void> {
  await mkdir(dirname(FILE), { recursive: true });
  await writeFile(FILE, text);
}

const intro = (cases: number, runs: number): string => `# Containment

${cases} hostile extensions, ${runs} runs. Each is a real package that is installed with consent into a running gateway and called,
while ordinary turns of other sessions run beside it. After each: the gateway is the same process, every other turn was answered with
its own right text (where a tool came later than the two seconds that it has here, when asked again, at most twice), no other extension
has a fault, no secret was seen in any answer or log line, nothing outside was touched, the culprit is named, and no process of it
remains.

Code "none": the caller was given a plain result, and what was tried had no effect. More than one line in a cell: a race decides which
limit is met first. \`bounded\`: it may go on within its budget, and nobody notices.

This page is made by \`test/hostile/\`: \`PLINTH_WRITE_DOCS=1 PLINTH_HOSTILE=all npm test -- test/hostile\`. The same test fails when it
finds something else than what stands here.
`;

const HEAD = "| case | an extension that … | tier | stopped by | code |\n| ---- | ------------------- | ---- | ---------- | ---- |";

const rowsOf = ({ id, tries, stopped, slow }: HostileCase): string[] =>
  TIERS.flatMap((tier) => {
    const stops: readonly Stop[] = [stopped[tier] ?? []].flat();
    if (stops.length === 0) return [];
    const cell = (write: (stop: Stop) => string): string => [...new Set(stops.map(write))].join("<br>");
    return [
      `| ${id}${slow?.includes(tier) ? " (slow)" : ""} | ${tries.replaceAll("|", "\\|")} | ${tier} | ${cell((one) => one.by)} | ${cell((one) => one.code)} |`,
    ];
  });
