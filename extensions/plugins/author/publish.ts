import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { PlinthError } from "@plinth/sdk";
import { type Author, answer, type CommandInput, pathOf, type TerminalItem, word } from "./command.ts";
import { sdkOf } from "./pack.ts";

/** `plinth publish [DIR|TGZ] --registry DIR`: signed and listed, or nothing at all. */
export async function* publishPackage({ product, keyFolder }: Author, input: CommandInput): AsyncIterable<TerminalItem> {
  const { generateKey, packExtension, publish, readKeyFile, readPackageManifest, writeKeyFile } = await import("@plinth/registry");
  const registry = registryFolder(input);
  const path = pathOf(input, word(input.args, "package"));
  const found = await stat(path).catch(() => {
    throw new PlinthError("PLINTH_PACKAGE_MISSING", `There is nothing at ${path}.`, { next: "Name an extension's folder or its tarball." });
  });
  const tarball = found.isDirectory() ? (await packExtension(path, sdkOf(product.sdk()))).tarball : await readFile(path);
  const publisher = (await readPackageManifest(tarball)).id.split(".")[0]!;

  const named = word(input.options, "key");
  const keyFile = named === undefined ? join(keyFolder, `${publisher}.key.json`) : pathOf(input, named);
  let made = false;
  const key = await readKeyFile(keyFile).catch(async (error: { code?: string; cause?: { code?: string } }) => {
    if (named !== undefined || error.cause?.code !== "ENOENT") throw error;
    const fresh = generateKey(publisher);
    await writeKeyFile(keyFile, fresh);
    made = true;
    return fresh;
  });
  if (made && !input.terminal.json) yield { out: `Made a key for ${publisher} in ${keyFile}. Keep it: only it can publish for ${publisher}.\n` };

  const { id, version, size, integrity, keyId, newPublisher } = await publish({ registry, tarball, key });
  yield answer(input, { id, version, size, integrity, keyId, registry, newPublisher, ...(made ? { madeKey: keyFile } : {}) }, [
    `Published ${id} ${version} into ${registry}`,
    `  size       ${size} bytes`,
    `  integrity  ${integrity}`,
    `  key        ${keyId}${newPublisher ? ` (first of ${publisher} here; from now on only this key publishes for it)` : ""}`,
  ]);
}

function registryFolder(input: CommandInput): string {
  const typed = word(input.options, "registry");
  if (typed === undefined || /^https?:/i.test(typed)) {
    throw new PlinthError("PLINTH_REGISTRY_URL", "Publishing needs the registry's folder.", {
      next: "Give it with --registry DIR; serve the folder with any web server.",
    });
  }
  return pathOf(input, typed);
}
