import type { ModelMessage, Part } from "@plinth/sdk";

/** What is said into a running turn, until the loop takes it in. */
export class Words {
  #waiting: Part[][] = [];
  #urgent = false;
  #closed = false;

  /** @param when now: calls that have not begun are skipped for it. */
  add(content: Part[], when: "now" | "next"): "now" | "next" | "no" {
    if (this.#closed) return "no";
    this.#waiting.push(content);
    if (when === "now") this.#urgent = true;
    return when;
  }

  /** Something is to be heard before the next call of a tool. */
  get urgent(): boolean {
    return this.#urgent;
  }

  take(): ModelMessage[] {
    const messages = this.#waiting.map((content): ModelMessage => ({ role: "user", content }));
    this.#waiting = [];
    this.#urgent = false;
    return messages;
  }

  /** Nothing is taken in any more. */
  close(): void {
    this.#closed = true;
  }
}
