/** Keeps the beginning and the end of an output, whatever its length. */
export class OutputWindow {
  readonly #half: number;
  readonly #head: Buffer[] = [];
  readonly #tail: Buffer[] = [];
  #headSize = 0;
  #tailSize = 0;
  #total = 0;

  /** @param limit bytes to keep: half of them from the beginning, half from the end. */
  constructor(limit: number) {
    this.#half = Math.floor(limit / 2);
  }

  /** Bytes that came. */
  get total(): number {
    return this.#total;
  }

  push(chunk: Buffer): void {
    this.#total += chunk.length;
    const room = this.#half - this.#headSize;
    if (room > 0) {
      const part = chunk.subarray(0, room);
      this.#head.push(part);
      this.#headSize += part.length;
    }
    const rest = chunk.subarray(Math.max(room, 0));
    if (rest.length === 0) return;
    this.#tail.push(rest);
    this.#tailSize += rest.length;
    while (this.#tailSize - this.#tail[0]!.length >= this.#half) this.#tailSize -= this.#tail.shift()!.length;
  }

  /** The text, with a note where something was left out. */
  read(): { text: string; omitted: number } {
    const head = Buffer.concat(this.#head);
    const kept = Buffer.concat(this.#tail);
    const tail = kept.subarray(Math.max(kept.length - this.#half, 0));
    const omitted = this.#total - head.length - tail.length;
    if (omitted === 0) return { text: Buffer.concat([head, tail]).toString("utf8"), omitted };
    // A cut inside a character: its bytes belong to what is left out.
    const begin = head.subarray(0, head.length - partialEnd(head));
    let from = 0;
    while (from < 4 && from < tail.length && (tail[from]! & 0xc0) === 0x80) from++;
    const end = tail.subarray(from);
    const left = this.#total - begin.length - end.length;
    return { text: `${begin.toString("utf8")}\n[… ${left} bytes are left out …]\n${end.toString("utf8")}`, omitted: left };
  }
}

/** How many bytes at the end belong to a character that is not complete. */
function partialEnd(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? back : 0;
  }
  return 0;
}
