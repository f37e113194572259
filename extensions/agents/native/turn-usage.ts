import type { Usage } from "@plinth/sdk";

type Count = Exclude<keyof Usage, "serverTools">;

/** What must be known of each call: a sum with one left out would be too low. */
const OF_ALL = ["inputTokens", "outputTokens", "cost"] as const;

/** What the model calls of one turn took together. What one of them does not say is not known, and is not counted as nothing. */
export class TurnUsage {
  readonly #counts = new Map<Count, { sum: number; calls: number }>();
  #serverTools: Record<string, number> | undefined;
  #calls = 0;

  /** @param usage undefined: the call's provider said nothing of it. */
  add(usage: Usage | undefined): void {
    this.#calls++;
    const { serverTools = {}, ...counts } = usage ?? ({} as Partial<Usage>);
    for (const [name, count] of Object.entries(counts) as [Count, number][]) {
      const { sum, calls } = this.#counts.get(name) ?? { sum: 0, calls: 0 };
      this.#counts.set(name, { sum: sum + count, calls: calls + 1 });
    }
    for (const [name, count] of Object.entries(serverTools)) {
      this.#serverTools ??= {};
      this.#serverTools[name] = (this.#serverTools[name] ?? 0) + count;
    }
  }

  /** As a field of what is told of the turn: absent where one of its calls does not say what it took. */
  get said(): { usage?: Usage } {
    const usage: Partial<Usage> = this.#serverTools === undefined ? {} : { serverTools: this.#serverTools };
    for (const [name, { sum, calls }] of this.#counts) {
      if (calls === this.#calls || !(OF_ALL as readonly string[]).includes(name)) usage[name] = sum;
    }
    const { inputTokens, outputTokens } = usage;
    return inputTokens === undefined || outputTokens === undefined ? {} : { usage: { ...usage, inputTokens, outputTokens } };
  }
}
