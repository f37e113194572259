type Bytes = Uint8Array & { toBase64(): string };
const FromBase64 = Uint8Array as unknown as { fromBase64(text: string): Uint8Array<ArrayBuffer> };
const ALGORITHMS: ReadonlySet<string> = new Set(["SHA-1", "SHA-256", "SHA-384", "SHA-512"]);
const ED25519 = "ED25519";
/** Three bytes are four characters, and a text that leaves is bounded. */
const MAX_BYTES = 3_000_000;

interface KeyState {
  /** Of an HMAC; undefined for an Ed25519 key. */
  readonly hash: string | undefined;
  readonly base64: string;
}

/**
 * The part of Web Crypto that needs no keys of its own making: random values, digests, HMAC, signatures of Ed25519 that are checked.
 * Randomness, hashes and checks come from the process outside, by OpenSSL.
 */
export function makeCrypto(send: (text: string) => string): { crypto: object; CryptoKey: unknown } {
  const states = new WeakMap<object, KeyState>();

  class CryptoKey {
    readonly type: "secret" | "public";
    readonly extractable: boolean;
    readonly algorithm: { name: "HMAC"; hash: { name: string }; length: number } | { name: "Ed25519" };
    readonly usages: readonly string[];

    constructor(bytes: Uint8Array, hash: string | undefined, extractable: boolean, usages: readonly string[]) {
      if (!(bytes instanceof Uint8Array)) throw new TypeError("Illegal constructor");
      this.type = hash === undefined ? "public" : "secret";
      this.extractable = extractable;
      this.algorithm = hash === undefined ? { name: "Ed25519" } : { name: "HMAC", hash: { name: hash }, length: bytes.length * 8 };
      this.usages = Object.freeze([...usages]);
      states.set(this, { hash, base64: (bytes as Bytes).toBase64() });
    }
  }

  function getRandomValues<T extends ArrayBufferView>(view: T): T {
    if (!ArrayBuffer.isView(view) || /^(?:Float|DataView)/.test((view as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? ""))
      throw new DOMException("The data argument must be an integer-type TypedArray", "TypeMismatchError");
    if (view.byteLength > 65_536) throw new DOMException(`The requested length exceeds 65,536 bytes: it is ${view.byteLength}`, "QuotaExceededError");
    viewOf(view).set(FromBase64.fromBase64(send(`R${view.byteLength}`)));
    return view;
  }

  const hashed = (name: string, key: string, data: Uint8Array): ArrayBuffer =>
    FromBase64.fromBase64(send(`H${name},${key},${(data as Bytes).toBase64()}`)).buffer;

  const stateOf = (algorithm: unknown, key: unknown, usage: string): KeyState => {
    const state = states.get(key as object);
    const name = nameOf(algorithm);
    if (name !== "HMAC" && (name !== ED25519 || usage !== "verify")) throw unsupported(name);
    if (state === undefined) throw new TypeError("the key is not a CryptoKey");
    if ((name === ED25519) !== (state.hash === undefined)) throw new DOMException("The key is for another algorithm.", "InvalidAccessError");
    if (!(key as CryptoKey).usages.includes(usage)) throw new DOMException(`The key does not allow "${usage}".`, "InvalidAccessError");
    return state;
  };

  const publicKey = (bytes: Uint8Array, extractable: boolean, usages: string[]): CryptoKey => {
    if (usages.some((one) => one !== "verify")) throw new DOMException("Such a key is for verify here.", "SyntaxError");
    if (bytes.length !== 32) throw new DOMException("Invalid keyData", "DataError");
    return new CryptoKey(bytes.slice(), undefined, extractable, usages);
  };

  const subtle = Object.freeze({
    async digest(algorithm: unknown, data: unknown): Promise<ArrayBuffer> {
      return hashed(hashName(algorithm), "", bytesOf(data));
    },
    async importKey(format: unknown, keyData: unknown, algorithm: unknown, extractable: unknown, usages: Iterable<string>): Promise<CryptoKey> {
      const name = nameOf(algorithm);
      if (name !== "HMAC" && name !== ED25519) throw unsupported(name);
      if (format !== "raw") throw new DOMException(`Only raw keys are supported here, not ${String(format)}.`, "NotSupportedError");
      const bytes = bytesOf(keyData);
      if (name === ED25519) return publicKey(bytes, extractable === true, [...usages]);
      if (bytes.length === 0) throw new DOMException("Zero-length key is not supported", "DataError");
      const all = [...usages];
      if (all.length === 0 || all.some((one) => one !== "sign" && one !== "verify"))
        throw new DOMException("An HMAC key is for sign and verify.", "SyntaxError");
      return new CryptoKey(bytes.slice(), hashName((algorithm as { hash?: unknown }).hash), extractable === true, all);
    },
    async sign(algorithm: unknown, key: unknown, data: unknown): Promise<ArrayBuffer> {
      const { hash, base64 } = stateOf(algorithm, key, "sign");
      return hashed(`HMAC:${hash}`, base64, bytesOf(data));
    },
    async verify(algorithm: unknown, key: unknown, signature: unknown, data: unknown): Promise<boolean> {
      const { hash, base64 } = stateOf(algorithm, key, "verify");
      if (hash === undefined) return send(`E${base64},${(bytesOf(signature) as Bytes).toBase64()},${(bytesOf(data) as Bytes).toBase64()}`) === "true";
      const expected = new Uint8Array(hashed(`HMAC:${hash}`, base64, bytesOf(data)));
      const given = bytesOf(signature);
      let difference = expected.length ^ given.length;
      for (let at = 0; at < expected.length; at++) difference |= (expected[at] as number) ^ (given[at] ?? 0);
      return difference === 0;
    },
  });

  const crypto = Object.freeze({
    subtle,
    getRandomValues,
    randomUUID(): string {
      const bytes = getRandomValues(new Uint8Array(16));
      bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
      bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
      const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
    },
  });
  return { crypto, CryptoKey };
}

const viewOf = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

function bytesOf(data: unknown): Uint8Array {
  if (!(data instanceof ArrayBuffer) && !ArrayBuffer.isView(data)) throw new TypeError("the data must be an ArrayBuffer or a view of one");
  const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : viewOf(data);
  if (bytes.length > MAX_BYTES) throw new DOMException(`At most ${MAX_BYTES} bytes at once here.`, "QuotaExceededError");
  return bytes;
}

function nameOf(algorithm: unknown): string {
  const name = typeof algorithm === "object" && algorithm !== null ? (algorithm as { name?: unknown }).name : algorithm;
  if (name === undefined) throw new TypeError("an algorithm has a name");
  return String(name).toUpperCase();
}

function hashName(algorithm: unknown): string {
  const name = nameOf(algorithm);
  if (!ALGORITHMS.has(name)) throw unsupported(name);
  return name;
}

const unsupported = (name: string): Error => new DOMException(`Unrecognized algorithm name: ${name} is not supported here.`, "NotSupportedError");
