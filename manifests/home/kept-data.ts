import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chmod, mkdir, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Where extensions' data lies: folders in the home, and values in whatever fills the slot `plinth.kv-store`. */
export interface DataPlaces {
  home: string;
  stores: { ask(method: string, input: Record<string, unknown>): Promise<unknown> };
}

/** Data that is there for an id which is not installed, and that nobody wrote down whose it is. */
const UNKNOWN = "unknown";
const NO_QUOTA = Number.MAX_SAFE_INTEGER;

/** Take what an extension has stored out of the reach of whoever comes next under its id. It is kept for `party`. */
export async function putAside(places: DataPlaces, id: string, party: string): Promise<void> {
  const name = nameFor(places.home, id, party);
  const from = join(places.home, "state", id);
  // An empty folder is nothing; rmdir() removes no other one.
  await rmdir(from).catch(() => undefined);
  const isThere = existsSync(from);
  if (!isThere && (await keysOf(places, id)).length === 0) return;
  const into = join(folderOf(places.home, id), name);
  await mkdir(into, { recursive: true, mode: 0o700 });
  await writeFile(join(into, "party"), party, { mode: 0o600 });
  if (isThere) await rename(from, join(into, "files"));
  await moveValues(places, id, spaceOf(id, name));
}

/** Give back to `party` what was kept for it, and to nobody else. What lies there and is nobody's is put aside first. */
export async function takeBack(places: DataPlaces, id: string, party: string): Promise<void> {
  await putAside(places, id, UNKNOWN);
  const name = hashOf(party);
  const from = join(folderOf(places.home, id), name);
  if (party === UNKNOWN || !existsSync(from)) return;
  if (existsSync(join(from, "files"))) {
    const into = join(places.home, "state", id);
    await mkdir(join(places.home, "state"), { recursive: true, mode: 0o700 });
    await rename(join(from, "files"), into);
    await chmod(into, 0o700);
  }
  await moveValues(places, spaceOf(id, name), id);
  await rm(from, { recursive: true, force: true });
}

/** For whom something is kept under an id. */
export function keptFor(home: string, id: string): string[] {
  try {
    return readdirSync(folderOf(home, id)).map((name) => readFileSync(join(folderOf(home, id), name, "party"), "utf8").slice(0, 512));
  } catch {
    return [];
  }
}

async function moveValues(places: DataPlaces, from: string, into: string): Promise<void> {
  const { ask } = places.stores;
  for (let keys = await keysOf(places, from); keys.length > 0; keys = await keysOf(places, from)) {
    for (const key of keys) {
      const value = await ask("get", { space: from, key });
      if (typeof value === "string") await ask("set", { space: into, key, value, ...expiryOf(value), quota: NO_QUOTA });
      await ask("delete", { space: from, key });
    }
  }
}

async function keysOf({ stores }: DataPlaces, space: string): Promise<string[]> {
  return (await stores.ask("keys", { space, prefix: "" })) as string[];
}

/** Values are as keyv wrote them: their end stands in them. */
function expiryOf(value: string): { expires?: number } {
  try {
    const { expires } = JSON.parse(value) as { expires?: unknown };
    return typeof expires === "number" ? { expires } : {};
  } catch {
    return {};
  }
}

const hashOf = (party: string): string => createHash("sha256").update(party).digest("hex").slice(0, 32);
const folderOf = (home: string, id: string): string => join(home, "kept", id);
const spaceOf = (id: string, name: string): string => `kept/${id}/${name}`;

/** Nothing that is kept is written over: what comes to the same name later gets another one, and stays for the owner to look at. */
function nameFor(home: string, id: string, party: string): string {
  const name = hashOf(party);
  return existsSync(join(folderOf(home, id), name)) ? `${name}.${Date.now()}` : name;
}
