import type { Context } from "../../extension/index.ts";

const EVERY_MS = 30_000;

/** Wait for something with an item now and then, for whoever takes silence for a failure. */
export async function* ticking<T, Item>(clock: Context["clock"], wanted: Promise<T>, item: Item, signal: AbortSignal): AsyncGenerator<Item, T> {
  const settled = wanted.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  for (;;) {
    const waiting = new AbortController();
    const slept = clock.sleep(EVERY_MS, AbortSignal.any([signal, waiting.signal])).then(
      () => undefined,
      // Whoever ended the wait ends the request too, which then says so.
      () => settled,
    );
    const won = await Promise.race([settled, slept]);
    waiting.abort();
    if (won === undefined) yield item;
    else if ("error" in won) throw won.error;
    else return won.value;
  }
}
