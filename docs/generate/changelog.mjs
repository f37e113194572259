/** The changelog, made from change files: `docs/changes/DATE-WORDS.md`, a kind, an empty line, what somebody notices. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { generatedFrom, page } from "./markdown.mjs";

const KINDS = ["security", "changed", "added", "fixed"];
const NAME = /^(\d{4}-\d{2}-\d{2})-[a-z0-9-]+\.md$/;

/** @throws Error that names the file that is none. */
export function readChanges(folder) {
  return readdirSync(folder)
    .sort()
    .reverse()
    .map((name) => {
      const [kind, ...lines] = readFileSync(join(folder, name), "utf8").trim().split("\n");
      const text = lines.join("\n").trim();
      const date = NAME.exec(name)?.[1];
      if (date === undefined || !KINDS.includes(kind) || text === "" || lines[0] !== "")
        throw new Error(`docs/changes/${name} is no change: DATE-WORDS.md, then ${KINDS.join(", ")}, an empty line and a sentence`);
      return { date, kind, text };
    });
}

export function changelogPage(root) {
  const days = Map.groupBy(readChanges(join(root, "docs/changes")), ({ date }) => date);
  const section = ([date, changes]) => {
    const sorted = [...changes].sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind));
    return page(`## ${date}`, sorted.map(({ kind, text }) => `- **${kind}**: ${text.replaceAll("\n", "\n  ")}`).join("\n")).trimEnd();
  };
  return page(generatedFrom("docs/changes/"), "# Changes", ...[...days].map(section));
}
