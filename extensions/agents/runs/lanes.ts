import { PlinthError } from "@plinth/sdk";

export interface LaneLimits {
  maxParallel: number;
  maxQueued: number;
  maxWaiting: number;
}

export interface Place {
  readonly granted: Promise<void>;
  readonly now: boolean;
  leave(): void;
}

interface Ticket {
  readonly key: string;
  readonly grant: () => void;
}

/**
 * One lane for each session: its turns run one at a time, in the order in which they asked. Of all lanes at most
 * `maxParallel` run at once; lanes get their turn in the order in which they became ready.
 *
 * Who waits is resumed in its own async context: a turn never runs as whoever happened to run before it.
 */
export class Lanes {
  readonly #limits: LaneLimits;
  /** First comes the ticket that runs or is ready to. */
  readonly #lanes = new Map<string, Ticket[]>();
  /** Heads of lanes that wait for a free place. */
  readonly #ready = new Set<Ticket>();
  #running = 0;
  #total = 0;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#total - this.#running;
  }

  /**
   * Take the next place in a lane; throws PLINTH_QUEUE_FULL at once when there is none. `granted` resolves when it is
   * its turn, and rejects with the signal's reason when it is aborted before; `now` says that it is its turn already. Call
   * `leave` in any case, once or more.
   */
  enter(key: string, signal: AbortSignal): Place {
    const lane = this.#lanes.get(key) ?? [];
    // The head of a lane runs or waits for a place among the parallel ones; neither fills the session's own queue.
    if (lane.length > this.#limits.maxQueued) throw full(`The session "${key}" has ${lane.length - 1} messages waiting.`);
    if (this.waiting >= this.#limits.maxWaiting) throw full(`${this.waiting} messages wait in all sessions.`);

    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // Whoever asked may be on its way to this promise when it is aborted.
    promise.catch(() => {});
    const ticket: Ticket = {
      key,
      grant: () => {
        running = true;
        signal.removeEventListener("abort", aborted);
        resolve();
      },
    };
    let running = false;
    let here = true;
    const leave = (): void => {
      if (!here) return;
      here = false;
      signal.removeEventListener("abort", aborted);
      this.#leave(ticket, running);
    };
    const aborted = (): void => {
      leave();
      reject(signal.reason);
    };
    lane.push(ticket);
    this.#lanes.set(key, lane);
    this.#total++;
    if (signal.aborted) aborted();
    else {
      signal.addEventListener("abort", aborted, { once: true });
      if (lane[0] === ticket) this.#becomeReady(ticket);
    }
    return { granted: promise, now: running, leave };
  }

  #becomeReady(ticket: Ticket): void {
    this.#ready.add(ticket);
    this.#fill();
  }

  #fill(): void {
    for (const ticket of this.#ready) {
      if (this.#running >= this.#limits.maxParallel) return;
      this.#ready.delete(ticket);
      this.#running++;
      ticket.grant();
    }
  }

  #leave(ticket: Ticket, running: boolean): void {
    this.#total--;
    if (running) this.#running--;
    this.#ready.delete(ticket);
    const lane = this.#lanes.get(ticket.key)!;
    const wasHead = lane[0] === ticket;
    lane.splice(lane.indexOf(ticket), 1);
    const next = lane[0];
    if (next === undefined) this.#lanes.delete(ticket.key);
    else if (wasHead) this.#ready.add(next);
    this.#fill();
  }
}

function full(what: string): PlinthError {
  return new PlinthError("PLINTH_QUEUE_FULL", what, { next: "Wait for an answer, or stop what runs with /stop, and send it again." });
}
