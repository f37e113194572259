type Bytes = Uint8Array<ArrayBuffer>;

/** What may be sent: text, bytes, or a form of URLSearchParams. */
export type BodyInit = string | ArrayBuffer | ArrayBufferView | URLSearchParams | null;

/** `content-type` that goes with it where the author names none. */
export function typeOf(body: BodyInit | undefined): string | null {
  if (typeof body === "string") return "text/plain;charset=UTF-8";
  return body instanceof URLSearchParams ? "application/x-www-form-urlencoded;charset=UTF-8" : null;
}

export function bytesOf(body: BodyInit): Bytes {
  if (body instanceof ArrayBuffer) return new Uint8Array(body.slice(0));
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer as ArrayBuffer, body.byteOffset, body.byteLength).slice();
  return new TextEncoder().encode(String(body)) as Bytes;
}

/** A body that is read once, as a whole or in pieces. */
export class Body {
  readonly #stream: BodyStream | null;
  #used = false;

  constructor(source: BodyInit | AsyncIterator<Uint8Array> | undefined) {
    if (source === null || source === undefined) this.#stream = null;
    else if (typeof source === "object" && "next" in source) this.#stream = new BodyStream(source);
    else this.#stream = new BodyStream(once(bytesOf(source as BodyInit)));
  }

  get body(): BodyStream | null {
    return this.#stream;
  }

  get bodyUsed(): boolean {
    return this.#used || this.#stream?.touched === true;
  }

  async bytes(): Promise<Bytes> {
    if (this.bodyUsed) throw new TypeError("Body is unusable: Body has already been read");
    this.#used = true;
    const chunks: Uint8Array[] = [];
    let size = 0;
    if (this.#stream !== null) {
      for await (const chunk of this.#stream) {
        chunks.push(chunk);
        size += chunk.length;
      }
    }
    const all = new Uint8Array(size);
    let at = 0;
    for (const chunk of chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return (await this.bytes()).buffer;
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text()) as unknown;
  }
}

/** The reading half of a stream: an async iterable with a reader. */
export class BodyStream {
  readonly #source: AsyncIterator<Uint8Array>;
  #locked = false;
  touched = false;

  constructor(source: AsyncIterator<Uint8Array>) {
    this.#source = source;
  }

  get locked(): boolean {
    return this.#locked;
  }

  getReader(): BodyReader {
    this.#lock();
    return {
      read: () => {
        this.touched = true;
        return this.#source.next();
      },
      cancel: () => this.#cancel(),
      releaseLock: () => {
        this.#locked = false;
      },
    };
  }

  cancel(): Promise<void> {
    if (this.#locked) return Promise.reject(new TypeError("the stream is locked by a reader"));
    return this.#cancel();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    this.#lock();
    this.touched = true;
    return this.#source;
  }

  #lock(): void {
    if (this.#locked) throw new TypeError("the stream is locked by a reader");
    this.#locked = true;
  }

  async #cancel(): Promise<void> {
    this.touched = true;
    await this.#source.return?.();
  }
}

export interface BodyReader {
  read(): Promise<IteratorResult<Uint8Array>>;
  cancel(): Promise<void>;
  releaseLock(): void;
}

async function* once(bytes: Bytes): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}
