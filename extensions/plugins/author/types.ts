import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { type Manifest, PlinthError } from "@plinth/sdk";
import { type Author, answer, type CommandInput, pathOf, type TerminalItem, word } from "./command.ts";
import { addCommand, knownContracts, unknownContracts } from "./contracts/known-contracts.ts";
import { manifestTypes } from "./manifest-types.ts";

/** `plinth types [DIR]`: the manifest as types, so that `defineExtension<Manifest>` holds the code to it. */
export async function* types(_: Author, input: CommandInput): AsyncIterable<TerminalItem> {
  const { readManifest } = await import("@plinth/registry");
  const dir = pathOf(input, word(input.args, "dir"));
  const manifest = await readManifest(dir);
  if (manifest.entry === undefined) {
    yield answer(input, { id: manifest.id, changed: false }, [`${manifest.id} has no code (no \`entry\` in plinth.json), so it needs no types.`]);
    return;
  }
  const check = input.options.check === true;
  const { file, changed, unknown } = await writeTypes(dir, manifest, !check);
  const shown = relative(input.terminal.cwd, file);
  if (changed && check) {
    throw new PlinthError("PLINTH_TYPES_STALE", `${shown} does not match plinth.json.`, {
      next: "Run `plinth types` and commit the file.",
    });
  }
  yield answer(input, { id: manifest.id, file, changed, unknown }, [
    changed ? `Wrote ${shown}.` : `${shown} is up to date.`,
    ...unknown.map((contract) => `${contract} has no types: this project does not know it. Next: ${addCommand(contract)}`),
  ]);
}

export interface WrittenTypes {
  file: string;
  /** Whether it was not up to date. */
  changed: boolean;
  /** Contracts that are named and not known here. */
  unknown: string[];
}

/** Bring a project's manifest.ts up to date, or only look whether it is. */
export async function writeTypes(dir: string, manifest: Manifest, write = true): Promise<WrittenTypes> {
  const file = join(dir, existsSync(join(dir, "src")) ? "src/manifest.ts" : "manifest.ts");
  const known = await knownContracts(dir, manifest);
  const text = manifestTypes(manifest, known);
  const changed = (await readFile(file, "utf8").catch(() => undefined)) !== text;
  if (changed && write) await writeFile(file, text);
  return { file, changed, unknown: unknownContracts(manifest, known) };
}
