import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DRAFT } from "./atomic-file.ts";
import { settleCommit } from "./commit.ts";
import { isOwnerRunning, isSameProcess, ownerName } from "./process-identity.ts";

/** No write takes so long: a draft this old is nobody's, whoever has its process's number by now. */
const OLD_MS = 60 * 60_000;

const storeFolder = (home: string): string => join(home, "store");
const hostsFolder = (home: string): string => join(home, "host", "running");

/** Says that this process uses the home for long, so that no other one takes packages from under it. Returns the end of it. */
export async function announceHost(home: string): Promise<() => Promise<void>> {
  const file = join(hostsFolder(home), ownerName());
  await mkdir(hostsFolder(home), { recursive: true, mode: 0o700 });
  await writeFile(file, "", { mode: 0o600 });
  return () => rm(file, { force: true });
}

/**
 * Complete or undo what killed processes began, and remove what they left: drafts of files, packages that are neither
 * installed nor used. Only for whoever holds the writers' lock.
 *
 * @param used digests of packages that are installed, or that this process may still start.
 */
export async function sweepHome(home: string, used: Iterable<string>): Promise<void> {
  await settleCommit(home);
  const state = join(home, "state");
  // What other publishers' extensions keep is theirs.
  const own = (await names(state)).filter((name) => name.startsWith("plinth."));
  for (const folder of [home, join(home, "host"), join(home, "host", "config"), ...own.map((name) => join(state, name))]) await sweepDrafts(folder);
  await sweepStore(home, used);
}

/** Whether there are packages that nobody needs. */
export async function hasOrphans(home: string, used: Iterable<string>): Promise<boolean> {
  return (await orphansIn(home, used)).length > 0;
}

/** Remove packages that nobody needs; those that another running host may still start stay until it is gone. */
export async function sweepStore(home: string, used: Iterable<string>): Promise<void> {
  const shared = await othersRun(home);
  for (const name of await orphansIn(home, used))
    if (!shared || DRAFT.test(name)) await rm(join(storeFolder(home), name), { recursive: true, force: true });
}

async function orphansIn(home: string, used: Iterable<string>): Promise<string[]> {
  const found = await names(storeFolder(home));
  if (found.length === 0) return found;
  const wanted = new Set([...used].map((digest) => digest.slice(0, 32)));
  return found.filter((name) => !wanted.has(name));
}

/** Remove drafts whose writers are gone. */
export async function sweepDrafts(folder: string): Promise<void> {
  for (const name of await names(folder)) {
    const pid = DRAFT.exec(name)?.[1];
    if (pid === undefined) continue;
    const path = join(folder, name);
    if (isSameProcess(Number(pid), null) === false || (await ageOf(path)) > OLD_MS) await rm(path, { recursive: true, force: true });
  }
}

/** Whether another process announced itself and still runs; what ended without a word is forgotten here. */
async function othersRun(home: string): Promise<boolean> {
  const own = ownerName();
  let others = false;
  for (const name of await names(hostsFolder(home))) {
    if (name === own) continue;
    if (isOwnerRunning(name)) others = true;
    else await rm(join(hostsFolder(home), name), { force: true });
  }
  return others;
}

async function ageOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? 0 : Date.now() - found.mtimeMs;
}

const names = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
