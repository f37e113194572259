import { AsyncLocalStorage } from "node:async_hooks";
import { type Influence, Origin } from "@plinth/manifests/origin/origin.ts";
import type { Principal, WorkData } from "@plinth/manifests/wire/bridge.ts";

/** The generation that a piece of work goes on with, whatever comes after it. */
export interface Pin {
  readonly number: number;
  /** Keep it alive; call the result once when done. */
  lease(): () => void;
}

/** What a call belongs to. Pinned work uses one generation to its end and holds a lease on it. */
export class Work implements WorkData {
  readonly id: string;
  readonly principal: Principal;
  readonly pin: Pin | null;
  readonly origin: Origin;
  #branches: Map<string, Work> | null = null;

  constructor(id: string, principal: Principal, pin: Pin | null, origin = new Origin()) {
    this.id = id;
    this.principal = principal;
    this.pin = pin;
    this.origin = origin;
  }

  get generation(): number {
    return this.pin?.number ?? 0;
  }

  get influences(): readonly Influence[] {
    return this.origin.influences;
  }

  /** What an extension behind a wall asks of others within it: with that extension's hand in it, apart from the rest of it. */
  through(extension: string, principal: Principal): Work {
    this.#branches ??= new Map();
    let branch = this.#branches.get(extension);
    if (branch === undefined) {
      // An id of its own: a callee that is in the same work for an owner must not take one for the other.
      branch = new Work(`${this.id}/${extension}`, principal, this.pin, new Origin(this.origin));
      branch.origin.lower(extension, "asked for it");
      this.#branches.set(extension, branch);
    }
    return branch;
  }

  /** A third party's answer, change or error goes on into this work, with whatever it heard from others. */
  touched(extension: string, how: string): void {
    this.origin.lower(extension, how);
    const branch = this.#branches?.get(extension);
    if (branch !== undefined) this.origin.absorb(branch.origin);
  }
}

const storage = new AsyncLocalStorage<Work | undefined>();
let counter = 0;
const boot = Date.now().toString(36);

export const currentWork = (): Work | undefined => storage.getStore();
export const nextWorkId = (): string => `${boot}-${(++counter).toString(36)}`;
/** `undefined` leaves the work that surrounds the caller: what is started there belongs to nobody. */
export const runWork = <T>(work: Work | undefined, body: () => T): T => storage.run(work, body);

/** Run `body` as pinned work: its generation stays alive until the body's promise settles. */
export async function withWork<T>(principal: Principal, generation: Pin, body: () => Promise<T>, origin?: Origin): Promise<T> {
  const release = generation.lease();
  try {
    return await storage.run(new Work(nextWorkId(), Object.freeze({ ...principal }), generation, origin), body);
  } finally {
    release();
  }
}

/** A stream that begins when it may, in the work that asked for it, wherever it is read. */
export async function* streamAfter(allowed: Promise<unknown>, open: () => AsyncIterable<unknown>, work = currentWork()): AsyncGenerator<unknown> {
  await allowed;
  yield* runWork(work, open);
}
