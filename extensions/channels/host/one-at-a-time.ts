/** Runs one body for each key at a time. Whoever asks while it runs is heard: it runs once more. */
export class OneAtATime {
  readonly #body: (key: string) => Promise<void>;
  readonly #running = new Map<string, Promise<void>>();
  readonly #again = new Set<string>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #isOn = false;

  constructor(body: (key: string) => Promise<void>) {
    this.#body = body;
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  start(): void {
    this.#isOn = true;
  }

  kick(key: string): void {
    if (!this.#isOn) return;
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
    if (this.#running.has(key)) return void this.#again.add(key);
    // One step later, so that whoever kicks meanwhile sees it as running.
    const running = Promise.resolve()
      .then(() => this.#body(key))
      .finally(() => {
        this.#running.delete(key);
        if (this.#again.delete(key)) this.kick(key);
      });
    this.#running.set(key, running);
  }

  later(key: string, ms: number): void {
    if (!this.#isOn) return;
    clearTimeout(this.#timers.get(key));
    this.#timers.set(key, setTimeout(() => this.kick(key), ms).unref());
  }

  /** What runs is waited for. */
  async stop(): Promise<void> {
    this.#isOn = false;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#again.clear();
    await Promise.allSettled(this.#running.values());
  }
}
