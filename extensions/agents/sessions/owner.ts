import { randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const NAME = /^owner-([0-9a-f]{16})\.lock$/;

/**
 * Who holds claims: a file that its process keeps locked. The kernel drops the lock when the process dies, however it
 * dies, so that another one can tell a dead owner from a busy one. Process ids would lie across containers.
 */
export class Owner {
  readonly id: string;
  readonly #dir: string;
  readonly #lock: DatabaseSync;

  private constructor(dir: string, id: string, lock: DatabaseSync) {
    this.#dir = dir;
    this.id = id;
    this.#lock = lock;
  }

  static take(dir: string): Owner {
    for (;;) {
      const id = randomBytes(8).toString("hex");
      const lock = tryLock(dir, id, true);
      // A sweeper may have removed the file between its making and its locking.
      if (lock !== undefined && existsSync(pathOf(dir, id))) return new Owner(dir, id, lock);
      lock?.close();
    }
  }

  /** Whether the process behind an owner id still runs. */
  alive(id: string): boolean {
    if (id === this.id) return true;
    const path = pathOf(this.#dir, id);
    if (!existsSync(path)) return false;
    const lock = tryLock(this.#dir, id, false);
    if (lock === undefined) return true;
    rmSync(path, { force: true });
    lock.close();
    return false;
  }

  /** Remove the files of dead owners. */
  sweep(): void {
    for (const name of readdirSync(this.#dir)) {
      const id = NAME.exec(name)?.[1];
      if (id !== undefined) this.alive(id);
    }
  }

  release(): void {
    rmSync(pathOf(this.#dir, this.id), { force: true });
    this.#lock.close();
  }
}

const pathOf = (dir: string, id: string): string => join(dir, `owner-${id}.lock`);

/** Node has no file locks of its own; an exclusive SQLite transaction on an empty file is one. */
function tryLock(dir: string, id: string, create: boolean): DatabaseSync | undefined {
  const path = pathOf(dir, id);
  if (create) closeSync(openSync(path, "ax", 0o600));
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    db.exec("PRAGMA journal_mode = MEMORY");
    db.exec("BEGIN EXCLUSIVE");
    return db;
  } catch {
    db.close();
    return undefined;
  }
}
