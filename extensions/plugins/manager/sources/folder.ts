import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { type Call, PlinthError, type Provider } from "@plinth/sdk";
import { ownersOnly } from "./owner.ts";

const SOURCES = ["src/index.ts", "src/index.js", "index.ts"];
const DOCUMENTS = /^(readme|license|licence|notice|changelog)(\.(md|txt))?$/i;
const MANIFEST_BYTES = 524_288;

/** Takes of a folder what belongs into a package: manifest, entry bundle, assets, documents. Source without a bundle is bundled. */
export const folderSource: Provider<"plinth.plugin-source"> = {
  async fetch({ spec: dir, into }, call: Call) {
    ownersOnly(call);
    const entry = await entryOf(dir);
    const { extractArchive, packDirectory, packExtension } = await import("@plinth/registry");
    const built = entry === undefined || existsSync(join(dir, entry));
    if (!built && !SOURCES.some((source) => existsSync(join(dir, source)))) {
      throw new PlinthError("PLINTH_ENTRY_MISSING", `${dir} has no ${entry}, and no source to make it from.`, {
        next: `Build the extension, or add ${SOURCES[0]}.`,
      });
    }
    const tarball = built ? await packDirectory(dir, (name) => !isWanted(name, entry)) : (await packExtension(dir, sdkOptions())).tarball;
    await extractArchive(tarball, into, { signal: call.signal });
    return { source: `folder:${dir}` };
  },
};

/** The manifest's entry as a path below the folder. All else in the manifest is checked by the host. */
async function entryOf(dir: string): Promise<string | undefined> {
  const file = join(dir, "plinth.json");
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile() || found.size > MANIFEST_BYTES) {
    throw new PlinthError("PLINTH_MANIFEST_MISSING", `There is no usable plinth.json in ${dir}.`, {
      next: "Give the folder of an extension, or make one with `plinth create NAME`.",
    });
  }
  try {
    const { entry } = JSON.parse(await readFile(file, "utf8")) as { entry?: unknown };
    return typeof entry === "string" ? posix.normalize(entry) : undefined;
  } catch {
    throw new PlinthError("PLINTH_MANIFEST_INVALID", `${file} is not a JSON object.`, { next: "Correct it and try again." });
  }
}

function isWanted(name: string, entry: string | undefined): boolean {
  if (name === "plinth.json" || name === "assets" || name.startsWith("assets/") || DOCUMENTS.test(name)) return true;
  return entry !== undefined && (name === entry || entry.startsWith(`${name}/`));
}

/** The SDK that came with this product, for folders without one of their own. */
function sdkOptions(): { sdkDir?: string } {
  const candidates = ["../../sdk", "../../../sdk", "../../../../sdk"].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  const sdkDir = candidates.find((dir) => ["extension/index.ts", "extension/index.js"].some((file) => existsSync(join(dir, file))));
  return sdkDir === undefined ? {} : { sdkDir };
}
