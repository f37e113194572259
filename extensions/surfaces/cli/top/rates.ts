import type { Usage } from "./usage-feed.ts";

type Extension = Usage["extensions"][number];

/** What one extension did in the time between two looks. `null` = it cannot be told apart from the host. */
export interface Row {
  id: string;
  tier: Extension["tier"];
  state: Extension["state"];
  bundled: boolean;
  callsPerSecond: number;
  inFlight: number;
  errors: number;
  refused: number;
  cpuPercent: number | null;
  /** Of a processor, in the host, for what it sends and asks. */
  hostPercent: number | null;
  memoryBytes: number | null;
  /** Others of its publisher live in the same process: its figures may be theirs, too. */
  sharedProcess: boolean;
  egressBytesPerSecond: number;
  blockedMs: number;
  longestBlockMs: number;
  faults: number;
  breakerOpen: boolean;
}

export interface Tick {
  at: number;
  host: Pick<Usage, "pid" | "uptimeMs" | "generation" | "draining" | "safeMode" | "memory" | "eventLoop"> & { cpuPercent: number };
  extensions: Row[];
}

/** The rates between two looks; of a single look all rates are 0. */
export function tickOf(before: Usage | undefined, now: Usage): Tick {
  const seconds = before === undefined ? 0 : (now.at - before.at) / 1_000;
  // A new instance counts from 0 again.
  const rate = (from: number | undefined, to: number): number => (from === undefined || seconds <= 0 ? 0 : Math.max(0, to - from) / seconds);
  const old = new Map(before?.extensions.map((one) => [one.id, one]));
  const { at, pid, uptimeMs, generation, draining, safeMode, memory, eventLoop } = now;
  return {
    at,
    host: { pid, uptimeMs, generation, draining, safeMode, memory, eventLoop, cpuPercent: round(rate(before?.cpuMs, now.cpuMs) / 10) },
    extensions: now.extensions.map((one) => {
      const last = old.get(one.id);
      const { counts, process } = one;
      return {
        id: one.id,
        tier: one.tier,
        state: one.state,
        bundled: one.bundled,
        callsPerSecond: round(rate(last?.counts.calls, counts.calls)),
        inFlight: one.inFlight,
        errors: counts.errors,
        refused: counts.refused,
        cpuPercent: process === undefined ? null : round(rate(last?.process?.cpuMs, process.cpuMs) / 10),
        hostPercent: process?.hostMs === undefined ? null : round(rate(last?.process?.hostMs, process.hostMs) / 10),
        memoryBytes: process === undefined ? null : process.memoryBytes,
        sharedProcess: process?.shared === true,
        egressBytesPerSecond: Math.round(rate(last?.counts.egressBytes, counts.egressBytes)),
        blockedMs: round(counts.blockedMs),
        longestBlockMs: round(counts.longestBlockMs),
        faults: one.fault?.count ?? 0,
        breakerOpen: one.breakerOpen,
      };
    }),
  };
}

const round = (value: number): number => Math.round(value * 10) / 10;
