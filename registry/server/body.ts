import type { IncomingMessage } from "node:http";
import { refuse } from "./problem.ts";
import type { Route } from "./route.ts";

export interface BodyLimits {
  tarballBytes: number;
  jsonBytes: number;
  /** Of all bodies that are being read or worked on at one time. */
  totalBytes: number;
}

export const BODY_LIMITS: BodyLimits = { tarballBytes: 32 * 1024 * 1024, jsonBytes: 64 * 1024, totalBytes: 256 * 1024 * 1024 };

/** Reads requests' bodies: never more than was announced, never more in all than there is room for. */
export class Bodies {
  readonly #limits: BodyLimits;
  readonly #idleMs: number;
  #held = 0;

  /** @param idleMs how long a connection may be silent, as the listener has it. */
  constructor(limits: BodyLimits, idleMs: number) {
    this.#limits = limits;
    this.#idleMs = idleMs;
  }

  /**
   * Read the body, if the route takes one, and run `work` with it. What is wrong with its head is told before a byte is read.
   *
   * @throws PLINTH_LENGTH_REQUIRED, PLINTH_TOO_LARGE, PLINTH_UNSUPPORTED_MEDIA, PLINTH_BAD_REQUEST, PLINTH_REGISTRY_BUSY.
   */
  async with<T>(request: IncomingMessage, kind: Route["body"], work: (body: unknown) => Promise<T>): Promise<T> {
    if (kind === undefined) return work(undefined);
    const tarball = kind === "tarball";
    const limit = tarball ? this.#limits.tarballBytes : this.#limits.jsonBytes;
    const length = announced(request, tarball ? "application/gzip" : "application/json", limit);
    if (this.#held + length > this.#limits.totalBytes) throw refuse.busy();
    this.#held += length;
    try {
      const bytes = await read(request, length);
      // While it waits its turn nothing goes over the connection, and that is not the client's fault.
      request.socket.setTimeout(0);
      return await work(tarball ? bytes : parse(bytes));
    } finally {
      request.socket.setTimeout(this.#idleMs);
      this.#held -= length;
    }
  }
}

function announced(request: IncomingMessage, type: string, limit: number): number {
  const { headers } = request;
  if (headers["content-encoding"] !== undefined || headers["content-type"]?.split(";")[0]?.trim().toLowerCase() !== type) throw refuse.media(type);
  if (headers["content-length"] === undefined) throw refuse.noLength();
  const length = Number(headers["content-length"]);
  if (length > limit) throw refuse.tooLarge(limit);
  return length;
}

async function read(request: IncomingMessage, length: number): Promise<Buffer> {
  // Put together as it comes: copying all of it at the end would hold up everybody else.
  const bytes = Buffer.allocUnsafeSlow(length);
  let size = 0;
  try {
    // The parser of node:http ends the body at its announced length.
    for await (const chunk of request as AsyncIterable<Buffer>) size += chunk.copy(bytes, size);
  } catch {
    throw refuse.badRequest("its body ended early");
  }
  if (size !== length) throw refuse.badRequest("its body ended early");
  return bytes;
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw refuse.badRequest("its body is not JSON in UTF-8");
  }
}
