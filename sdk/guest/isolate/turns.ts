import type { WorkData } from "@plinth/manifests/wire/bridge.ts";
import { parseBatch } from "@plinth/manifests/wire/frames.ts";
import type { Peer } from "@plinth/manifests/wire/peer.ts";
import type { WireMessage } from "@plinth/manifests/wire/protocol.ts";
import type { Receiver, Transport } from "@plinth/manifests/wire/transport.ts";
import { utf8Length } from "./encoding.ts";

/** Something that waits for its turn: a message of the host, or code that goes on. */
type Unit = WireMessage | (() => void);

const PAUSE_MS = 5;
const LOOK_EVERY = 8;

/**
 * The work that runs now, and what waits. A turn lasts to the end of its microtasks, so everything in it is attributed to
 * one work: messages of the same work share a turn, others get their own. Code of one call that waits for another one's
 * promise goes on as the other.
 */
export class Turns implements Transport {
  readonly #send: (text: string) => string;
  #units: Unit[] = [];
  #at = 0;
  #receiver: Receiver | null = null;
  #full = false;
  #waiting: (() => void)[] = [];
  current: WorkData | null = null;
  peer: Peer | null = null;
  onTimer: (id: number) => void = () => {};

  constructor(send: (text: string) => string) {
    this.#send = send;
  }

  /** The one entry: lines for the queue, and how much of it may run in this turn. How much is left is the answer. */
  enter(text: string, limit: number): number {
    try {
      if (text !== "") for (const line of text.split("\n")) this.#take(line);
      this.#run(limit);
    } catch {
      // Whatever it was, it stays in here.
    }
    const left = this.#units.length - this.#at;
    if (left === 0) {
      this.#units = [];
      this.#at = 0;
    }
    return left;
  }

  get full(): boolean {
    return this.#full;
  }

  /** Kept outside of here. */
  readonly unsent = 0;

  send(batch: readonly string[]): void {
    if (this.#send(`[${batch.join(",")}]`) === "full") this.#full = true;
  }

  bytes(text: string): number {
    return utf8Length(text);
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  listen(receiver: Receiver): void {
    this.#receiver = receiver;
  }

  close(): void {
    this.#receiver = null;
  }

  #take(line: string): void {
    if (line[0] === "[") for (const message of parseBatch(line)) this.#units.push(message);
    else if (line[0] === "T") {
      const id = Number(line.slice(1));
      this.#units.push(() => this.onTimer(id));
    } else if (line === "D") {
      this.#full = false;
      for (const goOn of this.#waiting.splice(0)) this.#units.push(goOn);
    }
  }

  #run(limit: number): void {
    const began = Date.now();
    let turn: string | null = null;
    for (let count = 0; count < limit && this.#at < this.#units.length; count++) {
      const unit = this.#units[this.#at] as Unit;
      const wanted = typeof unit === "function" ? null : (this.peer?.turnOf(unit) ?? null);
      if (count > 0 && (wanted === null || wanted !== turn)) return;
      if (count % LOOK_EVERY === LOOK_EVERY - 1 && Date.now() - began > PAUSE_MS) return;
      this.#at++;
      turn = wanted;
      this.current = null;
      try {
        if (typeof unit === "function") unit();
        else this.#receiver?.messages([unit]);
      } catch {
        // One message's failure is none of the others.
      }
      if (turn === null) return;
    }
  }
}
