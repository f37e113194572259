import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { LOCK_FILE } from "../layout.ts";
import { withLock } from "../publish-lock.ts";
import { RegistryFolder, searchRowOf } from "../registry-folder.ts";
import type { SearchRow } from "../search.ts";
import { listingOf } from "./listing.ts";
import { skeletonOf } from "./look-alike.ts";
import type { ListedPackage, Storage } from "./storage/index.ts";

const BATCH = 500;

/** Make what search and pages need anew from the folder: the database's listing, and search.json. */
export async function reindex(dir: string, storage: Storage, now: () => number = Date.now): Promise<{ packages: number; versions: number }> {
  const folder = new RegistryFolder(dir);
  return withLock(join(dir, LOCK_FILE), async () => {
    await storage.packages.clear();
    const rows: SearchRow[] = [];
    let batch: ListedPackage[] = [];
    let versions = 0;
    for await (const id of packageIds(dir)) {
      const index = await folder.index(id);
      versions += index.versions.length;
      const listed = await listingOf(index, dir);
      if (listed !== undefined) batch.push(listed);
      const row = searchRowOf(index);
      if (row !== undefined) rows.push(row);
      if (batch.length < BATCH) continue;
      await storage.packages.put(batch);
      batch = [];
    }
    await storage.packages.put(batch);
    await folder.writeSearch(rows);
    await storage.pending.remove(await storage.pending.list());
    await registerKnownPublishers(dir, storage, now);
    return { packages: rows.length, versions };
  });
}

/** Publishers who came into the folder without the service: known, and without owners until somebody names one. */
export async function registerKnownPublishers(dir: string, storage: Storage, now: () => number): Promise<void> {
  const { keys } = await new RegistryFolder(dir).root();
  const createdAt = new Date(now()).toISOString();
  for (const name of Object.keys(keys)) {
    if ((await storage.publishers.find(name)) === undefined) await storage.publishers.add({ name, owners: [], createdAt }, skeletonOf(name));
  }
}

async function* packageIds(dir: string): AsyncGenerator<string> {
  const packages = join(dir, "packages");
  for (const publisher of (await readdir(packages).catch(() => [])).sort()) {
    for (const file of (await readdir(join(packages, publisher))).sort()) {
      if (file.endsWith(".json") && !file.startsWith(".")) yield `${publisher}.${file.slice(0, -".json".length)}`;
    }
  }
}
