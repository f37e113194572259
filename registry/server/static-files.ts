import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { isSafePath } from "../layout.ts";
import { systemCode } from "../system-error.ts";

const MIB = 1024 * 1024;
const MAX_DOCUMENT = 64 * MIB;
const CACHE_BYTES = 128 * MIB;
const CACHE_ENTRIES = 20_000;
/** For so long a file is taken to be as it was when it was last looked at. What this process writes is seen at once. */
const FRESH_MS = 1_000;

/** A document in memory. */
export interface Document {
  body: Buffer;
  etag: string;
  /** Headers of an answer, names and values in turn, made once: node:http writes them as they are. */
  headers: readonly string[];
  /** What somebody derived from the body, kept with it. */
  derived?: unknown;
}

interface Cached {
  document: Document;
  version: string;
  checkedAt: number;
  /** How many changes there had been when it was looked at. */
  changes: number;
}

/** The small files of a registry's folder: kept in memory, by the version of the file that they were read from. */
export class StaticFiles {
  readonly #dir: string;
  readonly #now: () => number;
  readonly #cache = new Map<string, Cached>();
  #bytes = 0;
  #changes = 0;

  constructor(dir: string, now: () => number = Date.now) {
    this.#dir = dir;
    this.#now = now;
  }

  /** The document, if it was looked at just now. For the fast path: no promise, no system call. */
  fresh(path: string): Document | undefined {
    const cached = this.#cache.get(path);
    return cached !== undefined && cached.changes === this.#changes && this.#now() - cached.checkedAt < FRESH_MS ? cached.document : undefined;
  }

  /** undefined: there is no such file, or no file that may be served. */
  async read(path: string): Promise<Document | undefined> {
    if (!isServable(path)) return undefined;
    const seen = { checkedAt: this.#now(), changes: this.#changes };
    const file = await openPlain(join(this.#dir, path));
    if (file === undefined) {
      this.#forget(path);
      return undefined;
    }
    try {
      const stat = await file.stat({ bigint: true });
      if (!stat.isFile() || stat.size > BigInt(MAX_DOCUMENT)) return undefined;
      const version = `${stat.dev}-${stat.ino}-${stat.size}-${stat.mtimeNs}`;
      const cached = this.#cache.get(path);
      if (cached?.version === version) {
        Object.assign(cached, seen);
        return cached.document;
      }
      const body = await file.readFile();
      const document = documentOf(path, body);
      this.#keep(path, { document, version, ...seen });
      return document;
    } finally {
      await file.close();
    }
  }

  /** Something was written: look at each file again before it is served next. */
  changed(): void {
    this.#changes += 1;
  }

  /** A file that is too large to keep, by its descriptor, which the caller closes. */
  async open(path: string): Promise<{ file: FileHandle; size: number } | undefined> {
    if (!isServable(path)) return undefined;
    const file = await openPlain(join(this.#dir, path));
    if (file === undefined) return undefined;
    const stat = await file.stat();
    if (stat.isFile()) return { file, size: stat.size };
    await file.close();
    return undefined;
  }

  #forget(path: string): void {
    const cached = this.#cache.get(path);
    if (cached === undefined) return;
    this.#cache.delete(path);
    this.#bytes -= cached.document.body.length;
  }

  #keep(path: string, cached: Cached): void {
    this.#forget(path);
    if (cached.document.body.length > CACHE_BYTES / 4) return;
    this.#cache.set(path, cached);
    this.#bytes += cached.document.body.length;
    for (const oldest of this.#cache.keys()) {
      if (this.#bytes <= CACHE_BYTES && this.#cache.size <= CACHE_ENTRIES) break;
      this.#forget(oldest);
    }
  }
}

/** Below the folder, and no draft, lock or other hidden file. */
function isServable(path: string): boolean {
  return isSafePath(path) && !path.split("/").some((part) => part.startsWith("."));
}

async function openPlain(path: string): Promise<FileHandle | undefined> {
  return open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error) => {
    if (["ENOENT", "ENOTDIR", "ELOOP", "EISDIR", "ENAMETOOLONG"].includes(systemCode(error) ?? "")) return undefined;
    throw error;
  });
}

function documentOf(path: string, body: Buffer): Document {
  const etag = `"${createHash("sha256").update(body).digest("base64url")}"`;
  const type = path.endsWith(".json") ? "application/json" : "application/octet-stream";
  // Kept by whoever likes, asked about each time: an unchanged one costs no body.
  const headers = Object.entries({ ...READ_HEADERS, "Cache-Control": "public, no-cache", "Content-Type": type, ETag: etag }).flat();
  return { body, etag, headers };
}

/** Reads are public: pages of any origin may make them, and none may take them for something else. */
export const READ_HEADERS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Expose-Headers": "ETag, RateLimit, RateLimit-Policy, Retry-After",
  "X-Content-Type-Options": "nosniff",
} as const;

/** Whether If-None-Match names the version, weak or strong. */
export function isNotModified(condition: string | undefined, etag: string): boolean {
  if (condition === undefined) return false;
  if (condition === etag || condition === "*") return true;
  return condition.split(",").some((one) => one.trim().replace(/^W\//, "") === etag);
}
