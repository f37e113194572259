import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { type Place, readFrom } from "./origin-rule.ts";
import type { RegistryFetch } from "./registry-fetch.ts";
import { collect } from "./strangers/shared-bytes.ts";
import { reason, systemCode } from "./system-error.ts";

export type Answer = { kind: "bytes"; bytes: Buffer; etag: string | undefined } | { kind: "same" } | { kind: "missing" };

export interface ReadOptions {
  maxBytes: number;
  /** What the caller has already; `same` is answered when nothing changed since. */
  etag?: string;
  signal?: AbortSignal;
}

/** Reads files below a registry's root, wherever that is. Paths were checked by the caller. */
export interface Transport {
  /** Whether what is read lies on another machine, as far as the address says. */
  readonly isRemote: boolean;
  read(path: string, options: ReadOptions): Promise<Answer>;
}

const HEAD_MS = 15_000;
/** From the first byte to the last, whatever size it may have. */
const WHOLE_MS = 120_000;

/**
 * @param url a folder's path, a file: URL, or an http(s) URL.
 * @param also other origins that an owner named for what the registry sends us on to.
 */
export function openTransport(url: string, name: string, fetch: RegistryFetch = defaultFetch, also: readonly string[] = []): Transport {
  if (/^https?:\/\//i.test(url)) return httpTransport({ who: `The registry ${name}`, url, also, fetch }, name);
  if (/^file:/i.test(url)) return folderTransport(fileURLToPath(url), name);
  if (/^[a-z][a-z0-9+.-]+:/i.test(url)) {
    throw new PlinthError("PLINTH_REGISTRY_URL", `The registry ${name} has an address that cannot be used: ${url}`, {
      next: "Give a folder, a file: URL or an http(s) URL.",
    });
  }
  return folderTransport(resolve(url), name);
}

function folderTransport(root: string, name: string): Transport {
  return {
    isRemote: false,
    async read(path, { maxBytes, etag, signal }) {
      signal?.throwIfAborted();
      const file = await open(join(root, path), constants.O_RDONLY | constants.O_NONBLOCK).catch((error) => {
        if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return undefined;
        throw unreachable(name, reason(error), error);
      });
      if (file === undefined) return { kind: "missing" };
      try {
        const stat = await file.stat({ bigint: true });
        if (!stat.isFile()) throw unreachable(name, `${path} is not a plain file`);
        if (stat.size > BigInt(maxBytes)) throw tooLarge(name, path, maxBytes);
        const tag = `"${stat.ino}-${stat.size}-${stat.mtimeNs}"`;
        if (tag === etag) return { kind: "same" };
        const tooMany = () => tooLarge(name, path, maxBytes);
        const body = file.createReadStream({ autoClose: false, ...(signal === undefined ? {} : { signal }) });
        return { kind: "bytes", bytes: await collect(body, maxBytes, tooMany, { expected: Number(stat.size) }), etag: tag };
      } catch (thrown) {
        // Who took it back says why; the stream only says that it ended.
        signal?.throwIfAborted();
        throw thrown;
      } finally {
        await file.close();
      }
    },
  };
}

function httpTransport(place: Place, name: string): Transport {
  const base = new URL(place.url.endsWith("/") ? place.url : `${place.url}/`);
  return {
    isRemote: true,
    async read(path, { maxBytes, etag, signal }) {
      const within = AbortSignal.any([AbortSignal.timeout(WHOLE_MS), ...(signal ? [signal] : [])]);
      // The path was checked to have no scheme, no `..` and no leading slash; a plus must not turn into a space.
      const target = new URL(path.replaceAll("+", "%2B"), base).href;
      try {
        const headers: Record<string, string> = { accept: "application/json, application/octet-stream" };
        if (etag !== undefined) headers["if-none-match"] = etag;
        const { answer, bytes } = await readFrom(place, target, { headers, maxBytes, signal: within }, () => tooLarge(name, path, maxBytes));
        if (answer.status === 304 && etag !== undefined) return { kind: "same" };
        if (answer.status === 404 || answer.status === 410) return { kind: "missing" };
        if (answer.status !== 200) throw unreachable(name, `${target} answered with status ${answer.status}`);
        return { kind: "bytes", bytes, etag: answer.headers.etag };
      } catch (error) {
        signal?.throwIfAborted();
        throw error instanceof PlinthError ? error : unreachable(name, reason(error), error);
      }
    },
  };
}

/** For callers outside an extension, such as builds and tests. */
const defaultFetch: RegistryFetch = async (url, { headers, redirect, signal, timeoutMs = HEAD_MS }) => {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    const response = await globalThis.fetch(url, {
      headers: headers ?? {},
      redirect: redirect ?? "follow",
      signal: AbortSignal.any([late.signal, ...(signal ? [signal] : [])]),
    });
    const body = (response.body ?? []) as AsyncIterable<Uint8Array>;
    return { status: response.status, headers: Object.fromEntries(response.headers), body };
  } finally {
    clearTimeout(timer);
  }
};

function unreachable(name: string, why: string, cause?: unknown): PlinthError {
  return new PlinthError("PLINTH_REGISTRY_UNREACHABLE", `The registry ${name} cannot be read: ${why}.`, {
    next: "Check its address and your connection, then try again.",
    cause,
  });
}

function tooLarge(name: string, path: string, maxBytes: number): PlinthError {
  return new PlinthError("PLINTH_REGISTRY_SIZE", `${path} of the registry ${name} is larger than ${maxBytes} bytes.`, {
    next: "Do not use it as it is; tell who runs the registry.",
  });
}
