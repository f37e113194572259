/** Ids of calls, each once: some models call every call `call_0`, and clients and later requests need one id for one call. */
export class CallNames {
  readonly #used: Set<string>;
  /** By id, the number to begin with: those before it are used. */
  readonly #next = new Map<string, number>();

  constructor(used: Iterable<string>) {
    this.#used = new Set(used);
  }

  own(id: string): string {
    const base = id || "call";
    let own = base;
    let n = this.#next.get(base) ?? 2;
    for (; this.#used.has(own); n++) own = `${base}-${n}`;
    this.#next.set(base, n);
    this.#used.add(own);
    return own;
  }
}
