/** One party besides the owner and the product that shaped a piece of work, and how it first came in. */
export interface Influence {
  /** An extension's id, `outside` for text from elsewhere, or `guest:` and where that guest was proven. */
  readonly party: string;
  /** In plain words, such as `changed message.received`; at most 120 characters. */
  readonly how: string;
}

/** More than this many are told as one: who has so many hands in it is not trusted whichever they are. */
const MOST = 64;
const REST: Influence = Object.freeze({ party: "outside", how: "many others" });

/**
 * Whose hands a piece of work went through. It only ever grows: nothing removes a party, and a child sees all of its
 * parent's. The host writes it; what an extension says about itself cannot make it smaller.
 */
export class Origin {
  readonly #parent: Origin | null;
  #own: Map<string, Influence> | null = null;

  constructor(parent: Origin | null = null) {
    this.#parent = parent;
  }

  /** True while only the owner and the product had a hand in it. */
  get whole(): boolean {
    return this.#own === null && (this.#parent === null || this.#parent.whole);
  }

  lower(party: string, how: string): void {
    if (this.#own?.has(party)) return;
    this.#own ??= new Map();
    if (this.#own.size < MOST) this.#own.set(party, Object.freeze({ party, how: how.slice(0, 120) }));
    else this.#own.set(REST.party, REST);
  }

  /** What a branch of it went through on its own has come back. */
  absorb(branch: Origin): void {
    if (branch.#own !== null) for (const { party, how } of branch.#own.values()) this.lower(party, how);
  }

  /** In the order in which they came in, the parent's first. */
  get influences(): readonly Influence[] {
    const inherited = this.#parent?.influences ?? NONE;
    if (this.#own === null) return inherited;
    const own = [...this.#own.values()];
    return inherited.length === 0 ? own : [...inherited, ...own.filter(({ party }) => !inherited.some((one) => one.party === party))];
  }
}

const NONE: readonly Influence[] = Object.freeze([]);

// Receivers in the host's process hold one.
Object.freeze(Origin.prototype);
