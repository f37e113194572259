import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import { Origin } from "@plinth/manifests/origin/origin.ts";
import type { Principal, Work } from "../extension/index.ts";

/** The work that the running code belongs to; inherited by everything that it awaits. */
export interface WorkScope {
  current(): Work | undefined;
  run<T>(principal: Principal, body: () => T): T;
  /** Somebody else has a hand in it from here on. */
  lower(party: string, how: string): void;
  /** Run `body` inside `work` again, such as each step of a stream. */
  within<T>(work: Work | undefined, body: () => T): T;
}

export function createWorkScope(): WorkScope {
  const storage = new AsyncLocalStorage<Work | undefined>();
  return {
    current: () => storage.getStore(),
    run: (principal, body) => {
      const outer = storage.getStore();
      const same = outer instanceof TestWork && outer.principal.role === principal.role && outer.principal.via === principal.via;
      return storage.run(new TestWork(principal, same ? outer.origin : new Origin()), body);
    },
    lower: (party, how) => {
      const work = storage.getStore();
      if (work instanceof TestWork) work.origin.lower(party, how);
    },
    within: (work, body) => storage.run(work, body),
  };
}

class TestWork implements Work {
  readonly id = randomUUID();
  readonly generation = 1;
  readonly principal: Principal;
  readonly origin: Origin;

  constructor(principal: Principal, origin: Origin) {
    this.principal = principal;
    this.origin = origin;
  }

  get influences() {
    return this.origin.influences;
  }
}
