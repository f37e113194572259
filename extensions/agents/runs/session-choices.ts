import type { Store } from "@plinth/sdk";

/** What was chosen for one conversation, until it is chosen otherwise. */
export interface Choice {
  /** `auto`, an alias, `provider/auto` or `provider/model`. */
  model?: string;
  /** `off`, or one of the model's efforts. */
  thinking?: string;
  /** What becomes of messages while it is busy, as `/queue` takes it. */
  queue?: string;
}

const PREFIX = "choice/";
/** A conversation that nobody comes back to for so long has none any more. */
const KEPT_MS = 400 * 86_400_000;
const MOST_HELD = 4_096;

/** What was chosen for which conversation: its model, how much that thinks, what becomes of messages while it is busy. Nobody but this extension writes them. */
export class SessionChoices {
  readonly #store: Pick<Store, "get" | "set" | "delete">;
  readonly #held = new Map<string, Promise<Choice>>();

  constructor(store: Pick<Store, "get" | "set" | "delete">) {
    this.#store = store;
  }

  of(sessionKey: string): Promise<Choice> {
    const held = this.#held.get(sessionKey);
    if (held !== undefined) return held;
    const read = this.#store.get<Choice>(PREFIX + sessionKey).then((choice) => choice ?? {});
    this.#hold(sessionKey, read);
    read.catch(() => {
      if (this.#held.get(sessionKey) === read) this.#held.delete(sessionKey);
    });
    return read;
  }

  /** @param change null takes a choice back; what is left out stays. */
  async set(sessionKey: string, change: { [K in keyof Choice]?: string | null }): Promise<Choice> {
    const merged = { ...(await this.of(sessionKey)), ...change };
    const choice = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null)) as Choice;
    // Kept before anybody is told that it holds.
    if (Object.keys(choice).length === 0) await this.#store.delete(PREFIX + sessionKey);
    else await this.#store.set(PREFIX + sessionKey, choice, KEPT_MS);
    this.#hold(sessionKey, Promise.resolve(choice));
    return choice;
  }

  forget(sessionKey: string): Promise<Choice> {
    return this.set(sessionKey, { model: null, thinking: null, queue: null });
  }

  #hold(sessionKey: string, choice: Promise<Choice>): void {
    this.#held.delete(sessionKey);
    this.#held.set(sessionKey, choice);
    for (const oldest of this.#held.keys()) if (this.#held.size > MOST_HELD) this.#held.delete(oldest);
  }
}
