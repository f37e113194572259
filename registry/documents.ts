import type { PackageIndex, RegistryRoot, SearchIndex } from "@plinth/manifests";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { indexPath, isSafePath, ROOT_FILE, SEARCH_FILE } from "./layout.ts";
import { invalidDocument, parseDocument } from "./parse-document.ts";
import type { DocumentKind } from "./schemas.ts";
import type { Transport } from "./transport.ts";
import { type Leaf, pageHash } from "./trust/index-tree.ts";

const MIB = 1024 * 1024;
const MAX_BYTES = { RegistryRoot: 4 * MIB, PackageIndex: 8 * MIB, SearchIndex: 32 * MIB } as const;
const MAX_CACHED = 64;

interface Cached {
  etag: string | undefined;
  sha256: string;
  value: unknown;
}

/**
 * A registry's documents: fetched with a condition, so that an unchanged one costs no body, and checked before anybody
 * sees them. Only checked documents are kept.
 */
export class Documents {
  readonly #name: string;
  readonly #transport: Transport;
  readonly #cache = new Map<string, Cached>();

  constructor(name: string, transport: Transport) {
    this.#name = name;
    this.#transport = transport;
  }

  async root(signal?: AbortSignal): Promise<RegistryRoot> {
    const root = await this.#read<RegistryRoot>("RegistryRoot", ROOT_FILE, signal);
    if (root !== undefined) return root;
    throw new PlinthError("PLINTH_REGISTRY_UNREACHABLE", `There is no registry where ${this.#name} should be: it has no ${ROOT_FILE}.`, {
      next: "Check the registry's address.",
    });
  }

  async search(signal?: AbortSignal): Promise<SearchIndex> {
    return (await this.#read<SearchIndex>("SearchIndex", SEARCH_FILE, signal)) ?? { packages: [] };
  }

  /**
   * undefined: the registry has no such package.
   *
   * @param leaf what the registry's signed state says of the index; without it the index is taken as it comes.
   * @throws PLINTH_TRUST_MIX when it is another one.
   */
  async index(id: string, signal?: AbortSignal, leaf?: Leaf): Promise<PackageIndex | undefined> {
    const path = indexPath(id);
    const index = await this.#read<PackageIndex>("PackageIndex", path, signal, leaf);
    if (index === undefined) return undefined;
    if (index.id !== id) throw this.#invalid(path, `it is about ${index.id}`);
    const seen = new Set<string>();
    for (const { version, manifest, tarball } of index.versions) {
      if (seen.has(version)) throw this.#invalid(path, `it has version ${version} twice`);
      seen.add(version);
      if (manifest.id !== id || manifest.version !== version) throw this.#invalid(path, `the manifest of version ${version} is another package's`);
      if (!isSafePath(tarball)) throw this.#invalid(path, `the tarball's path of version ${version} leaves the registry`);
    }
    return index;
  }

  async #read<T>(kind: keyof typeof MAX_BYTES & DocumentKind, path: string, signal?: AbortSignal, leaf?: Leaf): Promise<T | undefined> {
    const cached = this.#cache.get(path);
    this.#cache.delete(path);
    const fits = (sha256: string) => leaf === undefined || leaf.sha256 === sha256;
    // Put back at the young end, so that the oldest falls out first.
    const keep = (document: Cached): T => {
      this.#cache.set(path, document);
      if (this.#cache.size > MAX_CACHED) this.#cache.delete(this.#cache.keys().next().value!);
      return document.value as T;
    };
    if (cached !== undefined && leaf !== undefined && fits(cached.sha256)) return keep(cached);
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
    if (answer.kind === "same" && fits(cached!.sha256)) return keep(cached!);
    if (answer.kind !== "bytes") throw this.#mixed(path);
    const sha256 = pageHash(answer.bytes);
    if (!fits(sha256)) throw this.#mixed(path);
    const value = await parseDocument<T>(kind, answer.bytes, path, this.#name);
    return keep({ etag: answer.etag, sha256, value });
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
