import type { PackageIndex, RegistryRoot, SearchIndex } from "@plinth/manifests";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { indexPath, isSafePath, ROOT_FILE, SEARCH_FILE } from "./layout.ts";
import { type DocumentKind, documentProblems, problemLine } from "./schemas.ts";
import type { Transport } from "./transport.ts";

const MIB = 1024 * 1024;
const MAX_BYTES = { RegistryRoot: 4 * MIB, PackageIndex: 8 * MIB, SearchIndex: 32 * MIB } as const;
const MAX_CACHED = 64;

/**
 * A registry's documents: fetched with a condition, so that an unchanged one costs no body, and checked before anybody
 * sees them. Only checked documents are kept.
 */
export class Documents {
  readonly #name: string;
  readonly #transport: Transport;
  readonly #cache = new Map<string, { etag: string; value: unknown }>();

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

  /** undefined: the registry has no such package. */
  async index(id: string, signal?: AbortSignal): Promise<PackageIndex | undefined> {
    const path = indexPath(id);
    const index = await this.#read<PackageIndex>("PackageIndex", path, signal);
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

  async #read<T>(kind: keyof typeof MAX_BYTES & DocumentKind, path: string, signal?: AbortSignal): Promise<T | undefined> {
    const cached = this.#cache.get(path);
    const answer = await this.#transport.read(path, {
      maxBytes: MAX_BYTES[kind],
      ...(cached === undefined ? {} : { etag: cached.etag }),
      ...(signal === undefined ? {} : { signal }),
    });
    this.#cache.delete(path);
    if (answer.kind === "missing") return undefined;
    if (answer.kind === "same") {
      // Put back at the young end, so that the oldest falls out first.
      this.#cache.set(path, cached!);
      return cached!.value as T;
    }
    let value: unknown;
    try {
      value = JSON.parse(answer.bytes.toString("utf8"));
    } catch {
      throw this.#invalid(path, "it is not JSON");
    }
    const [problem] = await documentProblems(kind, value);
    if (problem !== undefined) throw this.#invalid(path, problemLine(problem));
    if (answer.etag !== undefined) {
      this.#cache.set(path, { etag: answer.etag, value });
      if (this.#cache.size > MAX_CACHED) this.#cache.delete(this.#cache.keys().next().value!);
    }
    return value as T;
  }

  #invalid(path: string, why: string): PlinthError {
    return new PlinthError("PLINTH_REGISTRY_INVALID", `${path} of the registry ${this.#name} was refused: ${why}.`, {
      next: "Update Plinth if the registry is newer; otherwise tell who runs the registry.",
    });
  }
}
