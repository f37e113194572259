import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { parseDocument } from "../parse-document.ts";
import type { DocumentKind } from "../schemas.ts";
import type { Answer, ReadOptions, Transport } from "../transport.ts";
import type { Signed } from "./envelope.ts";
import { type Leaf, MAX_PAGE_BYTES, pageHash, pagePath } from "./index-tree.ts";
import { TILE_WIDTH, type Tile, tileHashes, tilePath } from "./log-tiles.ts";
import { LOG_FOLDER } from "./log-writer.ts";
import type { ReadHash } from "./merkle-proof.ts";

const MAX_TILE_BYTES = 32 * TILE_WIDTH;
const MAX_CACHED = 128;
/** Of what is named by its hash: delegations and advisories. Whoever signs them says how long they are. */
const MAX_FIXED_BYTES = 2 * 1024 * 1024;

/** A registry's files as a host reads them: bounded, and where something signed names their hash, only with that hash. */
export class TrustedFiles {
  readonly name: string;
  readonly #transport: Transport;
  readonly #cache = new Map<string, Buffer>();

  constructor(name: string, transport: Transport) {
    this.name = name;
    this.#transport = transport;
  }

  read(path: string, options: ReadOptions): Promise<Answer> {
    return this.#transport.read(path, options);
  }

  /** A document that nothing names by its hash; undefined when it is not there. */
  async document<T>(kind: DocumentKind, path: string, maxBytes: number, signal?: AbortSignal): Promise<Signed<T> | undefined> {
    const answer = await this.read(path, { maxBytes, ...(signal === undefined ? {} : { signal }) });
    return answer.kind === "bytes" ? parseDocument<Signed<T>>(kind, answer.bytes, path, this.name, signal) : undefined;
  }

  /** @throws PLINTH_TRUST_MIX when the file is not the one that the leaf names. */
  async fixed<T>(kind: DocumentKind, path: string, leaf: Leaf, signal?: AbortSignal): Promise<Signed<T>> {
    if (leaf.length > MAX_FIXED_BYTES) throw this.refused("PLINTH_REGISTRY_SIZE", `its ${path} is larger than any may be`);
    const fits = (bytes: Buffer) => bytes.length === leaf.length && pageHash(bytes) === leaf.sha256;
    const bytes = await this.#immutable(path, leaf.length, fits, signal, `${path} ${leaf.sha256}`);
    return parseDocument<Signed<T>>(kind, bytes, path, this.name, signal);
  }

  async page(hash: string, signal?: AbortSignal): Promise<string> {
    const bytes = await this.#immutable(pagePath(hash), MAX_PAGE_BYTES, (page) => pageHash(page) === hash, signal);
    return bytes.toString("utf8");
  }

  /** Hashes of the log out of its tiles. Nothing vouches for a tile but the proof that is made of it. */
  logHashes(size: number, signal?: AbortSignal): ReadHash {
    const any = () => true;
    return tileHashes(size, async (tile: Tile) => {
      const read = (width: number) => this.#immutable(`${LOG_FOLDER}/${tilePath({ ...tile, width })}`, MAX_TILE_BYTES, any, signal);
      // A partial tile goes when the full one is there.
      return tile.width === TILE_WIDTH ? read(TILE_WIDTH) : read(tile.width).catch(() => read(TILE_WIDTH));
    });
  }

  /** What does not hold with tiles that were kept is tried once more with fresh ones. */
  async holds(proof: () => Promise<boolean>): Promise<boolean> {
    if (await proof()) return true;
    this.#cache.clear();
    return proof();
  }

  /** Bytes that never change under this name, fetched once. Wrong or missing ones belong to another state of the registry. */
  async #immutable(path: string, maxBytes: number, fits: (bytes: Buffer) => boolean, signal?: AbortSignal, name = path): Promise<Buffer> {
    const known = this.#cache.get(name);
    if (known !== undefined) return known;
    const answer = await this.read(path, { maxBytes, ...(signal === undefined ? {} : { signal }) }).catch((error: unknown) => {
      throw (error as { code?: unknown }).code === "PLINTH_REGISTRY_SIZE" ? this.mixed(path) : error;
    });
    if (answer.kind !== "bytes" || !fits(answer.bytes)) throw this.mixed(path);
    this.#cache.set(name, answer.bytes);
    if (this.#cache.size > MAX_CACHED) this.#cache.delete(this.#cache.keys().next().value!);
    return answer.bytes;
  }

  mixed(path: string): PlinthError {
    return this.refused("PLINTH_TRUST_MIX", `${path} is not the one that its signed state names`);
  }

  missing(path: string): PlinthError {
    return this.refused("PLINTH_TRUST_MISSING", `${path} is not there, although this registry is known to sign its state`);
  }

  refused(code: string, why: string): PlinthError {
    return notBelieved(this.name, code, why);
  }
}

export function notBelieved(registry: string, code: string, why: string): PlinthError {
  return new PlinthError(code, `The registry ${registry} is not believed: ${why}.`, {
    next: "Try again later or from another network; when it stays so, install nothing from it and ask who runs it.",
  });
}
