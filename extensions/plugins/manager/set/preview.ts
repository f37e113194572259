import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client, Context } from "@plinth/sdk";
import type { Part } from "./step.ts";

/** What an update would change beside permissions. */
export interface Preview extends Part {
  changelog: string[];
  /** Whether something of it runs now, and would be started anew. */
  restarts: boolean;
}

const MOST_LINES = 12;
const MOST_BYTES = 262_144;

export async function previewsOf(ctx: Context, parts: readonly Part[], dirs: readonly string[]): Promise<Preview[]> {
  type Status = Awaited<ReturnType<Client<"plinth.host">["status"]>>;
  const { extensions }: Status = await ctx.use("plinth.host").one().status({});
  const active = new Set(extensions.filter(({ state }) => state === "active").map(({ id }) => id));
  return await Promise.all(
    parts.map(async (part, at) => ({
      ...part,
      changelog: await changelogOf(dirs[at] as string, part),
      restarts: part.replaces !== undefined && active.has(part.id),
    })),
  );
}

/** The lines of a package's changelog from its newest heading down to that of the version that is there now. */
async function changelogOf(dir: string, { replaces }: Part): Promise<string[]> {
  for (const name of ["CHANGELOG.md", "changelog.md", "CHANGELOG.txt", "CHANGELOG"]) {
    const text = await readFile(join(dir, name), "utf8").catch(() => undefined);
    if (text !== undefined) return linesOf(text.slice(0, MOST_BYTES), replaces);
  }
  return [];
}

export function linesOf(text: string, installed: string | undefined): string[] {
  const lines: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    const isHeading = /^(#+\s|\[?v?\d+\.\d+\.\d+)/.test(line);
    if (isHeading && installed !== undefined && new RegExp(`(^|[^\\d.])${installed.replace(/[.+]/g, "\\$&")}($|[^\\d.])`).test(line)) break;
    if (line.trim() === "" || /^#\s*change\s?log/i.test(line)) continue;
    if (lines.length === MOST_LINES) return [...lines, "…"];
    lines.push(line.replace(/^#+\s*/, "").trim());
  }
  return lines;
}
