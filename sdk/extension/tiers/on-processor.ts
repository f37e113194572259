import { performance } from "node:perf_hooks";

const AGAIN_MS = 100;
/** Of so little work nothing can be said. */
const LEAST_MS = 10;
const LOOK_EVERY = 64;

let at = 0;
let cpu = 0;
let active = 0;
let share = 1;
let count = 0;

/**
 * How much of a time by the clock this thread was on a processor. On a busy machine the clock runs on while others have their turn,
 * which is nobody's doing here. The processor's own clock costs more to read, so it is read ten times a second.
 */
export function onProcessor(ms: number): number {
  if (ms > 1 || ++count % LOOK_EVERY === 0) look();
  return ms * share;
}

function look(): void {
  const now = performance.now();
  if (now - at < AGAIN_MS) return;
  const { user, system } = process.threadCpuUsage();
  const [usedMs, activeMs] = [(user + system) / 1_000, performance.eventLoopUtilization().active];
  if (at > 0 && activeMs - active >= LEAST_MS) share = Math.min(1, Math.max(0.05, (usedMs - cpu) / (activeMs - active)));
  [at, cpu, active] = [now, usedMs, activeMs];
}
