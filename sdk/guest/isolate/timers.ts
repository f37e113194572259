interface Timer {
  readonly body: (...args: unknown[]) => void;
  readonly args: readonly unknown[];
  readonly ms: number;
  readonly repeat: boolean;
  readonly enter: () => void;
}

/** Timers that the process outside keeps. A timer's code runs as the work that set it. */
export class Timers {
  readonly #send: (text: string) => string;
  readonly #capture: () => () => void;
  readonly #timers = new Map<number, Timer>();
  #next = 1;

  constructor(send: (text: string) => string, capture: () => () => void) {
    this.#send = send;
    this.#capture = capture;
  }

  set(body: unknown, ms: unknown, args: readonly unknown[], repeat: boolean): number {
    if (typeof body !== "function") throw new TypeError("a timer takes a function");
    const id = this.#next++;
    const wait = Math.min(2 ** 31 - 1, Math.max(1, Math.trunc(Number(ms)) || 1));
    this.#timers.set(id, { body: body as Timer["body"], args, ms: wait, repeat, enter: this.#capture() });
    this.#send(`T${id},${wait}`);
    return id;
  }

  clear(id: unknown): void {
    if (this.#timers.delete(id as number)) this.#send(`C${String(id)}`);
  }

  fire(id: number): void {
    const timer = this.#timers.get(id);
    if (timer === undefined) return;
    if (timer.repeat) this.#send(`T${id},${timer.ms}`);
    else this.#timers.delete(id);
    timer.enter();
    timer.body(...timer.args);
  }
}
