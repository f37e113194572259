import { access, mkdir, open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PlinthError } from "../wire/error.ts";
import { readJsonIfAny } from "./text-file.ts";

const SQLITE_BUSY = 5;
/** Shorter than the deadline of any change, so that who waits is told why. */
const WAIT_MS = 45_000;
const LOOK_MS = 40;

/** Locks that this process holds: one that nobody refers to would be collected, and with it let go. */
const held = new Set<object>();

/**
 * One writer at a time, of all processes that use a home. The lock is the system's own (SQLite's on an empty file): it
 * ends with its process, however that ends. Beside it a note says who writes and what; a note without a lock is what a
 * killed writer leaves.
 */
export class Writers {
  readonly #folder: string;
  readonly #note: string;

  constructor(home: string) {
    this.#folder = join(home, "host");
    this.#note = join(this.#folder, "change.json");
  }

  /**
   * Run `body` while no other process writes.
   *
   * @param body is told whether the writer before was killed: what that one left has to be settled first.
   * @param waitMs longest wait; default 45 s.
   * @throws PLINTH_HOME_BUSY when it is over.
   */
  async run<T>(body: (unsettled: boolean) => Promise<T>, waitMs = WAIT_MS): Promise<T> {
    const release = await this.#take(waitMs);
    try {
      const unsettled = await this.noted();
      await writeFile(this.#note, JSON.stringify({ pid: process.pid, since: Date.now() }), { mode: 0o600 });
      try {
        return await body(unsettled);
      } finally {
        await rm(this.#note, { force: true });
      }
    } finally {
      release();
    }
  }

  /** Whether somebody writes now, or was killed while writing. */
  async noted(): Promise<boolean> {
    return await access(this.#note).then(
      () => true,
      () => false,
    );
  }

  async #take(waitMs: number): Promise<() => void> {
    const end = Date.now() + waitMs;
    const { DatabaseSync } = await import("node:sqlite");
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const file = join(this.#folder, "writers.db");
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
      if (Date.now() >= end) throw await this.#busy();
      await sleep(LOOK_MS * (0.5 + Math.random()));
    }
  }

  async #busy(): Promise<PlinthError> {
    const note = (await readJsonIfAny(this.#note).catch(() => undefined)) as { pid?: unknown; since?: unknown } | undefined;
    const since = typeof note?.since === "number" ? ` since ${new Date(note.since).toISOString()}` : "";
    const who = typeof note?.pid === "number" ? `Process ${note.pid}` : "Another process";
    return new PlinthError("PLINTH_HOME_BUSY", `${who} has been changing this home${since}; nothing was changed here.`, {
      next: "Try again when it is done. If it hangs, end it: what it began is completed or undone by the next command.",
    });
  }
}
