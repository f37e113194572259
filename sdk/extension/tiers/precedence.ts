import { writeFileSync } from "node:fs";
import { constants, setPriority } from "node:os";

const { PRIORITY_BELOW_NORMAL: MODEST, PRIORITY_LOW: LAST } = constants.priority;
/** Shares of a processor: who uses as much goes last, until it uses as little. */
const BURNS = 0.7;
const RESTS = 0.3;
/** Users other than root may change one autogroup ten times a second, all of them together. */
const AGAIN_MS = 110;
const TRIES = 20;

/**
 * Where a launched process, which leads a session, stands in the queue for a processor: behind its host, and behind
 * everybody when it burns one.
 *
 * Linux shares processors between sessions first (autogroups, sched(7)), and a process's own priority says nothing to other
 * sessions; where autogroups are off, or control groups do the sharing, that priority counts. Both are inherited by what it starts.
 */
export class Precedence {
  readonly #pid: number;
  #wanted: number = MODEST;
  #have: number | null = null;

  constructor(pid: number) {
    this.#pid = pid;
    try {
      setPriority(pid, MODEST);
    } catch {
      // It ended already.
    }
    this.#settle(TRIES);
  }

  /** @param share of one processor that it used lately, with all it started. */
  used(share: number): void {
    if (share > BURNS) this.#wanted = LAST;
    else if (share < RESTS) this.#wanted = MODEST;
    this.#settle(1);
  }

  #settle(tries: number): void {
    if (this.#wanted === this.#have || process.platform !== "linux") return;
    try {
      writeFileSync(`/proc/${this.#pid}/autogroup`, String(this.#wanted));
      this.#have = this.#wanted;
    } catch (error) {
      // Else it ended already, or this kernel has no autogroups.
      if ((error as NodeJS.ErrnoException).code === "EAGAIN" && tries > 1) setTimeout(() => this.#settle(tries - 1), AGAIN_MS).unref();
    }
  }
}
