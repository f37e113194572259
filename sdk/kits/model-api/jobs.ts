import { errorInfo } from "../../extension/errors.ts";
import type { Clock, GenerationItem } from "../../extension/index.ts";
import { failure } from "./failure.ts";

export type JobProgress = Extract<GenerationItem, { type: "progress" }>;

/** How work stands that goes on at a server: not done yet, or what came of it. */
export type JobState<Result> = Omit<JobProgress, "type"> | { readonly done: Result };

export interface FollowOptions {
  clock: Clock;
  signal: AbortSignal;
  /** As errors name the server. */
  title: string;
  /** So long it is looked at, in milliseconds. */
  mostMs: number;
  /** The longest wait between two looks, in milliseconds. Default: five seconds. */
  everyMs?: number;
}

const FIRST_MS = 250;
const GROWTH = 1.5;
const EVERY_MS = 5_000;
/** Whoever takes silence for a failure hears something as often. */
const TOLD_MS = 30_000;
/** In a row. To look costs nothing, and the work is paid for. */
const FAILED_LOOKS = 6;

/**
 * Look at work until it is done, less and less often, and tell how it stands where that changes. A look that fails and may be made
 * again is. Cancelling the signal ends the looking, not the work.
 *
 * @throws what `look` throws, and PLINTH_MODEL_SERVER where it takes longer than `mostMs`
 */
export async function* followJob<Result>(look: () => Promise<JobState<Result>>, options: FollowOptions): AsyncGenerator<JobProgress, Result> {
  const { clock, signal, title, mostMs, everyMs = EVERY_MS } = options;
  const began = clock.now();
  let told: JobProgress = { type: "progress", state: "queued" };
  let toldAt = Number.NEGATIVE_INFINITY;
  let wait = FIRST_MS;
  for (let failed = 0; ; ) {
    let asked = 0;
    try {
      const state = await look();
      if ("done" in state) return state.done;
      failed = 0;
      const progress: JobProgress = { type: "progress", ...state };
      if (JSON.stringify(progress) !== JSON.stringify(told) || clock.now() - toldAt >= TOLD_MS) {
        [told, toldAt] = [progress, clock.now()];
        yield told;
      }
    } catch (thrown) {
      const { retryable = false, retryAfterMs = 0 } = errorInfo(thrown);
      if (signal.aborted || !retryable || ++failed >= FAILED_LOOKS) throw thrown;
      asked = retryAfterMs;
    }
    if (clock.now() - began >= mostMs) throw unfinished(title, mostMs);
    for (let left = Math.max(wait, asked); left > 0; left -= TOLD_MS) {
      await clock.sleep(Math.min(left, TOLD_MS), signal);
      if (left > TOLD_MS) yield told;
    }
    wait = Math.min(wait * GROWTH, everyMs);
  }
}

const unfinished = (title: string, mostMs: number) =>
  failure("SERVER", `${title} did not finish within ${Math.round(mostMs / 60_000)} minutes; the work may go on there.`, {
    next: "Follow it later by its handle, or cancel it.",
    details: { retryable: false },
  });

/**
 * Begin work that has to be paid for. Whoever leaves before the work has a name has it ended as soon as there is one: `begin` must
 * not heed their signal. Where it cannot be known whether the work began, the error does not say that asking again may help.
 */
export async function beginJob<Name>(begin: () => Promise<Name>, end: (name: Name) => Promise<unknown>, signal: AbortSignal): Promise<Name> {
  signal.throwIfAborted();
  const beginning = begin();
  const { promise: left, reject } = Promise.withResolvers<never>();
  const leave = (): void => reject(signal.reason);
  signal.addEventListener("abort", leave, { once: true });
  try {
    return await Promise.race([beginning, left]);
  } catch (thrown) {
    if (!signal.aborted) throw unsure(thrown);
    beginning.then(end).catch(() => {});
    throw thrown;
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

/** What broke off may have begun, and would be paid for twice. A server that was never there has begun nothing. */
function unsure(thrown: unknown): unknown {
  const { code, message, retryable } = errorInfo(thrown);
  const kind = (["NETWORK", "STREAM"] as const).find((one) => code === `PLINTH_MODEL_${one}`);
  if (kind === undefined || retryable !== true || /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|no address/.test(message)) return thrown;
  return failure(kind, `${message} Whether the work was begun is not known.`, {
    next: "Look at what the vendor says of your requests before you ask again.",
    cause: thrown,
    details: { retryable: false },
  });
}

/** The coded error for a handle that names nothing there. */
export const noJob = (title: string) => failure("JOB", `${title} has no such work, or not any more.`, { details: { retryable: false } });
