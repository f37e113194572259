/** How large one tenant's frame may be, length field excluded. */
const LIMIT = 4 * 1024 * 1024;
const HEAD = 8;
/** A frame that comes in crumbs is put together now and then: each crumb takes more memory than its bytes. */
const MAX_CHUNKS = 1_024;

/**
 * Many tenants on one connection: a 4-byte tenant number, a 4-byte length (both big-endian), that many bytes of UTF-8.
 * Tenant 0 is the one who keeps the others.
 */
export function encodeMux(tenant: number, body: string): Buffer {
  const length = Buffer.byteLength(body);
  const frame = Buffer.allocUnsafe(HEAD + length);
  frame.writeUInt32BE(tenant, 0);
  frame.writeUInt32BE(length, 4);
  frame.write(body, HEAD);
  return frame;
}

/** Cuts a byte stream into tenants' frames, wherever its chunks break. Throws on a frame over the limit. */
export class MuxReader {
  readonly #limit: number;
  readonly #onFrame: (tenant: number, body: string) => void;
  #chunks: Buffer[] = [];
  #held = 0;
  #head: { tenant: number; length: number } | null = null;

  constructor(onFrame: (tenant: number, body: string) => void, limit = LIMIT) {
    this.#onFrame = onFrame;
    this.#limit = limit;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    if (this.#chunks.length > MAX_CHUNKS) this.#chunks = [Buffer.concat(this.#chunks)];
    this.#held += chunk.length;
    for (;;) {
      if (this.#head === null) {
        if (this.#held < HEAD) return;
        const head = this.#take(HEAD);
        this.#head = { tenant: head.readUInt32BE(0), length: head.readUInt32BE(4) };
        if (this.#head.length > this.#limit) throw new RangeError(`a frame of ${this.#head.length} bytes is over the limit of ${this.#limit}`);
      }
      const { tenant, length } = this.#head;
      if (this.#held < length) return;
      this.#head = null;
      this.#onFrame(tenant, length === 0 ? "" : this.#take(length).toString("utf8"));
    }
  }

  #take(count: number): Buffer {
    const first = this.#chunks[0] as Buffer;
    const all = first.length >= count ? first : Buffer.concat(this.#chunks);
    const rest = all.length > count ? [all.subarray(count)] : [];
    this.#chunks = all === first ? [...rest, ...this.#chunks.slice(1)] : rest;
    this.#held -= count;
    return all.subarray(0, count);
  }
}
