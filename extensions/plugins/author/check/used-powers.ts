import type { Manifest } from "@plinth/sdk";

type Power = "net" | "fs" | "env" | "exec" | "secrets" | "principals";

export interface Use {
  power: Power;
  /** The name that was asked for, where the source says it plainly. */
  name?: string;
  file: string;
  line: number;
}

/** What of the context gives which power. A name in quotes right behind it is the one that is used. */
const SIGNS: readonly [Power, RegExp][] = [
  ["net", /\b(?:ctx|context|roads)\s*\.\s*(?:fetch|connect)\b/g],
  ["fs", /\b(?:ctx|context)\s*\.\s*(?:files|dataDir)\b/g],
  ["exec", /\b(?:ctx|context)\s*\.\s*exec\b/g],
  ["secrets", /\b(?:ctx|context)\s*\.\s*secrets\s*\.\s*(?:has|handle)\s*\(\s*["'`]([A-Z][A-Z0-9_]*)["'`]/g],
  ["secrets", /\b(?:ctx|context)\s*\.\s*secrets\b/g],
  ["env", /\b(?:ctx|context)\s*\.\s*env\s*(?:\.\s*|\[\s*["'`])([A-Za-z_][A-Za-z0-9_]*)/g],
  ["env", /\b(?:ctx|context)\s*\.\s*env\b/g],
  ["principals", /\b(?:ctx|context)\s*\.\s*work\s*\(\s*\{\s*role\s*:\s*["'`](owner|guest)["'`]/g],
  ["principals", /\b(?:ctx|context)\s*\.\s*work\b/g],
];

/** Powers that the source asks its context for, by its text: what is hidden from this is still held by the walls. */
export function usedPowers(files: ReadonlyMap<string, string>): Use[] {
  const uses: Use[] = [];
  for (const [file, source] of files) {
    // Comments say nothing about what is used; their lines stay, so that places are right.
    const text = source.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/[^\n]*/g, (comment) => comment.replaceAll(/[^\n]/g, " "));
    for (const [power, sign] of SIGNS) {
      for (const match of text.matchAll(sign)) {
        const line = text.slice(0, match.index).split("\n").length;
        uses.push({ power, file, line, ...(match[1] === undefined ? {} : { name: match[1] }) });
      }
    }
  }
  return uses;
}

/** Uses that the manifest does not declare: the host would refuse them. */
export function undeclared(manifest: Manifest, uses: readonly Use[]): Use[] {
  const permissions: Partial<Record<Power, readonly string[]>> = manifest.permissions ?? {};
  return uses.filter(({ power, name }) => {
    const declared = permissions[power] ?? [];
    return name === undefined ? declared.length === 0 : !declared.includes(name);
  });
}

/** What the manifest asks for without a sign of it in the source: people are asked to allow it for nothing. */
export function unused(manifest: Manifest, uses: readonly Use[]): string[] {
  return Object.entries(manifest.permissions ?? {}).flatMap(([power, names]) => {
    const found = uses.filter((use) => use.power === power);
    const named = new Set(found.flatMap(({ name }) => name ?? []));
    // Each use is found once without and, where it says one, once with a name: more without is a name made at run time.
    const hidden = found.filter(({ name }) => name === undefined).length > found.filter(({ name }) => name !== undefined).length;
    const spare = found.length === 0 ? names : NAMED.has(power) && !hidden ? names.filter((name) => !named.has(name)) : [];
    return spare.map((name) => `${power}: ${name}`);
  });
}

/** Powers over things that the source calls by the name in the manifest. */
const NAMED: ReadonlySet<string> = new Set(["secrets", "env", "principals"]);
