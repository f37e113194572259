import type { TranscriptEntry } from "@plinth/sdk";

interface Tail {
  head: string;
  /** Oldest first, each the parent of the next; the last one is the head. */
  entries: TranscriptEntry[];
  sizes: number[];
  /** The first entry is a root. */
  complete: boolean;
}

/**
 * The last entries of the sessions in use, parsed. Nothing here goes stale: entries never change, so what hangs below a
 * head is the same for ever, and a tail is used only when its head is still the session's.
 */
export class TailCache {
  readonly #tails = new Map<string, Tail>();
  readonly #limit: number;
  readonly #entryLimit: number;
  #size = 0;

  constructor(limit = 4 * 1024 * 1024, entryLimit = 1024) {
    this.#limit = limit;
    this.#entryLimit = entryLimit;
  }

  /** The last `limit` entries up to `head`, oldest first; undefined when they are not all here. */
  get(key: string, head: string, limit: number): TranscriptEntry[] | undefined {
    const tail = this.#tails.get(key);
    if (tail?.head !== head || (tail.entries.length < limit && !tail.complete)) return undefined;
    this.#tails.delete(key);
    this.#tails.set(key, tail);
    return tail.entries.slice(-limit);
  }

  put(key: string, entries: TranscriptEntry[], sizes: number[]): void {
    this.drop(key);
    const head = entries.at(-1)?.id;
    if (head === undefined) return;
    this.#tails.set(key, { head, entries: [...entries], sizes, complete: entries[0]!.parent === null });
    for (const size of sizes) this.#size += size;
    this.#trim(key);
  }

  /** New entries were committed below the head. */
  extend(key: string, added: readonly TranscriptEntry[], sizes: readonly number[]): void {
    const { parent } = added[0]!;
    const tail = this.#tails.get(key);
    if (parent === null) return this.put(key, [...added], [...sizes]);
    if (tail?.head !== parent) return this.drop(key);
    tail.entries.push(...added);
    tail.sizes.push(...sizes);
    tail.head = added.at(-1)!.id;
    for (const size of sizes) this.#size += size;
    this.#tails.delete(key);
    this.#tails.set(key, tail);
    this.#trim(key);
  }

  drop(key: string): void {
    const tail = this.#tails.get(key);
    if (tail === undefined) return;
    this.#tails.delete(key);
    for (const size of tail.sizes) this.#size -= size;
  }

  #trim(key: string): void {
    const tail = this.#tails.get(key)!;
    if (tail.entries.length > this.#entryLimit) {
      const surplus = tail.entries.length - this.#entryLimit / 2;
      tail.entries.splice(0, surplus);
      for (const size of tail.sizes.splice(0, surplus)) this.#size -= size;
      tail.complete = false;
    }
    for (const other of this.#tails.keys()) {
      if (this.#size <= this.#limit) return;
      this.drop(other);
    }
  }
}
