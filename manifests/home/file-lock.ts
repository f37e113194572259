import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const SQLITE_BUSY = 5;
const LOOK_MS = 40;

/** Locks that this process holds: one that nobody refers to would be collected, and with it let go. */
const held = new Set<object>();

/**
 * A lock of all processes: the system's own (SQLite's on an empty file), which ends with its process, however that ends.
 *
 * @param waitMs longest wait while another has it.
 * @returns what lets it go; undefined when the wait is over.
 */
export async function takeFileLock(file: string, waitMs: number): Promise<(() => void) | undefined> {
  const end = Date.now() + waitMs;
  const { DatabaseSync } = await import("node:sqlite");
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await (await open(file, "a", 0o600)).close();
  for (;;) {
    const db = new DatabaseSync(file, { timeout: 0 });
    try {
      db.exec("BEGIN IMMEDIATE");
      held.add(db);
      return () => {
        held.delete(db);
        db.close();
      };
    } catch (thrown) {
      db.close();
      if (((thrown as { errcode?: number }).errcode ?? 0) % 256 !== SQLITE_BUSY) throw thrown;
    }
    if (Date.now() >= end) return undefined;
    await sleep(LOOK_MS * (0.5 + Math.random()));
  }
}
