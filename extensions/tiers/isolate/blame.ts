/** What a tenant had to do with the end of its process. */
export type Part = "culprit" | "suspect" | "bystander";

/** What the process told of one isolate, and what the host saw of it. */
export interface Load {
  /** Calls of the host in it. */
  inFlight: number;
  cpuMs: number;
  heapBytes: number;
  timers: number;
  /** How long the turn that runs in it has lasted; 0 = none runs. */
  turnMs: number;
  /** CPU time since the last look at the process. */
  recentMs: number;
  /** Growth of the process's memory while it ran, in MiB. */
  grownMb: number;
}

export const noLoad = (): Load => ({ inFlight: 0, cpuMs: 0, heapBytes: 0, timers: 0, turnMs: 0, recentMs: 0, grownMb: 0 });

const BUSY_MS = 3;
const MOST = 0.75;

/** Charge a change of the process's memory to those who ran meanwhile. What is given back is given back by all. */
export function chargeGrowth(tenants: Iterable<Load>, beforeMb: number, nowMb: number): void {
  const all = [...tenants];
  // A turn that runs has used some, also when nothing was told of it yet.
  const share = ({ recentMs, turnMs }: Load): number => recentMs + (turnMs > 0 ? 1 : 0);
  const ran = all.reduce((sum, one) => sum + share(one), 0);
  for (const one of all) {
    if (nowMb > beforeMb && ran > 0) one.grownMb += (nowMb - beforeMb) * (share(one) / ran);
    else if (nowMb < beforeMb) one.grownMb *= nowMb / beforeMb;
    one.recentMs = 0;
  }
}

/**
 * Who is to blame for a process that took too much memory or broke. One is the culprit only when nobody else can have been it;
 * otherwise all who may have been are suspects, and come back apart.
 */
export function partOf<T>(tenants: ReadonlyMap<T, Load>, how: "memory" | "broken"): Map<T, Part> {
  const all = [...tenants];
  const blame = (of: (load: Load) => number): [T, number][] => all.map(([id, load]) => [id, of(load)]);
  const parts = new Map<T, Part>(all.map(([id]) => [id, "bystander"]));
  const grown = blame(({ grownMb }) => grownMb);
  const total = grown.reduce((sum, [, mb]) => sum + mb, 0);
  const most = how === "memory" && total > 0 ? grown.filter(([, mb]) => mb > total * MOST) : [];
  const running = all.filter(([, { turnMs, recentMs }]) => turnMs > 0 || recentMs > BUSY_MS).map(([id]) => id);
  const waiting = all.filter(([, { inFlight, timers }]) => inFlight + timers > 0).map(([id]) => id);
  const everyone = all.map(([id]) => id);
  const suspects =
    most.length > 0
      ? most.map(([id]) => id)
      : how === "memory" && total > 0
        ? grown.filter(([, mb]) => mb >= total / all.length / 2).map(([id]) => id)
        : ([running, waiting, everyone].find((some) => some.length > 0) ?? []);
  for (const id of suspects) parts.set(id, suspects.length === 1 ? "culprit" : "suspect");
  return parts;
}
