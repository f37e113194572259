import { type Client, type Context, type ErrorInfo, errorInfo, type TranscriptEntry, type Usage } from "@plinth/sdk";

/** How long a claim holds unless it is renewed: so long a session waits at most for a host that died. */
const TTL_MS = 6_000;
const RENEW_MS = 2_000;
/** How long a turn waits for a session that somebody else holds, such as the generation before this one, or a host that died. */
const WAIT_MS = 10_000;

export type Claiming = Omit<Parameters<Client<"plinth.session-store">["claim"]>[0], "ttlMs">;

interface End {
  /** What of the run is not stored yet. */
  bodies?: TranscriptEntry["body"][];
  status: "ok" | "error" | "aborted";
  error?: ErrorInfo;
  model?: string;
  usage?: Usage;
}

/** A session that a run holds until it gives it back. */
export interface Held {
  readonly key: string;
  readonly runId: string;
  append(bodies: TranscriptEntry["body"][]): Promise<unknown>;
}

/** Takes and gives back a session's claim, and renews it in between. */
export class SessionClaim {
  readonly #ctx: Context;
  readonly #store: Client<"plinth.session-store">;
  /** Runs whose end could not be stored; tried again before the session's next run. */
  readonly #unreleased = new Map<string, { held: Held; end: End }>();
  readonly #claims = new Map<Held, { fence: number; renewing: NodeJS.Timeout }>();

  constructor(ctx: Context, store: Client<"plinth.session-store">) {
    this.#ctx = ctx;
    this.#store = store;
  }

  /**
   * Claim the session and store the user's message, before any model is asked.
   *
   * @param lost is called when somebody else took the session because this host did not answer in time.
   * @param waitMs how long to wait for whoever else holds the session; 0: not at all.
   */
  async take(claiming: Claiming, signal: AbortSignal, lost: (error: unknown) => void, waitMs = WAIT_MS): Promise<Held> {
    signal.throwIfAborted();
    const { key, runId } = claiming;
    const left = this.#unreleased.get(key);
    if (left !== undefined) await this.release(left.held, left.end);
    const start = this.#ctx.clock.now();
    for (let wait = 20; ; wait = Math.min(wait * 2, 500)) {
      try {
        const { fence } = await this.#store.claim({ ...claiming, ttlMs: TTL_MS });
        const held: Held = { key, runId, append: (bodies) => this.#store.append({ key, runId, fence, bodies }) };
        const renewing = setInterval(() => void this.#renew(held, lost), RENEW_MS).unref();
        this.#claims.set(held, { fence, renewing });
        return held;
      } catch (error) {
        if (!isBusy(error) || this.#ctx.clock.now() - start >= waitMs) throw error;
        await this.#ctx.clock.sleep(wait, signal);
      }
    }
  }

  /** Store the run's last words with its end; where that fails the session is still held. */
  async finish(held: Held, end: End): Promise<void> {
    const claim = this.#claims.get(held);
    if (claim === undefined) return;
    const { key, runId } = held;
    await this.#store.release({ key, runId, fence: claim.fence, ...end });
    this.#forget(held);
  }

  /** Never throws: what can be told is told already. */
  async release(held: Held, end: End): Promise<void> {
    const { key, runId } = held;
    const claim = this.#claims.get(held);
    if (claim === undefined) return;
    try {
      await this.finish(held, end);
    } catch (error) {
      const info = errorInfo(error);
      this.#ctx.log.error("The end of a run could not be stored.", { key, runId, ...info });
      // A run that lost its session was ended by somebody else.
      if (info.code === "PLINTH_SESSION_FENCED") this.#forget(held);
      else {
        clearInterval(claim.renewing);
        this.#unreleased.set(key, { held, end });
      }
    }
  }

  async #renew(held: Held, lost: (error: unknown) => void): Promise<void> {
    const claim = this.#claims.get(held);
    if (claim === undefined) return;
    const { key, runId } = held;
    try {
      await this.#store.renew({ key, runId, fence: claim.fence, ttlMs: TTL_MS });
    } catch (error) {
      const info = errorInfo(error);
      this.#ctx.log.warn("A run's claim could not be renewed.", { key, runId, ...info });
      // The end of the run may have been stored while this was asked.
      if (info.code === "PLINTH_SESSION_FENCED" && this.#claims.has(held)) lost(error);
    }
  }

  #forget(held: Held): void {
    clearInterval(this.#claims.get(held)?.renewing);
    this.#claims.delete(held);
    if (this.#unreleased.get(held.key)?.held === held) this.#unreleased.delete(held.key);
  }
}

export const isBusy = (error: unknown): boolean => errorInfo(error).code === "PLINTH_SESSION_BUSY";
