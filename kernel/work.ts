import { AsyncLocalStorage } from "node:async_hooks";
import type { Principal } from "@plinth/manifests/wire/bridge.ts";
import type { Generation } from "./generation.ts";

/** What a call belongs to. Pinned work uses one generation to its end and holds a lease on it. */
export class Work {
  readonly id: string;
  readonly principal: Principal;
  readonly pin: Generation | null;

  constructor(id: string, principal: Principal, pin: Generation | null) {
    this.id = id;
    this.principal = principal;
    this.pin = pin;
  }

  get generation(): number {
    return this.pin?.number ?? 0;
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
export async function withWork<T>(principal: Principal, generation: Generation, body: () => Promise<T>): Promise<T> {
  const release = generation.lease();
  try {
    return await storage.run(new Work(nextWorkId(), Object.freeze({ ...principal }), generation), body);
  } finally {
    release();
  }
}
