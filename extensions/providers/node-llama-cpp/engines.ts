import { failure } from "@plinth/sdk/kits/model-api";
import type { Engine } from "./engine-process.ts";

export interface EnginesOptions {
  /** Loaded at one time. */
  readonly loaded: number;
  /** Asked of one model at one time. */
  readonly parallel: number;
  /** That wait for their turn; more are refused. */
  readonly queue: number;
  readonly idleMs: number;
  start(name: string, signal: AbortSignal): Promise<Engine>;
}

/** An engine for as long as somebody needs it. */
export interface Lease {
  readonly engine: Engine;
  release(): void;
}

interface Slot {
  readonly name: string;
  readonly engine: Promise<Engine>;
  readonly starting: AbortController;
  active: number;
  idle: NodeJS.Timeout | undefined;
}

interface Waiter {
  readonly name: string;
  resolve(slot: Slot): void;
  reject(error: unknown): void;
}

/**
 * The models that are loaded: each once, whoever asks, and gone when nobody asked for a while. Who comes first is first: another model
 * is loaded when the one before it has answered.
 */
export class Engines {
  readonly #options: EnginesOptions;
  readonly #slots = new Map<string, Slot>();
  /** What was let go of, and holds its memory until it is over. */
  readonly #ending = new Set<Promise<unknown>>();
  #waiting: Waiter[] = [];
  #stopped = false;

  constructor(options: EnginesOptions) {
    this.#options = options;
  }

  async lease(name: string, signal: AbortSignal): Promise<Lease> {
    signal.throwIfAborted();
    const slot = await this.#turn(name, signal);
    let released = false;
    const release = (): void => {
      if (released) return;
      released = true;
      this.#release(slot);
    };
    try {
      const engine = await Promise.race([slot.engine, aborting(signal)]);
      return { engine, release };
    } catch (thrown) {
      release();
      throw thrown;
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const stopping = failure("SERVER", "The models of this machine are being let go of.");
    for (const { reject } of this.#waiting.splice(0)) reject(stopping);
    for (const slot of [...this.#slots.values()]) this.#drop(slot);
    await Promise.all(this.#ending);
  }

  #turn(name: string, signal: AbortSignal): Promise<Slot> {
    const { queue } = this.#options;
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        name,
        resolve: (slot) => {
          signal.removeEventListener("abort", onAbort);
          resolve(slot);
        },
        reject,
      };
      const onAbort = (): void => {
        this.#waiting = this.#waiting.filter((one) => one !== waiter);
        reject(signal.reason);
        // Who stood behind it may be next.
        this.#pump();
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(waiter);
      this.#pump();
      if (this.#waiting.length <= queue || !this.#waiting.includes(waiter)) return;
      this.#waiting = this.#waiting.filter((one) => one !== waiter);
      signal.removeEventListener("abort", onAbort);
      reject(failure("OVERLOADED", `${queue} requests wait for the models of this machine already.`));
    });
  }

  #pump(): void {
    for (let first = this.#waiting[0]; first !== undefined && !this.#stopped; first = this.#waiting[0]) {
      const slot = this.#slots.get(first.name) ?? this.#load(first.name);
      if (slot === undefined || slot.active >= this.#options.parallel) return;
      clearTimeout(slot.idle);
      slot.active++;
      this.#waiting.shift();
      first.resolve(slot);
    }
  }

  /** undefined: those that are loaded have to answer first. */
  #load(name: string): Slot | undefined {
    if (this.#slots.size >= this.#options.loaded) {
      const idle = [...this.#slots.values()].find(({ active }) => active === 0);
      if (idle === undefined) return undefined;
      this.#drop(idle);
    }
    const starting = new AbortController();
    const engine = Promise.all(this.#ending).then(() => this.#options.start(name, starting.signal));
    const slot: Slot = { name, engine, starting, active: 0, idle: undefined };
    this.#slots.set(name, slot);
    const gone = (): void => {
      if (this.#slots.get(name) === slot) this.#slots.delete(name);
      this.#pump();
    };
    engine.then(({ closed }) => void closed.then(gone), gone);
    return slot;
  }

  #release(slot: Slot): void {
    slot.active--;
    if (slot.active === 0 && this.#slots.get(slot.name) === slot) {
      slot.idle = setTimeout(() => {
        this.#drop(slot);
        this.#pump();
      }, this.#options.idleMs).unref();
    }
    this.#pump();
  }

  #drop(slot: Slot): void {
    clearTimeout(slot.idle);
    if (this.#slots.get(slot.name) === slot) this.#slots.delete(slot.name);
    slot.starting.abort();
    const ending = slot.engine.then(
      (engine) => engine.stop(),
      () => {},
    );
    this.#ending.add(ending);
    void ending.then(() => this.#ending.delete(ending));
  }
}

const aborting = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
