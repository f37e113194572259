import { orderSubscribers, type Stage } from "../hooks/order.ts";
import type { HookUse, Manifest } from "../schema/extension.ts";
import type { PlinthError } from "../wire/error.ts";

export interface PlannedSubscriber {
  readonly extension: string;
  readonly stage: Stage;
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly deadlineMs: number;
  readonly closed: boolean;
}

export interface PlannedHook {
  readonly name: string;
  readonly contract: string;
  readonly mode: string;
  readonly failure: "open" | "closed";
  readonly deadlineMs: number;
  readonly subscribers: readonly PlannedSubscriber[];
}

export interface HookTerms {
  readonly mode: string;
  readonly deadlineMs: number;
  readonly failure: "open" | "closed";
}

/** What a contract says of its hooks. */
export interface HookOwner {
  readonly id: string;
  readonly hooks: Readonly<Record<string, HookTerms>>;
}

/** Who takes part in each hook, in order. Pure; problems of the order are added to `problems`. */
export function planHooks(
  candidates: ReadonlyMap<string, { readonly manifest: Manifest }>,
  contracts: ReadonlyMap<string, HookOwner>,
  problems: PlinthError[],
): Map<string, PlannedHook> {
  const hooks = new Map<string, PlannedHook>();
  for (const contract of contracts.values()) {
    for (const [name, terms] of Object.entries(contract.hooks)) {
      // The product's contracts come first: nobody takes over a hook, and with it a gate, by defining it again.
      if (hooks.has(name)) continue;
      const uses: [string, HookUse][] = [];
      for (const [extension, { manifest }] of candidates) {
        const use = manifest.hooks?.find((one) => one.on === name);
        if (use !== undefined) uses.push([extension, use]);
      }
      hooks.set(name, planHook(name, contract.id, terms, uses, problems));
    }
  }
  return hooks;
}

/** One hook with those that subscribe to it. */
export function planHook(
  name: string,
  contract: string,
  { mode, deadlineMs, failure }: HookTerms,
  uses: readonly (readonly [extension: string, use: HookUse])[],
  problems: PlinthError[],
): PlannedHook {
  const subscribers = uses.map(
    ([extension, use]): PlannedSubscriber => ({
      extension,
      stage: use.stage ?? "normal",
      before: use.before ?? [],
      after: use.after ?? [],
      // A subscriber may tighten the policy and shorten the deadline, never the reverse.
      deadlineMs: Math.min(use.deadlineMs ?? deadlineMs, deadlineMs),
      closed: failure === "closed" || use.failure === "closed",
    }),
  );
  const { order, problem } = orderSubscribers(subscribers);
  if (problem !== null) problems.push(problem);
  // A cycle leaves its members unordered: they still run, after the others, by id. A gate is never lost.
  const rest = subscribers.filter((one) => !order.includes(one));
  return { name, contract, mode, failure, deadlineMs, subscribers: [...order, ...rest] };
}
