import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import type { Principal, Work } from "../extension/index.ts";

/** The work that the running code belongs to; inherited by everything that it awaits. */
export interface WorkScope {
  current(): Work | undefined;
  run<T>(principal: Principal, body: () => T): T;
  /** Run `body` inside `work` again, such as each step of a stream. */
  within<T>(work: Work | undefined, body: () => T): T;
}

export function createWorkScope(): WorkScope {
  const storage = new AsyncLocalStorage<Work | undefined>();
  return {
    current: () => storage.getStore(),
    run: (principal, body) => storage.run({ id: randomUUID(), principal, generation: 1 }, body),
    within: (work, body) => storage.run(work, body),
  };
}
