import { PlinthError } from "@plinth/sdk";

/** Whose share of what runs at once a turn counts in: what a person waits for never waits for what nobody does. */
export type Share = "main" | "subagent" | "scheduled" | "background";

export interface LaneLimits {
  /** Turns at once, in all sessions, of those that people begin. */
  maxParallel: number;
  /** The same of the other shares. */
  shares: Record<Exclude<Share, "main">, number>;
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
  readonly share: Shared;
  readonly grant: () => void;
}

interface Shared {
  readonly most: number;
  running: number;
  /** Heads of lanes that wait for a free place. */
  readonly ready: Set<Ticket>;
}

/**
 * One lane for each session: its turns run one at a time, in the order in which they asked. Of all lanes at most
 * so many run at once as their share has; lanes get their turn in the order in which they became ready.
 *
 * Who waits is resumed in its own async context: a turn never runs as whoever happened to run before it.
 */
export class Lanes {
  readonly #limits: LaneLimits;
  /** First comes the ticket that runs or is ready to. */
  readonly #lanes = new Map<string, Ticket[]>();
  readonly #shares: Record<Share, Shared>;
  #running = 0;
  #total = 0;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
    const { maxParallel, shares } = limits;
    const share = (most: number): Shared => ({ most, running: 0, ready: new Set() });
    this.#shares = {
      main: share(maxParallel),
      subagent: share(shares.subagent),
      scheduled: share(shares.scheduled),
      background: share(shares.background),
    };
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
  enter(key: string, signal: AbortSignal, share: Share = "main"): Place {
    const lane = this.#lanes.get(key) ?? [];
    // The head of a lane runs or waits for a place among the parallel ones; neither fills the session's own queue.
    if (lane.length > this.#limits.maxQueued) throw full(`The session "${key}" has ${lane.length - 1} messages waiting.`);
    if (this.waiting >= this.#limits.maxWaiting) throw full(`${this.waiting} messages wait in all sessions.`);

    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // Whoever asked may be on its way to this promise when it is aborted.
    promise.catch(() => {});
    const ticket: Ticket = {
      key,
      share: this.#shares[share],
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
    ticket.share.ready.add(ticket);
    this.#fill(ticket.share);
  }

  #fill(share: Shared): void {
    for (const ticket of share.ready) {
      if (share.running >= share.most) return;
      share.ready.delete(ticket);
      share.running++;
      this.#running++;
      ticket.grant();
    }
  }

  #leave(ticket: Ticket, running: boolean): void {
    this.#total--;
    if (running) {
      this.#running--;
      ticket.share.running--;
    }
    ticket.share.ready.delete(ticket);
    const lane = this.#lanes.get(ticket.key)!;
    const wasHead = lane[0] === ticket;
    lane.splice(lane.indexOf(ticket), 1);
    const next = lane[0];
    if (next === undefined) this.#lanes.delete(ticket.key);
    else if (wasHead) this.#becomeReady(next);
    this.#fill(ticket.share);
  }
}

function full(what: string): PlinthError {
  return new PlinthError("PLINTH_QUEUE_FULL", what, { next: "Wait for an answer, or stop what runs with /stop, and send it again." });
}
