/** Counted one by one; what has more parts is taken for as large as what it came in. */
const MAX_PARTS = 1_000;
const PART_BYTES = 16;
/** Not worth a look. */
const SMALL = 4_096;

/** Bytes that this side keeps for the other one: requests under way and items that nobody took yet. */
export class Held {
  readonly #most: number;
  #bytes = 0;
  #closed = false;

  constructor(most: number) {
    this.#most = most;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Keep so many more; false where there is no room for them. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#most) return false;
    this.#bytes += bytes;
    return true;
  }

  give(bytes: number): void {
    if (!this.#closed) this.#bytes -= bytes;
  }

  /** The other side is gone, and all of it with it. */
  close(): void {
    this.#closed = true;
    this.#bytes = 0;
  }
}

/** About what a parsed value takes, at most `most`. */
export function weigh(value: unknown, most: number): number {
  if (most <= SMALL) return most;
  if (typeof value === "string") return Math.min(most, value.length + PART_BYTES);
  if (typeof value !== "object" || value === null) return PART_BYTES;
  const open: unknown[] = [value];
  let bytes = 0;
  for (let seen = 0; seen < open.length; seen++) {
    if (seen > MAX_PARTS) return most;
    const one = open[seen];
    bytes += PART_BYTES + (typeof one === "string" ? one.length : 0);
    if (typeof one !== "object" || one === null) continue;
    if (Array.isArray(one)) {
      if (open.length + one.length > MAX_PARTS) return most;
      open.push(...one);
      continue;
    }
    for (const [name, part] of Object.entries(one)) {
      bytes += name.length;
      if (open.push(part) > MAX_PARTS) return most;
    }
  }
  return Math.min(most, bytes);
}
