import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Manifest } from "@plinth/sdk";
import semver from "semver";
import type { World } from "../world.ts";
import type { Kept, Previous } from "./previous.ts";

/** An earlier version with its package. */
export interface Earlier extends Kept {
  dir: string;
  /** Read for its edges only; the host checks it again. */
  manifest: Manifest;
}

/**
 * What has to go back together with one extension, itself first: those that its earlier version cannot be with, at the
 * version that was replaced in the same moment or else the newest kept one that fits. What does not fit nevertheless is
 * told by the host.
 */
export async function goingBack(id: string, chosen: Kept, world: World, previous: Previous): Promise<Map<string, Earlier>> {
  const back = new Map<string, Earlier>();
  const add = async (other: string, fits: (kept: Kept) => boolean): Promise<void> => {
    const all = (await previous.of(other)).filter(fits);
    const kept = all.find(({ at }) => at === chosen.at) ?? all[0];
    const found = kept === undefined ? undefined : await open(kept, previous);
    if (found !== undefined) back.set(other, found);
  };
  await add(id, ({ lock }) => lock.digest === chosen.lock.digest);
  // Entries that are added on the way are visited, too.
  for (const [one, { manifest }] of back) {
    for (const [other, range] of Object.entries(manifest.extensions ?? {})) {
      const version = back.get(other)?.manifest.version ?? world.installed.get(other)?.manifest.version;
      if (version !== undefined && !back.has(other) && !semver.satisfies(version, range)) {
        await add(other, ({ lock }) => semver.satisfies(lock.version, range));
      }
    }
    for (const [other, installed] of world.installed) {
      const range = installed.manifest.extensions?.[one];
      if (range !== undefined && !back.has(other) && !semver.satisfies(manifest.version, range)) await add(other, () => true);
    }
  }
  return back;
}

async function open(kept: Kept, previous: Previous): Promise<Earlier | undefined> {
  const dir = await previous.folder(kept.lock.digest);
  if (dir === undefined) return undefined;
  const manifest = JSON.parse(await readFile(join(dir, "plinth.json"), "utf8")) as Manifest;
  return { ...kept, dir, manifest };
}
