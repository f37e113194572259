import { randomUUID } from "node:crypto";
import { open, readFile, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { systemCode } from "./system-error.ts";

export interface LockOptions {
  /** Longest wait in milliseconds; default 30 s. */
  waitMs?: number;
  /** Age in milliseconds from which even a lock whose owner seems alive counts as left behind; default 10 min. */
  staleMs?: number;
}

interface Holder {
  token: string;
  pid: number;
  host: string;
}

/** Run `body` while nobody else, in this process or another, holds the lock file. */
export async function withLock<T>(path: string, body: () => Promise<T>, options: LockOptions = {}): Promise<T> {
  const { waitMs = 30_000, staleMs = 600_000 } = options;
  const holder: Holder = { token: randomUUID(), pid: process.pid, host: hostname() };
  const end = Date.now() + waitMs;
  while (!(await take(path, holder))) {
    await removeStale(path, staleMs);
    if (Date.now() >= end) throw busy(path);
    await sleep(5 + Math.random() * 20);
  }
  try {
    return await body();
  } finally {
    // Only our own: a lock that was judged stale may belong to somebody else by now.
    if ((await read(path))?.token === holder.token) await rm(path, { force: true });
  }
}

/** Create the file with its content in one step as far as others can tell: an empty one is one being written. */
async function take(path: string, holder: Holder): Promise<boolean> {
  const file = await open(path, "wx", 0o644).catch((error) => {
    if (systemCode(error) === "EEXIST") return undefined;
    throw error;
  });
  if (file === undefined) return false;
  try {
    await file.writeFile(JSON.stringify(holder));
  } finally {
    await file.close();
  }
  return true;
}

/** Removing takes a lock of its own, so that of two who find a stale lock the slower one cannot remove the faster one's new lock. */
async function removeStale(path: string, staleMs: number): Promise<void> {
  if (!(await isStale(path, staleMs))) return;
  const guard = `${path}.clearing`;
  const file = await open(guard, "wx").catch(() => undefined);
  if (file === undefined) {
    // Left by a process that died between two steps here. The window is tiny, so that age alone decides.
    const age = await ageOf(guard);
    if (age !== undefined && age > Math.max(staleMs, 60_000)) await rm(guard, { force: true });
    return;
  }
  try {
    if (await isStale(path, staleMs)) await rm(path, { force: true });
  } finally {
    await file.close();
    await rm(guard, { force: true });
  }
}

async function isStale(path: string, staleMs: number): Promise<boolean> {
  const age = await ageOf(path);
  if (age === undefined) return false;
  if (age > staleMs) return true;
  const holder = await read(path);
  // Unreadable: being written just now, or its writer died while writing. Give it a few seconds.
  if (holder === undefined) return age > Math.min(staleMs, 5_000);
  return holder.host === hostname() && !isAlive(holder.pid);
}

async function read(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Holder;
  } catch {
    return undefined;
  }
}

async function ageOf(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? undefined : Date.now() - found.mtimeMs;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}

function busy(path: string): PlinthError {
  return new PlinthError("PLINTH_REGISTRY_BUSY", "Somebody else has been publishing into this registry for too long.", {
    next: `Wait and try again. When nobody is publishing, remove ${path}.`,
  });
}
