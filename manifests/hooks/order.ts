import { errors } from "../errors.ts";
import type { PlinthError } from "../wire/error.ts";

export type Stage = "early" | "normal" | "late";
const RANK: Record<Stage, number> = { early: 0, normal: 1, late: 2 };

export interface Ordered {
  readonly extension: string;
  readonly stage: Stage;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/**
 * Stage first, then before/after inside a stage, then id: a topological order that never depends on the order of the
 * input. Edges across stages that contradict the stages are cycles too, and are reported with their path.
 */
export function orderSubscribers<T extends Ordered>(subscribers: readonly T[]): { order: T[]; problem: PlinthError | null } {
  const byId = new Map([...subscribers].sort(compare).map((one) => [one.extension, one]));
  const blockers = new Map<string, Set<string>>();
  for (const one of byId.values()) blockers.set(one.extension, new Set());
  for (const one of byId.values()) {
    for (const other of one.after) if (byId.has(other)) blockers.get(one.extension)?.add(other);
    for (const other of one.before) blockers.get(other)?.add(one.extension);
    for (const other of byId.values()) if (RANK[other.stage] < RANK[one.stage]) blockers.get(one.extension)?.add(other.extension);
  }
  const order: T[] = [];
  while (byId.size > 0) {
    let ready: T | undefined;
    for (const one of byId.values()) {
      if ([...(blockers.get(one.extension) as Set<string>)].some((id) => byId.has(id))) continue;
      ready = one;
      break;
    }
    if (ready === undefined) {
      const path = findCycle([...byId.keys()], (id) => [...(blockers.get(id) as Set<string>)].filter((other) => byId.has(other)));
      return { order, problem: errors.cycle(path[0] ?? "", path) };
    }
    byId.delete(ready.extension);
    order.push(ready);
  }
  return { order, problem: null };
}

function compare(a: Ordered, b: Ordered): number {
  return RANK[a.stage] - RANK[b.stage] || (a.extension < b.extension ? -1 : a.extension > b.extension ? 1 : 0);
}

/** The first cycle among the nodes as a path that ends where it begins; [] when there is none. */
export function findCycle(nodes: readonly string[], edges: (node: string) => readonly string[]): string[] {
  const state = new Map<string, "open" | "done">();
  const path: string[] = [];
  const visit = (node: string): string[] => {
    if (state.get(node) === "done") return [];
    if (state.get(node) === "open") return [...path.slice(path.indexOf(node)), node];
    state.set(node, "open");
    path.push(node);
    for (const next of [...edges(node)].sort()) {
      const found = visit(next);
      if (found.length > 0) return found;
    }
    path.pop();
    state.set(node, "done");
    return [];
  };
  for (const node of [...nodes].sort()) {
    const found = visit(node);
    if (found.length > 0) return found;
  }
  return [];
}
