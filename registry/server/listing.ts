import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { PackageIndex } from "@plinth/manifests";
import { archiveFiles } from "../archive.ts";
import { skeletonOf } from "./look-alike.ts";
import type { ListedPackage } from "./storage/index.ts";

const MAX_README = 128 * 1024;
const README = /^readme(\.md|\.txt)?$/i;

/** What search and pages show of a package: that of its best version. undefined: no version is offered any more. */
export async function listingOf(index: PackageIndex, dir: string): Promise<ListedPackage | undefined> {
  const offered = index.versions.filter(({ yanked }) => yanked === undefined);
  const best = offered.find(({ version }) => version === index.tags.latest) ?? offered.at(-1);
  if (best === undefined) return undefined;
  return {
    id: index.id,
    version: best.version,
    manifest: best.manifest,
    updatedAt: best.publishedAt,
    readme: await readmeOf(join(dir, best.tarball)),
    skeleton: skeletonOf(index.id),
  };
}

/** A missing or broken tarball has no readme: the listing does not depend on it. */
async function readmeOf(path: string): Promise<string> {
  try {
    for await (const { name, bytes } of archiveFiles(await readFile(path))) {
      if (README.test(name)) return bytes.subarray(0, MAX_README).toString("utf8");
    }
  } catch {
    // Told by whoever verifies the registry.
  }
  return "";
}
