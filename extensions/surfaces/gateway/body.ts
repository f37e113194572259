import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { brotliDecompress, createBrotliDecompress, createGunzip, createInflate, gunzip, inflate } from "node:zlib";
import type { HttpBody } from "@plinth/sdk";
import { PIECE_BYTES, STALL_MS } from "./limits.ts";
import { refuse } from "./problem.ts";
import type { Route } from "./routes.ts";

const UNPACK = { gzip: promisify(gunzip), deflate: promisify(inflate), br: promisify(brotliDecompress) };
const UNPACKER = { gzip: createGunzip, deflate: createInflate, br: createBrotliDecompress };
type Packing = keyof typeof UNPACK;

/** A whole body: as it was sent, and as the route gets it. */
export interface Whole {
  readonly raw: Buffer;
  readonly body: HttpBody;
  /** Its headers about size and packing are not true any more. */
  readonly unpacked: boolean;
}

export const hasBody = ({ headers }: IncomingMessage): boolean =>
  (headers["content-length"] !== undefined && headers["content-length"] !== "0") || headers["transfer-encoding"] !== undefined;

/** How the route has it unpacked, or undefined: it is not packed, or the route gets it as it is. */
export function packingOf({ headers }: IncomingMessage, route: Pick<Route, "body" | "inflate">): Packing | undefined {
  const encoding = headers["content-encoding"]
    ?.trim()
    .toLowerCase()
    .replace(/^x-gzip$/, "gzip");
  if (encoding === undefined || encoding === "identity" || encoding === "") return undefined;
  if (route.inflate !== undefined && Object.hasOwn(UNPACK, encoding)) return encoding as Packing;
  if (route.inflate !== undefined || route.body === "text") throw refuse.media();
  return undefined;
}

/** Say that a body is wanted, and refuse one that says itself that it is too long. */
export function expectBody(request: IncomingMessage, response: ServerResponse, limit: number): void {
  if (Number(request.headers["content-length"] ?? 0) > limit) throw refuse.tooLarge(limit);
  if (request.headers.expect !== undefined) response.writeContinue();
}

/** The body as text or bytes, never more than the route's limit, packed and unpacked. @param withinMs for all of it. */
export async function readWhole(request: IncomingMessage, response: ServerResponse, route: Route, withinMs: number): Promise<Whole> {
  if (!hasBody(request)) return { raw: Buffer.alloc(0), body: { type: "none" }, unpacked: false };
  const packing = packingOf(request, route);
  expectBody(request, response, route.bodyLimit);
  const raw = await collect(request, route.bodyLimit, withinMs);
  const bytes = packing === undefined ? raw : await unpack(packing, raw, route.inflate as number);
  if (route.body === "bytes") return { raw, body: { type: "bytes", base64: bytes.toString("base64") }, unpacked: packing !== undefined };
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return { raw, body: { type: "text", text }, unpacked: packing !== undefined };
  } catch {
    throw refuse.media();
  }
}

async function collect(request: IncomingMessage, limit: number, withinMs: number): Promise<Buffer> {
  const until = performance.now() + withinMs;
  const chunks: Buffer[] = [];
  for await (const chunk of counted(request, limit, () => until - performance.now())) chunks.push(chunk);
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}

/** A body as it is sent, up to its limit. @param waitMs for the next chunk; whoever is not asked for one is not waited for. */
async function* counted(request: IncomingMessage, limit: number, waitMs: () => number, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const chunks = request.iterator({ destroyOnReturn: false });
  let size = 0;
  try {
    for (;;) {
      const step = await within(chunks.next(), waitMs(), signal);
      if (step.done) return;
      size += (step.value as Buffer).length;
      if (size > limit) throw refuse.tooLarge(limit);
      yield step.value as Buffer;
    }
  } finally {
    // It lets go of the request when what it waits for has come: not to be waited for.
    void chunks.return?.();
  }
}

function within<T>(step: Promise<T>, ms: number, signal: AbortSignal | undefined): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const timer = setTimeout(() => reject(refuse.slow()), ms);
  const onAbort = (): void => reject(signal?.reason);
  if (signal?.aborted) onAbort();
  else signal?.addEventListener("abort", onAbort, { once: true });
  step.then(resolve, reject);
  return promise.finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  });
}

async function unpack(packing: Packing, raw: Buffer, limit: number): Promise<Buffer> {
  try {
    return (await UNPACK[packing](raw, { maxOutputLength: limit })) as Buffer;
  } catch (error) {
    throw unpacking(error, limit);
  }
}

/**
 * The body in pieces, as fast as they are taken: what is held is one piece and what the socket and the unpacker buffer, some
 * 64 KiB each.
 */
export async function* pieces(request: IncomingMessage, route: Route, signal: AbortSignal): AsyncGenerator<Buffer> {
  const packing = packingOf(request, route);
  const sent = counted(request, route.bodyLimit, () => STALL_MS, signal);
  if (packing === undefined) {
    for await (const chunk of sent) yield* cut(chunk);
    return;
  }
  const limit = route.inflate as number;
  const unpacker = UNPACKER[packing]();
  // Errors of both come out of the unpacker.
  const fed = pipeline(sent, unpacker).catch(() => {});
  let unpacked = 0;
  try {
    for await (const chunk of unpacker as AsyncIterable<Buffer>) {
      unpacked += chunk.length;
      if (unpacked > limit) throw refuse.tooLarge(limit);
      yield* cut(chunk);
    }
  } catch (error) {
    throw unpacking(error, limit);
  } finally {
    unpacker.destroy();
    await fed;
  }
}

function* cut(chunk: Buffer): Generator<Buffer> {
  for (let at = 0; at < chunk.length; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES);
}

function unpacking(error: unknown, limit: number): unknown {
  const { code = "" } = error as NodeJS.ErrnoException;
  if (code === "ERR_BUFFER_TOO_LARGE") return refuse.tooLarge(limit);
  return code.startsWith("PLINTH_") ? error : refuse.media();
}

/**
 * Let go of a body that nobody will read. A client that is still sending must be read from for a while, or its kernel
 * throws our answer away; one that sends on and on, or never ends, is cut.
 */
export function discardBody(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  let size = 0;
  const late = setTimeout(() => request.socket.destroy(), STALL_MS).unref();
  request.once("close", () => clearTimeout(late));
  request.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > 4 * 1024 * 1024) request.socket.destroy();
  });
  request.on("error", () => {});
  request.resume();
}
