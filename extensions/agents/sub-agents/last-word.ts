import { type Client, type Context, errorInfo } from "@plinth/sdk";

/** So long a host may be silent before its children's last words are told. */
const HELD_MS = 20_000;
const HELD_AGAIN_MS = 5_000;
/** A moment: whoever starts next finds it. */
const LET_GO_MS = 100;

/**
 * What is told of children whose host dies: it waits in the requester's queue from their beginning on, held by this host. Whoever
 * takes over the queue says it there, once; with a child that ends it is taken back.
 */
export class LastWords {
  readonly #ctx: Context;
  readonly #store: Client<"plinth.session-store">;
  readonly #ids = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(ctx: Context) {
    this.#ctx = ctx;
    this.#store = ctx.use("plinth.session-store").one();
  }

  /** In the work of whoever wants to hear it: whose words these count as, the store notes. */
  async add(id: string, key: string, text: string): Promise<void> {
    try {
      await this.#store.enqueue({ key, id, input: { text, surface: "sub-agent", commands: false, detached: true }, ttlMs: HELD_MS });
    } catch (error) {
      // A store without a queue: then nobody is told.
      if (errorInfo(error).code === "PLINTH_UNSUPPORTED") return;
      throw error;
    }
    this.#ids.add(id);
    this.#timer ??= setInterval(() => this.#hold(HELD_MS), HELD_AGAIN_MS).unref();
  }

  /** It is not to be said any more. */
  async take(id: string): Promise<void> {
    if (this.drop(id)) await this.#store.withdraw({ id });
  }

  /** It is said as soon as this host would have been silent for long enough. */
  drop(id: string): boolean {
    const held = this.#ids.delete(id);
    if (this.#ids.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    return held;
  }

  /** They are for the next host to say. */
  async leave(): Promise<void> {
    clearInterval(this.#timer);
    await this.#hold(LET_GO_MS);
    this.#ids.clear();
  }

  async #hold(ttlMs: number): Promise<void> {
    if (this.#ids.size === 0) return;
    await this.#store.hold({ ids: [...this.#ids], ttlMs }).catch((error: unknown) => {
      this.#ctx.log.warn("What is to be told of sub-agents could not be held.", { ...errorInfo(error) });
    });
  }
}
