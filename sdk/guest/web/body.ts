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

export function contentOf(body: BodyInit | AsyncIterator<Uint8Array> | undefined): Content {
  if (body === null || body === undefined) return { source: null, type: null };
  if (isKind<Stream>(body, "ReadableStream")) {
    if (body.locked) throw new TypeError("the stream is locked by a reader");
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
    if (source === null) return null;
    this.#stream ??= streamOf(iteratorOf(source), () => {
      this.#used = true;
    });
    return this.#stream;
  }

  /** Told without a stream being made. */
  get hasBody(): boolean {
    return this.#source !== null;
  }

  get bodyUsed(): boolean {
    return this.#used;
  }

  async bytes(): Promise<Bytes> {
    if (this.#used || this.#stream?.locked === true) throw new TypeError("Body is unusable: Body has already been read");
    const source = this.#source;
    if (source === null) return new Uint8Array(0);
    this.#used = true;
    const read = this.#stream === null ? source : readerOf(this.#stream);
    if (read instanceof Uint8Array) return read;
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
    if (this.#used || this.#stream?.locked === true) throw new TypeError("Body is unusable: Body has already been read");
    const source = this.#source;
    if (source === null || source instanceof Uint8Array) return { source, type: null };
    if ("then" in source) return { source, type: null };
    const [one, two] = (this.body as Stream).tee();
    [this.#source, this.#stream, this.#used] = [one, null, false];
    return { source: two, type: null };
  }
}

function iteratorOf(source: NonNullable<Source>): AsyncIterator<Uint8Array> {
  if (isKind<Stream>(source, "ReadableStream")) return readerOf(source);
  if (!(source instanceof Uint8Array) && "next" in source) return source;
  return once(source as Bytes | Promise<Bytes>);
}

async function* once(given: Bytes | Promise<Bytes>): AsyncGenerator<Uint8Array> {
  const bytes = await given;
  if (bytes.length > 0) yield bytes;
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
const streamOf = (items: AsyncIterator<Uint8Array>, touched: () => void): Stream =>
  new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        touched();
        const step = await items.next();
        if (step.done) controller.close();
        else controller.enqueue(step.value);
      },
      async cancel() {
        touched();
        await items.return?.();
      },
    },
    { highWaterMark: 0 },
  );

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
