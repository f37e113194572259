import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { PlinthError } from "@plinth/sdk";
import { type Author, answer, type CommandInput, pathOf, type TerminalItem, word } from "./command.ts";
import { manifestTypes } from "./manifest-types.ts";

/** `plinth types [DIR]`: the manifest as types, so that `defineExtension<Manifest>` holds the code to it. */
export async function* types(_: Author, input: CommandInput): AsyncIterable<TerminalItem> {
  const { readManifest } = await import("@plinth/registry");
  const dir = pathOf(input, word(input.args, "dir"));
  const manifest = await readManifest(dir);
  const file = join(dir, existsSync(join(dir, "src")) ? "src/manifest.ts" : "manifest.ts");
  const text = manifestTypes(manifest);
  const before = await readFile(file, "utf8").catch(() => undefined);
  const changed = before !== text;
  const shown = relative(input.terminal.cwd, file);
  if (changed && input.options.check === true) {
    throw new PlinthError("PLINTH_TYPES_STALE", `${shown} does not match plinth.json.`, {
      next: "Run `plinth types` and commit the file.",
    });
  }
  if (changed) await writeFile(file, text);
  yield answer(input, { id: manifest.id, file, changed }, [changed ? `Wrote ${shown}.` : `${shown} is up to date.`]);
}
