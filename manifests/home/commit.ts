import { rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { formatLock } from "../check/documents.ts";
import { syncFolder, writeAtomic } from "./atomic-file.ts";
import { documentFile, type Installed, type InstalledDocument, lockFile, nextLockFile, olderFiles } from "./installed.ts";
import { readJsonIfAny, readTextIfAny } from "./text-file.ts";

/**
 * Put down what is installed and allowed. The rename of `installed.json` decides; `plinth.lock` is its readable copy, made
 * ready before and put in place after. Only for whoever holds the writers' lock.
 */
export async function commitInstalled(home: string, { lock, grants, records, removed }: Omit<Installed, "problems">): Promise<void> {
  const text = formatLock(lock);
  const sorted = Object.fromEntries([...grants].sort(([a], [b]) => (a < b ? -1 : 1)));
  const kept = records.filter((one) => !one.bundled).map(({ manifest, digest }) => ({ manifest, digest }));
  const document: InstalledDocument = { installed: 1, lock: text, grants: sorted, records: kept, removed: [...removed] };
  const here = await readTextIfAny(lockFile(home));
  const isEmpty = Object.keys(lock.extensions).length === 0;
  // No lock is an empty lock, and no document says that there is nothing.
  if (here === undefined && isEmpty && grants.size === 0 && removed.length === 0) {
    for (const file of [documentFile(home), ...olderFiles(home)]) await rm(file, { force: true });
    return await syncFolder(home);
  }
  const brings = here !== text && (here !== undefined || !isEmpty);
  if (brings) await writeAtomic(nextLockFile(home), text, { mode: 0o644 });
  await writeAtomic(documentFile(home), JSON.stringify(document));
  // From here on it is done: what fails now is completed by whoever comes next.
  if (brings) await placeLock(home).catch(() => {});
  for (const file of olderFiles(home)) await rm(file, { force: true }).catch(() => {});
}

/** Complete or undo what a killed commit left. Only for whoever holds the writers' lock. */
export async function settleCommit(home: string): Promise<void> {
  const next = await readTextIfAny(nextLockFile(home));
  const document = (await readJsonIfAny(documentFile(home)).catch(() => undefined)) as Partial<InstalledDocument> | undefined;
  if (next !== undefined) {
    if (next === document?.lock) await placeLock(home);
    else await rm(nextLockFile(home), { force: true });
  }
  if (document !== undefined) for (const file of olderFiles(home)) await rm(file, { force: true });
}

/** Tells one commit from another without reading it; empty where nothing was ever committed. */
export async function stampOf(file: string): Promise<string> {
  const found = await stat(file, { bigint: true }).catch(() => undefined);
  return found === undefined ? "" : `${found.ino}.${found.mtimeNs}.${found.size}`;
}

async function placeLock(home: string): Promise<void> {
  await rename(nextLockFile(home), lockFile(home));
  await syncFolder(dirname(lockFile(home)));
}
