import { cp, mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { treeDigest } from "../digest.ts";
import { errors } from "../errors.ts";
import { draftOf, syncFolder, syncTree } from "./atomic-file.ts";
import { packageDir } from "./installed.ts";

/**
 * Copy a package into the content store, whole or not at all; what is there already stays.
 *
 * @returns its folder.
 * @throws PLINTH_DIGEST when the copy has other bytes than were inspected.
 */
export async function storePackage(home: string, id: string, from: string, digest: string): Promise<string> {
  const target = packageDir(home, digest);
  if (await stat(target).catch(() => undefined)) return target;
  const draft = draftOf(target);
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  try {
    await cp(from, draft, { recursive: true, errorOnExist: true, verbatimSymlinks: true });
    if ((await treeDigest(id, draft)).digest !== digest) throw errors.digest(id, "its files changed while they were copied");
    await syncTree(draft);
    await rename(draft, target);
    await syncFolder(dirname(target));
    return target;
  } catch (thrown) {
    await rm(draft, { recursive: true, force: true });
    throw thrown;
  }
}
