import { performance } from "node:perf_hooks";

const AGAIN_MS = 100;
/** Of so little work nothing can be said. */
const LEAST_MS = 10;
const LOOK_EVERY = 64;
/** So long a stretch may be one in which others had their turn, all of it. */
const LONG_MS = 2;
const READINGS = 8;

let [at, cpu, active] = [0, 0, 0];
let share = 1;
let count = 0;
/** Of this thread's processor time, the newest first. */
let readings: { at: number; cpu: number }[] = [];

/**
 * How much of a time by the clock, which ends now, this thread was on a processor. On a busy machine the clock runs on while others have
 * their turn, which is nobody's doing here. The processor's own clock costs more to read, so short times are taken by the share that
 * is usual; a long one is at most what the thread has used since it was last looked at before it. One stall is not shared out, but
 * would be held against a single guest, for seconds.
 */
export function onProcessor(ms: number): number {
  const long = ms > LONG_MS;
  if (!long && ++count % LOOK_EVERY !== 0) return ms * share;
  const now = performance.now();
  const { user, system } = process.threadCpuUsage();
  const used = (user + system) / 1_000;
  look(now, used);
  const before = readings.find((one) => one.at <= now - ms);
  readings = [{ at: now, cpu: used }, ...readings.slice(0, READINGS - 1)];
  return before === undefined ? ms * share : Math.min(ms * share, used - before.cpu);
}

function look(now: number, used: number): void {
  if (now - at < AGAIN_MS) return;
  const activeMs = performance.eventLoopUtilization().active;
  if (at > 0 && activeMs - active >= LEAST_MS) share = Math.min(1, Math.max(0.05, (used - cpu) / (activeMs - active)));
  [at, cpu, active] = [now, used, activeMs];
}
