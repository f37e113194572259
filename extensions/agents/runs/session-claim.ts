import { type Client, type Context, type ErrorInfo, errorInfo } from "@plinth/sdk";

/** How long a turn waits for a session that somebody else holds, such as the generation before this one. */
const WAIT_MS = 10_000;

interface End {
  status: "ok" | "error" | "aborted";
  error?: ErrorInfo;
  model?: string;
}

/** Takes and gives back a session's claim. */
export class SessionClaim {
  readonly #ctx: Context;
  readonly #store: Client<"plinth.session-store">;
  /** Runs whose end could not be stored; tried again before the session's next run. */
  readonly #unreleased = new Map<string, { runId: string; end: End }>();

  constructor(ctx: Context, store: Client<"plinth.session-store">) {
    this.#ctx = ctx;
    this.#store = store;
  }

  /** Claim the session and store the user's message, before any model is asked. */
  async take(key: string, runId: string, text: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const left = this.#unreleased.get(key);
    if (left !== undefined) await this.release(key, left.runId, left.end);
    const start = this.#ctx.clock.now();
    for (let wait = 20; ; wait = Math.min(wait * 2, 500)) {
      try {
        await this.#store.beginRun({ key, runId, message: { role: "user", text } });
        return;
      } catch (error) {
        const busy = errorInfo(error).code === "PLINTH_SESSION_BUSY";
        if (!busy || this.#ctx.clock.now() - start > WAIT_MS) throw error;
        await this.#ctx.clock.sleep(wait, signal);
      }
    }
  }

  /** Never throws: the answer is there already. */
  async release(key: string, runId: string, end: End): Promise<void> {
    try {
      await this.#store.endRun({ key, runId, ...end });
      this.#unreleased.delete(key);
    } catch (error) {
      const info = errorInfo(error);
      this.#ctx.log.error("The end of a run could not be stored.", { key, runId, ...info });
      // A run that lost its session was ended by somebody else.
      if (info.code === "PLINTH_SESSION_FENCED") this.#unreleased.delete(key);
      else this.#unreleased.set(key, { runId, end });
    }
  }
}
