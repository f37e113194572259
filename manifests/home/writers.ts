import { access, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PlinthError } from "../wire/error.ts";
import { takeFileLock } from "./file-lock.ts";
import { readJsonIfAny } from "./text-file.ts";

/** Shorter than the deadline of any change, so that who waits is told why. */
const WAIT_MS = 45_000;

/**
 * One writer at a time, of all processes that use a home. The lock ends with its process, however that ends. Beside it a note
 * says who writes and what; a note without a lock is what a killed writer leaves.
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
    const release = await takeFileLock(join(this.#folder, "writers.db"), waitMs);
    if (release === undefined) throw await this.#busy();
    return release;
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
