export interface Step {
  name: string;
  startMs: number;
  durationMs: number;
  depth: number;
}

const round = (ms: number): number => Math.round(ms * 100) / 100;

/** The time tree of a boot: each step with its start since the process began and its length, in milliseconds. */
export class Report {
  readonly steps: Step[] = [];
  #depth = 0;

  async step<T>(name: string, body: () => Promise<T> | T): Promise<T> {
    const begin = performance.now();
    const step: Step = { name, startMs: round(begin), durationMs: 0, depth: this.#depth++ };
    this.steps.push(step);
    try {
      return await body();
    } finally {
      this.#depth--;
      step.durationMs = round(performance.now() - begin);
    }
  }

  mark(name: string, startMs: number, durationMs: number): void {
    this.steps.push({ name, startMs: round(startMs), durationMs: round(durationMs), depth: 0 });
  }
}
