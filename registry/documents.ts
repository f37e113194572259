import type { PackageIndex, PackageVersion, RegistryRoot, SearchIndex } from "@plinth/manifests";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { indexPath, ROOT_FILE, SEARCH_FILE } from "./layout.ts";
import { documentIn, invalidDocument } from "./parse-document.ts";
import type { DocumentKind } from "./schemas.ts";
import { checkDocument, fittingVersions, matchingRows, nearIds, publisherKeys, type RawDocument } from "./strangers/documents-room.ts";
import type { Transport } from "./transport.ts";
import { type Leaf, pageHash } from "./trust/index-tree.ts";

const MIB = 1024 * 1024;
const MAX_BYTES = { RegistryRoot: 4 * MIB, PackageIndex: 8 * MIB, SearchIndex: 32 * MIB } as const;
const MAX_CACHED = 64;
const MAX_CACHED_BYTES = 96 * MIB;

type Kind = keyof typeof MAX_BYTES & DocumentKind;

interface Cached {
  etag: string | undefined;
  sha256: string;
  raw: RawDocument;
  /** Of an index: all of it. Other documents stay as they came, and questions about them are answered elsewhere. */
  index?: PackageIndex;
}

/**
 * A registry's documents: fetched with a condition, so that an unchanged one costs no body, and checked before anybody
 * sees them. Only checked documents are kept. They are parsed, checked and searched in the thread for strangers' data.
 */
export class Documents {
  readonly #name: string;
  readonly #transport: Transport;
  readonly #cache = new Map<string, Cached>();
  readonly #raw = new WeakMap<PackageIndex, RawDocument>();

  constructor(name: string, transport: Transport) {
    this.#name = name;
    this.#transport = transport;
  }

  /** What nobody signs of a registry, with the keys of one publisher only. */
  async root(publisher: string, signal?: AbortSignal): Promise<Pick<RegistryRoot, "keys">> {
    const root = await this.#read("RegistryRoot", ROOT_FILE, signal);
    if (root !== undefined) return { keys: { [publisher]: await publisherKeys(root.raw, publisher, signal) } };
    throw new PlinthError("PLINTH_REGISTRY_UNREACHABLE", `There is no registry where ${this.#name} should be: it has no ${ROOT_FILE}.`, {
      next: "Check the registry's address.",
    });
  }

  /** Rows of search.json in which each word of the query occurs, best first. */
  async search(query: string, limit: number, signal?: AbortSignal): Promise<SearchIndex["packages"]> {
    const found = await this.#read("SearchIndex", SEARCH_FILE, signal);
    return found === undefined ? [] : matchingRows(found.raw, query, limit, signal);
  }

  /** Ids of search.json that are near to one that is not there. */
  async near(id: string, signal?: AbortSignal): Promise<string[]> {
    const found = await this.#read("SearchIndex", SEARCH_FILE, signal);
    return found === undefined ? [] : nearIds(found.raw, id, signal);
  }

  /**
   * Versions lowest first. undefined: the registry has no such package.
   *
   * @param leaf what the registry's signed state says of the index; without it the index is taken as it comes.
   * @throws PLINTH_TRUST_MIX when it is another one.
   */
  async index(id: string, signal?: AbortSignal, leaf?: Leaf): Promise<PackageIndex | undefined> {
    return (await this.#read("PackageIndex", indexPath(id), signal, leaf, id))?.index;
  }

  /** An index that was read, as it came: for questions that are answered elsewhere. */
  raw(index: PackageIndex): RawDocument {
    return this.#raw.get(index) as RawDocument;
  }

  /** The same index without places in a log, which are worth something where a log proves them. */
  withoutLog(index: PackageIndex): PackageIndex {
    const shorter = { ...index, versions: index.versions.map(({ log: _log, ...entry }) => entry) };
    this.#raw.set(shorter, this.raw(index));
    return shorter;
  }

  /** The newest version of an index that fits a range; one that was withdrawn only where there is no other. */
  async fitting(index: PackageIndex, range: string, prerelease: boolean, signal?: AbortSignal): Promise<PackageVersion | undefined> {
    const { offered, withdrawn } = await fittingVersions(this.raw(index), range, prerelease, signal);
    return index.versions[offered ?? withdrawn ?? -1];
  }

  async #read(kind: Kind, path: string, signal?: AbortSignal, leaf?: Leaf, id?: string): Promise<Cached | undefined> {
    const cached = this.#cache.get(path);
    this.#cache.delete(path);
    const fits = (sha256: string) => leaf === undefined || leaf.sha256 === sha256;
    if (cached !== undefined && leaf !== undefined && fits(cached.sha256)) return this.#keep(path, cached);
    const answer = await this.#transport
      .read(path, {
        maxBytes: Math.min(MAX_BYTES[kind], leaf?.length ?? Number.POSITIVE_INFINITY),
        ...(cached?.etag === undefined ? {} : { etag: cached.etag }),
        ...(signal === undefined ? {} : { signal }),
      })
      .catch((error: unknown) => {
        throw leaf !== undefined && (error as { code?: unknown }).code === "PLINTH_REGISTRY_SIZE" ? this.#mixed(path) : error;
      });
    if (answer.kind === "missing" && leaf === undefined) return undefined;
    if (answer.kind === "same" && fits(cached!.sha256)) return this.#keep(path, cached!);
    if (answer.kind !== "bytes") throw this.#mixed(path);
    // Nothing names the others by their hash.
    const sha256 = kind === "PackageIndex" ? pageHash(answer.bytes) : "";
    if (!fits(sha256)) throw this.#mixed(path);
    // A registry without ETags sends the same again and again: what was checked once is not checked anew.
    if (cached?.index !== undefined && cached.sha256 === sha256) return this.#keep(path, { ...cached, etag: answer.etag });
    const raw: RawDocument = { kind, bytes: answer.bytes, path, registry: this.#name, id };
    if (kind !== "PackageIndex") {
      const problem = await checkDocument(raw, signal);
      if (problem !== undefined) throw this.#invalid(path, problem);
      return this.#keep(path, { etag: answer.etag, sha256, raw });
    }
    const index = await documentIn<PackageIndex>(raw, signal);
    this.#raw.set(index, raw);
    return this.#keep(path, { etag: answer.etag, sha256, raw, index });
  }

  /** At the young end, so that the oldest falls out first. */
  #keep(path: string, document: Cached): Cached {
    this.#cache.delete(path);
    this.#cache.set(path, document);
    let bytes = [...this.#cache.values()].reduce((sum, { raw }) => sum + raw.bytes.length, 0);
    for (const [oldest, { raw }] of this.#cache) {
      if (this.#cache.size <= 1 || (this.#cache.size <= MAX_CACHED && bytes <= MAX_CACHED_BYTES)) break;
      this.#cache.delete(oldest);
      bytes -= raw.bytes.length;
    }
    return document;
  }

  #mixed(path: string): PlinthError {
    return new PlinthError("PLINTH_TRUST_MIX", `${path} of the registry ${this.#name} is not the one that its signed state names.`, {
      next: "Try again later; when it stays so, install nothing from it and ask who runs it.",
    });
  }

  #invalid(path: string, why: string): PlinthError {
    return invalidDocument(path, this.#name, why);
  }
}
