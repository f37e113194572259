import { encodeForm, parseForm } from "./form-body.ts";

type Bytes = Uint8Array<ArrayBuffer>;
type Stream = ReadableStream<Uint8Array>;

/** What may be sent: text, bytes, a form, or a stream of bytes. */
export type BodyInit = string | ArrayBuffer | ArrayBufferView | URLSearchParams | Blob | FormData | Stream | null;

/** A body as it is held: bytes at once, bytes that come, or a stream that somebody else made. */
type Source = Bytes | Promise<Bytes> | AsyncIterator<Uint8Array> | Stream | null;

export interface Content {
  readonly source: Source;
  /** `content-type` that goes with it where the author names none. */
  readonly type: string | null;
}

/** By its tag and not by its class, which may not be loaded yet. */
const isKind = <T>(value: unknown, ...tags: string[]): value is T =>
  typeof value === "object" && value !== null && tags.includes((value as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? "");

const isStream = (value: unknown): value is Stream => isKind<Stream>(value, "ReadableStream");

/** Whether anything was read of a stream, which the web does not tell: by what the two kinds of streams that there are know of themselves. */
const isDisturbed = (value: unknown): boolean => {
  const { _disturbed, [Symbol.for("nodejs.stream.disturbed")]: disturbed } = (isStream(value) ? value : {}) as Record<string | symbol, unknown>;
  return _disturbed === true || disturbed === true;
};

export function contentOf(body: BodyInit | AsyncIterator<Uint8Array> | undefined): Content {
  if (body === null || body === undefined) return { source: null, type: null };
  if (isStream(body)) {
    if (body.locked || isDisturbed(body)) throw new TypeError("the stream is locked by a reader");
    return { source: body, type: null };
  }
  if (isKind<Blob>(body, "Blob", "File")) return { source: body.bytes() as Promise<Bytes>, type: body.type || null };
  if (isKind<FormData>(body, "FormData")) return encodeForm(body);
  if (body instanceof ArrayBuffer) return { source: new Uint8Array(body.slice(0)), type: null };
  if (ArrayBuffer.isView(body)) return { source: new Uint8Array(body.buffer as ArrayBuffer, body.byteOffset, body.byteLength).slice(), type: null };
  if (body instanceof URLSearchParams) return { source: utf8(String(body)), type: "application/x-www-form-urlencoded;charset=UTF-8" };
  if (typeof body === "object" && "next" in body) return { source: body, type: null };
  return { source: utf8(String(body)), type: "text/plain;charset=UTF-8" };
}

const utf8 = (text: string): Bytes => new TextEncoder().encode(text) as Bytes;

/** A body that is read once, as a whole or in pieces. */
export class Body {
  #source: Source;
  /** Made when it is asked for. */
  #stream: Stream | null = null;
  #used = false;

  protected constructor({ source }: Content) {
    this.#source = source;
  }

  get body(): Stream | null {
    const source = this.#source;
    if (source === null || this.#stream !== null) return this.#stream;
    this.#stream = isStream(source) ? source : streamOf(iteratorOf(source));
    // Whoever comes after it was read finds nothing.
    if (this.#used && !this.#stream.locked) this.#stream.getReader();
    return this.#stream;
  }

  /** Told without a stream being made. */
  get hasBody(): boolean {
    return this.#source !== null;
  }

  get bodyUsed(): boolean {
    return this.#used || isDisturbed(this.#stream ?? this.#source);
  }

  async bytes(): Promise<Bytes> {
    const read = this.#stream ?? this.#source;
    this.#readable();
    if (read === null) return new Uint8Array(0);
    this.#used = true;
    if (read instanceof Uint8Array) return read.slice();
    return "then" in read ? read : collected(iteratorOf(read));
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

  async blob(): Promise<Blob> {
    const { headers } = this as unknown as { headers: { get(name: string): string | null } };
    return new Blob([await this.bytes()], { type: headers.get("content-type") ?? "" });
  }

  async formData(): Promise<FormData> {
    const { headers } = this as unknown as { headers: { get(name: string): string | null } };
    return parseForm(headers.get("content-type") ?? "", await this.bytes());
  }

  /** The same content for a second one: both can be read. */
  protected split(): Content {
    this.#readable();
    const source = this.#source;
    if (this.#stream === null && (source === null || source instanceof Uint8Array || "then" in source)) return { source, type: null };
    const [one, two] = (this.body as Stream).tee();
    [this.#source, this.#stream] = [one, null];
    return { source: two, type: null };
  }

  #readable(): void {
    const stream = this.#stream ?? this.#source;
    if (this.bodyUsed || (isStream(stream) && stream.locked)) throw new TypeError("Body is unusable: Body has already been read");
  }
}

function iteratorOf(source: NonNullable<Source>): AsyncIterator<Uint8Array> {
  if (isStream(source)) return readerOf(source);
  if (!(source instanceof Uint8Array) && "next" in source) return source;
  return once(source as Bytes | Promise<Bytes>);
}

/** A copy: a stream takes the bytes that it gives away. */
async function* once(given: Bytes | Promise<Bytes>): AsyncGenerator<Uint8Array> {
  yield (await given).slice();
}

function readerOf(stream: Stream): AsyncIterator<Uint8Array> {
  const reader = stream.getReader();
  return {
    async next() {
      const step = await reader.read();
      if (!step.done && !(step.value instanceof Uint8Array)) throw new TypeError("a body's stream gives Uint8Arrays");
      return step as IteratorResult<Uint8Array>;
    },
    async return() {
      await reader.cancel();
      return { done: true, value: undefined };
    },
  };
}

/** Nothing is read before somebody reads. */
const streamOf = (items: AsyncIterator<Uint8Array>): Stream =>
  new ReadableStream({
    type: "bytes",
    async pull(controller) {
      let step = await items.next();
      while (!step.done && step.value.length === 0) step = await items.next();
      if (!step.done) return controller.enqueue(step.value as Bytes);
      controller.close();
      controller.byobRequest?.respond(0);
    },
    async cancel() {
      await items.return?.();
    },
  });

/** All of it, as one. */
export async function collected(items: AsyncIterator<Uint8Array>): Promise<Bytes> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let step = await items.next(); !step.done; step = await items.next()) {
    chunks.push(step.value);
    size += step.value.length;
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
