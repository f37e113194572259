/** Which ids of tool calls a server takes: any; at most 40 or 64 of `A-Z a-z 0-9 _ -`; or exactly nine letters and digits. */
export type CallIdForm = "any" | "nine" | "forty" | "sixty-four";

const FITS: Readonly<Record<CallIdForm, RegExp>> = {
  any: /^.{1,512}$/s,
  nine: /^[A-Za-z0-9]{9}$/,
  forty: /^[A-Za-z0-9_-]{1,40}$/,
  "sixty-four": /^[A-Za-z0-9_-]{1,64}$/,
};

/**
 * The ids of one request's calls as a server takes them, each once. An id that fits stays as it is, so that a server sees its own
 * again; others, and the second call of one id, get one that depends on the calls before it only. So the same conversation has the
 * same ids in every request, and what a server keeps of its beginning stays good.
 */
export class CallIds {
  readonly #form: CallIdForm;
  readonly #used = new Set<string>();
  /** By id, the attempt to begin with: those before it are used. However often one id comes, each is made once. */
  readonly #attempts = new Map<string, number>();

  constructor(form: CallIdForm) {
    this.#form = form;
  }

  next(id: string): string {
    let attempt = this.#attempts.get(id) ?? 0;
    let wire = attempt === 0 ? id : this.#made(id, attempt - 1);
    for (; !FITS[this.#form].test(wire) || this.#used.has(wire); attempt++) wire = this.#made(id, attempt);
    this.#attempts.set(id, attempt);
    this.#used.add(wire);
    return wire;
  }

  #made(id: string, attempt: number): string {
    const hash = hash53(id, attempt).toString(36).padStart(11, "0");
    return this.#form === "nine" ? hash.slice(-9) : `call_${hash}`;
  }
}

/** 53 bits of two rounds of multiplying and mixing 32 bits, after MurmurHash3's finaliser; not for secrets. */
function hash53(text: string, seed: number): number {
  let [a, b] = [0x9e3779b1 ^ seed, 0x85ebca77 ^ seed];
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    a = Math.imul(a ^ unit, 0x85ebca6b);
    b = Math.imul(b ^ unit, 0xc2b2ae35);
  }
  a = Math.imul(a ^ (a >>> 16), 0xc2b2ae35) ^ (b >>> 13);
  b = Math.imul(b ^ (b >>> 16), 0x85ebca6b) ^ (a >>> 13);
  return (b & 0x1fffff) * 0x1_0000_0000 + (a >>> 0);
}
