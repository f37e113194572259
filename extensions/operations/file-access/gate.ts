/** Lets a few bodies of each owner run at one time; the others wait in order. */
export class Gate {
  readonly #most: number;
  readonly #lanes = new Map<string, { running: number; waiting: (() => void)[] }>();

  constructor(most: number) {
    this.#most = most;
  }

  async run<T>(owner: string, body: () => Promise<T>): Promise<T> {
    const lane = this.#lanes.get(owner) ?? { running: 0, waiting: [] };
    this.#lanes.set(owner, lane);
    if (lane.running >= this.#most) await new Promise<void>((resolve) => lane.waiting.push(resolve));
    else lane.running++;
    try {
      return await body();
    } finally {
      const next = lane.waiting.shift();
      // Its place goes to the next one.
      if (next !== undefined) next();
      else if (--lane.running === 0) this.#lanes.delete(owner);
    }
  }
}
