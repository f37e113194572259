import { join } from "node:path";
import { treeDigest } from "@plinth/manifests/digest.ts";
import type { CatalogRecord } from "@plinth/manifests/home/installed.ts";
import type { ExtensionObject } from "@plinth/manifests/wire/bridge.ts";
import { errors } from "../errors.ts";

/** The entry's bytes, read while the whole tree is checked against the digest that was consented to. */
export async function verifiedSource({ manifest, dir, digest, bundled }: CatalogRecord): Promise<string> {
  const entry = (manifest.entry ?? "").replace(/^\.\//, "");
  if (bundled) {
    const { readFile } = await import("node:fs/promises");
    return readFile(join(dir, entry), "utf8");
  }
  const found = await treeDigest(manifest.id, dir, entry).catch((thrown: NodeJS.ErrnoException) => {
    throw errors.digest(manifest.id, thrown.code ?? thrown.message);
  });
  if (found.digest !== digest) throw errors.digest(manifest.id, "a file was changed, added or removed");
  if (found.captured === undefined) throw errors.digest(manifest.id, `${entry} is not in it`);
  return found.captured.toString("utf8");
}

/** The entry's default export, if it was made by the SDK's defineExtension. */
export function extensionOf(id: string, namespace: { default?: unknown }): ExtensionObject {
  const value = namespace.default as ExtensionObject | undefined;
  if (value?.plinth === 1 && typeof value.start === "function") return value;
  throw errors.payload(id, "an extension", "its entry does not export defineExtension({ activate }) as default");
}
