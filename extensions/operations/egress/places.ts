import { overBudget } from "./address.ts";

/** Places of all extensions together: what is above them is the host's own. */
export class Room {
  readonly most: number;
  taken = 0;

  constructor(most: number) {
    this.most = most;
  }
}

/** How many of something each extension may have at one time. */
export class Places {
  readonly #most: number;
  readonly #what: string;
  readonly #room: Room;
  readonly #taken = new Map<string, number>();

  constructor(most: number, what: string, room: Room) {
    // One alone never takes what all of them may.
    this.#most = Math.max(1, Math.min(most, Math.floor(room.most / 2)));
    this.#what = what;
    this.#room = room;
  }

  /** A place for as long as `body` runs. */
  async *hold<T>(extension: string, body: AsyncIterable<T>): AsyncGenerator<T> {
    const leave = this.take(extension);
    try {
      yield* body;
    } finally {
      leave();
    }
  }

  /** A place until the result is called, once. */
  take(extension: string): () => void {
    const taken = this.#taken.get(extension) ?? 0;
    if (taken >= this.#most) throw overBudget(extension, `${this.#most} ${this.#what} at one time`, "Wait for some to end.");
    if (this.#room.taken >= this.#room.most)
      throw overBudget(extension, `${this.#room.most} connections at one time are kept for all extensions of this host`, "Wait for some to end.");
    this.#taken.set(extension, taken + 1);
    this.#room.taken++;
    return () => {
      this.#room.taken--;
      const left = (this.#taken.get(extension) ?? 1) - 1;
      if (left === 0) this.#taken.delete(extension);
      else this.#taken.set(extension, left);
    };
  }
}
