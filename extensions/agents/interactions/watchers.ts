import type { InteractionRequest, InteractionStep } from "@plinth/sdk";

export type Change = { state: "pending"; requests: InteractionRequest[] } | InteractionStep;

const MAX_UNREAD = 200;

/** Those who follow what is asked and answered. Who reads too slowly is told afresh what is pending, and misses steps. */
export class Watchers {
  readonly #pending: (sessionKey: string | undefined) => InteractionRequest[];
  readonly #listeners = new Set<(step: InteractionStep) => void>();

  constructor(pending: (sessionKey: string | undefined) => InteractionRequest[]) {
    this.#pending = pending;
  }

  tell(step: InteractionStep): void {
    for (const listener of this.#listeners) listener(step);
  }

  async *watch(sessionKey: string | undefined, signal: AbortSignal): AsyncGenerator<Change, void> {
    const now = (): Change => ({ state: "pending", requests: this.#pending(sessionKey) });
    let unread: Change[] = [now()];
    let wake = Promise.withResolvers<void>();
    const listener = (step: InteractionStep): void => {
      if (sessionKey !== undefined && step.request.sessionKey !== sessionKey) return;
      unread = unread.length >= MAX_UNREAD ? [now()] : [...unread, step];
      wake.resolve();
    };
    const onAbort = (): void => wake.resolve();
    this.#listeners.add(listener);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      while (!signal.aborted) {
        wake = Promise.withResolvers<void>();
        for (let next = unread.shift(); next !== undefined; next = unread.shift()) yield next;
        if (!signal.aborted) await wake.promise;
      }
    } finally {
      this.#listeners.delete(listener);
      signal.removeEventListener("abort", onAbort);
    }
  }
}
