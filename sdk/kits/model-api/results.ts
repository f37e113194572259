import { INLINE_BASE64 } from "@plinth/manifests/content/limits.ts";
import { fromBase64, toBase64 } from "@plinth/manifests/wire/bytes.ts";
import { keepArtifactFrom } from "../../extension/artifacts.ts";
import { type Client, type ContentPart, hostMatches, targetOf } from "../../extension/index.ts";
import type { Exchange } from "./exchange.ts";
import { failure } from "./failure.ts";
import { HEAD_BYTES, type Medium, mediaTypeOf } from "./media-type.ts";

export interface ResultOptions {
  exchange: Exchange;
  /** As errors name the server. */
  title: string;
  /** The server's own address, where results may lie too. */
  server: string;
  /** Other hosts of results, as `permissions.net` has patterns. */
  hosts: readonly string[];
  /** In bytes. */
  max: number;
  /** For the server itself; no other host gets them. */
  headers?: Readonly<Record<string, string>>;
  artifacts: () => Client<"plinth.artifacts">;
  signal: AbortSignal;
}

const INLINE = Math.floor((INLINE_BASE64 * 3) / 4);
/** To the head of an answer. */
const HEAD_MS = 50_000;

/**
 * What a server made, as a part: fetched at once from the address that it gave, which expires. It has to be the server's own or on a
 * declared host, also where one leads to the other. Short things are inline; others are kept while they come.
 *
 * @throws PLINTH_MODEL_STREAM where it is elsewhere, cut, too large or nothing of this medium
 */
export async function resultPart<Type extends Medium>(
  medium: Type,
  address: string,
  options: ResultOptions,
): Promise<Extract<ContentPart, { type: Type }>> {
  const { title, artifacts, signal } = options;
  const pieces = bounded(await piecesAt(address, options), options);
  try {
    const head = await gathered(pieces, HEAD_BYTES);
    const mimeType = mediaTypeOf(medium, head, title);
    const short = await gathered(pieces, INLINE + 1, head);
    const part = { type: medium, mimeType, bytes: short.length };
    if (short.length <= INLINE) return { ...part, base64: toBase64(short) } as Extract<ContentPart, { type: Type }>;
    const { id, bytes } = await keepArtifactFrom(artifacts(), following(short, pieces), { mimeType }, signal);
    return { ...part, bytes, artifact: id } as Extract<ContentPart, { type: Type }>;
  } finally {
    await pieces.return(undefined);
  }
}

/** All of what a server made. */
export async function resultBytes(address: string, options: ResultOptions): Promise<Uint8Array<ArrayBuffer>> {
  return gathered(bounded(await piecesAt(address, options), options), Number.POSITIVE_INFINITY);
}

async function piecesAt(address: string, { exchange, title, server, hosts, max, headers = {} }: ResultOptions): Promise<AsyncIterable<Uint8Array>> {
  const inline = /^data:[\w./+-]+;base64,([A-Za-z0-9+/]+={0,2})$/.exec(address)?.[1];
  if (inline !== undefined) return inline.length > (max * 4) / 3 + 4 ? refuse(title, `sent more than ${max} bytes`) : once(fromBase64(inline));
  const own = new URL(server).origin;
  const allowed = (url: URL): boolean =>
    url.username === "" && (url.origin === own || (url.protocol === "https:" && hosts.some((one) => hostMatches(one, targetOf(url)))));
  const url = URL.parse(address, `${server}/`);
  if (url === null || !allowed(url)) return refuse(title, "made something that lies where nothing of it is expected");
  const response = await exchange.ask(url.href, {
    headers: url.origin === own ? { ...headers } : {},
    timeoutMs: HEAD_MS,
    maxBytes: max + 1,
    moved: allowed,
  });
  return exchange.pieces(response);
}

async function* bounded(pieces: AsyncIterable<Uint8Array>, { title, max }: ResultOptions): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > max) refuse(title, `sent more than ${max} bytes`);
    yield piece;
  }
  if (bytes === 0) refuse(title, "sent nothing");
}

/** So many bytes or more, as far as there are some. */
async function gathered(pieces: AsyncIterator<Uint8Array>, wanted: number, before = new Uint8Array()): Promise<Uint8Array<ArrayBuffer>> {
  const all: Uint8Array[] = [before];
  let length = before.length;
  while (length < wanted) {
    const step = await pieces.next();
    if (step.done === true) break;
    all.push(step.value);
    length += step.value.length;
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of all) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

async function* following(first: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function refuse(title: string, what: string): never {
  throw failure("STREAM", `${title} ${what}.`, { details: { retryable: false } });
}
