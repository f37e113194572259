import type { ModelMessage, TurnEvent } from "@plinth/sdk";

/** As much of an answer that broke off is kept. */
const MOST_CHARS = 1_000_000;

/** What was said of an answer that is not whole: it stays said, also where its turn fails or is stopped. */
export class HalfAnswer {
  #text = "";

  /** What is told of the turn. */
  take(event: TurnEvent): void {
    if (event.type === "text" && this.#text.length < MOST_CHARS) this.#text += event.delta;
  }

  /** It is whole, and kept as that. */
  clear(): void {
    this.#text = "";
  }

  /**
   * @param check what may be stored of a text, as of every answer; fails where it may not be
   * @returns undefined where nothing was said, or nothing of it may be kept
   */
  async message(check: (text: string) => Promise<string>): Promise<ModelMessage | undefined> {
    if (this.#text.trim() === "") return undefined;
    const text = await check(this.#text).catch(() => "");
    return text === "" ? undefined : { role: "assistant", content: [{ type: "text", text }] };
  }
}
