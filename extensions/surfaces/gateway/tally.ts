const WINDOW_MS = 60_000;

/**
 * Events of a minute by address, in a bounded map. Of tokens only wrong ones are counted and refused: with 256 bits there is
 * nothing to guess, and another program on this machine must not be able to lock the owner out.
 */
export class Tally {
  readonly #limit: number;
  readonly #capacity: number;
  readonly #now: () => number;
  readonly #seen = new Map<string, { count: number; until: number }>();

  constructor(limit: number, now: () => number, capacity = 4096) {
    this.#limit = limit;
    this.#now = now;
    this.#capacity = capacity;
  }

  /** Count one. Returns 0, or the seconds to wait when the address is over its limit. */
  count(address: string): number {
    const key = block(address);
    const now = this.#now();
    let entry = this.#seen.get(key);
    if (entry === undefined || entry.until <= now) {
      entry = { count: 0, until: now + WINDOW_MS };
      this.#seen.delete(key);
      this.#seen.set(key, entry);
      const oldest = this.#seen.keys().next();
      if (this.#seen.size > this.#capacity && !oldest.done) this.#seen.delete(oldest.value);
    }
    entry.count += 1;
    return entry.count > this.#limit ? Math.max(1, Math.ceil((entry.until - now) / 1000)) : 0;
  }

  get size(): number {
    return this.#seen.size;
  }
}

/** An IPv4 address, or the /64 of an IPv6 one: a single customer commonly has a whole /64. */
function block(address: string): string {
  const plain = address.startsWith("::ffff:") ? address.slice(7) : address;
  if (!plain.includes(":")) return plain;
  const [head = "", tail = ""] = plain.split("%")[0]!.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0");
  return [...left, ...zeros, ...right].slice(0, 4).join(":");
}
