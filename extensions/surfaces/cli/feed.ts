import { PlinthError } from "@plinth/sdk";

/** Hand one item to the consumer; waits while too many are unread. */
export type Emit<T> = (item: T) => Promise<void>;

const UNREAD = 64;

/**
 * A stream made by code that emits. The body starts at once, so that it belongs to the work that asked for the stream;
 * when the consumer leaves or `outer` aborts, its signal aborts and its next emit fails.
 */
export function feed<T>(outer: AbortSignal, body: (emit: Emit<T>, signal: AbortSignal) => Promise<void>): AsyncIterable<T> {
  const stop = new AbortController();
  const signal = AbortSignal.any([outer, stop.signal]);
  const items: T[] = [];
  const producers: (() => void)[] = [];
  let wake: (() => void) | undefined;
  let outcome: { failed?: unknown } | undefined;
  const nudge = () => {
    wake?.();
    wake = undefined;
  };
  const release = () => {
    for (const resume of producers.splice(0)) resume();
    nudge();
  };
  signal.addEventListener("abort", release, { once: true });

  const emit: Emit<T> = async (item) => {
    while (items.length >= UNREAD && !signal.aborted) await new Promise<void>((resolve) => producers.push(resolve));
    if (signal.aborted) throw cancelled();
    items.push(item);
    nudge();
  };
  const done = (result: { failed?: unknown }) => {
    outcome = result;
    signal.removeEventListener("abort", release);
    nudge();
  };
  body(emit, signal).then(
    () => done({}),
    (failed: unknown) => done({ failed }),
  );

  async function* read(): AsyncGenerator<T> {
    try {
      for (;;) {
        if (items.length > 0) {
          const item = items.shift() as T;
          producers.shift()?.();
          yield item;
        } else if (outcome) {
          if ("failed" in outcome) throw outcome.failed;
          return;
        } else if (signal.aborted) throw cancelled();
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      stop.abort();
    }
  }
  return read();
}

function cancelled(): PlinthError {
  return new PlinthError("PLINTH_CANCELLED", "The command was cancelled.");
}
