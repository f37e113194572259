import { COPY } from "./copy-symbol.ts";

type Part = string | ArrayBuffer | ArrayBufferView | Blob;
type Bytes = Uint8Array<ArrayBuffer>;

interface BlobOptions {
  type?: string;
  endings?: "transparent" | "native";
}

const contents = new WeakMap<Blob, Bytes>();
/** A copy of another one's bytes is not made: nobody can change them. */
const SHARED = Symbol("shared");

export const blobBytes = (blob: Blob): Bytes => {
  const bytes = contents.get(blob);
  if (bytes === undefined) throw new TypeError("Illegal invocation");
  return bytes;
};

/** Bytes with a type, in this isolate's memory. */
export class Blob {
  readonly #type: string;

  constructor(parts: Iterable<Part> | { readonly [SHARED]: Bytes } = [], options: BlobOptions | null = {}) {
    if (parts === null || typeof parts !== "object") throw new TypeError("a Blob is made of a sequence of parts");
    if (options !== null && typeof options !== "object" && typeof options !== "function" && options !== undefined)
      throw new TypeError("a Blob's options are an object");
    const shared = (parts as { readonly [SHARED]?: Bytes })[SHARED];
    if (shared === undefined && typeof (parts as Iterable<Part>)[Symbol.iterator] !== "function")
      throw new TypeError("a Blob is made of a sequence of parts");
    const all = shared === undefined ? [...(parts as Iterable<Part>)] : [];
    const { endings = "transparent", type = "" } = options ?? {};
    if (String(endings) !== "transparent" && String(endings) !== "native") throw new TypeError("endings are transparent or native");
    const text = String(type);
    this.#type = /[^\x20-\x7e]/.test(text) ? "" : text.toLowerCase();
    contents.set(this, shared ?? joined(all.map((part) => bytesOf(part, String(endings) === "native"))));
  }

  get size(): number {
    return blobBytes(this).length;
  }

  get type(): string {
    return this.#type;
  }

  slice(start = 0, end?: number, type = ""): Blob {
    const bytes = blobBytes(this);
    const [from, to] = [clamped(start, bytes.length), end === undefined ? bytes.length : clamped(end, bytes.length)];
    return new Blob({ [SHARED]: bytes.subarray(from, Math.max(from, to)) }, { type });
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return blobBytes(this).slice().buffer;
  }

  async bytes(): Promise<Bytes> {
    return blobBytes(this).slice();
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(blobBytes(this));
  }

  stream(): ReadableStream<Bytes> {
    const bytes = blobBytes(this);
    let at = 0;
    return new ReadableStream(
      {
        type: "bytes",
        pull(controller) {
          if (at < bytes.length) controller.enqueue(bytes.slice(at, (at += 65_536)));
          if (at < bytes.length) return;
          controller.close();
          controller.byobRequest?.respond(0);
        },
      },
      { highWaterMark: 0 },
    ) as ReadableStream<Bytes>;
  }

  [COPY](): Blob {
    return new Blob({ [SHARED]: blobBytes(this) }, { type: this.type });
  }

  get [Symbol.toStringTag](): string {
    return "Blob";
  }
}
for (const name of ["size", "type", "slice", "arrayBuffer", "bytes", "text", "stream"] as const)
  Object.defineProperty(Blob.prototype, name, { enumerable: true });
Object.defineProperty(Blob.prototype, COPY, { enumerable: false });

export class File extends Blob {
  readonly #name: string;
  readonly #lastModified: number;

  constructor(...given: [parts: Iterable<Part>, name: string, options?: (BlobOptions & { lastModified?: number }) | null]) {
    const [parts, name, options] = given;
    if (given.length < 2) throw new TypeError("a File has parts and a name");
    super(parts, options);
    this.#name = String(name).toWellFormed();
    const { lastModified } = options ?? {};
    this.#lastModified = lastModified === undefined ? Date.now() : Math.trunc(Number(lastModified)) || 0;
  }

  get name(): string {
    return this.#name;
  }

  get lastModified(): number {
    return this.#lastModified;
  }

  get webkitRelativePath(): string {
    return "";
  }

  override [COPY](): File {
    return new File([this], this.name, { type: this.type, lastModified: this.lastModified });
  }

  override get [Symbol.toStringTag](): string {
    return "File";
  }
}
for (const name of ["name", "lastModified"] as const) Object.defineProperty(File.prototype, name, { enumerable: true });

function bytesOf(part: unknown, native: boolean): Uint8Array {
  if (part instanceof ArrayBuffer) return new Uint8Array(part);
  if (ArrayBuffer.isView(part)) return new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
  if (part instanceof Blob) return blobBytes(part);
  const text = String(part);
  return new TextEncoder().encode(native ? text.replace(/\r\n?/g, "\n") : text);
}

function joined(parts: readonly Uint8Array[]): Bytes {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A place counted from either end, within the bytes; halves go to the even side, as the web rounds. */
function clamped(place: number, size: number): number {
  const number = Number(place) || 0;
  const [down, rest] = [Math.floor(number), number - Math.floor(number)];
  const whole = rest > 0.5 || (rest === 0.5 && down % 2 !== 0) ? down + 1 : down;
  return whole < 0 ? Math.max(0, size + whole) : Math.min(size, whole);
}
