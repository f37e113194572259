import type { PackageIndex, PackageVersion } from "@plinth/manifests";
import { nearNames } from "@plinth/manifests/near-names.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import semver from "semver";
import { ARCHIVE_LIMITS } from "./archive.ts";
import { Documents } from "./documents.ts";
import { integrityMatches } from "./integrity.ts";
import { splitId } from "./layout.ts";
import { searchRows } from "./search.ts";
import { verify } from "./signing.ts";
import { openTransport, type RegistryFetch, type Transport } from "./transport.ts";
import { type KeyPins, keyChanged, trustedKeys } from "./trust.ts";

export interface RegistryClientOptions {
  /** Name for people and in search results. */
  name: string;
  /** A folder's path, a file: URL or an http(s) URL. */
  url: string;
  /** Default: this process's own fetch. */
  fetch?: RegistryFetch;
  pins: KeyPins;
}

export interface PackageHit {
  id: string;
  version: string;
  title: string;
  description: string;
  /** Name of the registry. */
  source: string;
}

export interface Download {
  bytes: Buffer;
  entry: PackageVersion;
}

/** Reads one registry and believes nothing of it that is not checked. */
export class RegistryClient {
  readonly name: string;
  readonly #transport: Transport;
  readonly #documents: Documents;
  readonly #pins: KeyPins;

  constructor({ name, url, fetch, pins }: RegistryClientOptions) {
    this.name = name;
    this.#transport = openTransport(url, name, fetch);
    this.#documents = new Documents(name, this.#transport);
    this.#pins = pins;
  }

  /** Packages in which every word of the query occurs, best first. */
  async search(query: string, options: { limit?: number; signal?: AbortSignal } = {}): Promise<PackageHit[]> {
    const { packages } = await this.#documents.search(options.signal);
    return searchRows(packages, query, options.limit ?? 20).map(({ id, version, title, description }) => ({
      id,
      version,
      title,
      description,
      source: this.name,
    }));
  }

  /** All versions with what the registry says of them, lowest first. */
  async versions(id: string, options: { signal?: AbortSignal } = {}): Promise<PackageVersion[]> {
    const index = await this.#index(id, options.signal);
    return [...index.versions].sort((a, b) => semver.compareBuild(a.version, b.version));
  }

  /**
   * The best version for a semver range or a tag: never a yanked one, a prerelease only when asked for.
   *
   * @throws PLINTH_PACKAGE_UNKNOWN, PLINTH_VERSION_UNKNOWN, PLINTH_VERSION_YANKED.
   */
  async resolve(id: string, range = "latest", options: { prerelease?: boolean; signal?: AbortSignal } = {}): Promise<PackageVersion> {
    const index = await this.#index(id, options.signal);
    const { prerelease = false } = options;
    const wanted = Object.hasOwn(index.tags, range) ? index.tags[range]! : range === "latest" ? "*" : range;
    if (semver.validRange(wanted) === null) throw this.#unknownVersion(index, range);
    const fitting = index.versions.filter(({ version }) => semver.satisfies(version, wanted, { includePrerelease: prerelease }));
    const offered = fitting.filter(({ yanked }) => yanked === undefined).sort((a, b) => semver.rcompare(a.version, b.version));
    if (offered[0] !== undefined) return offered[0];
    if (fitting[0] !== undefined) {
      throw new PlinthError("PLINTH_VERSION_YANKED", `${id} ${fitting[0].version} was withdrawn: ${fitting[0].yanked}.`, {
        next: "Choose another version.",
      });
    }
    throw this.#unknownVersion(index, range);
  }

  /**
   * One exact version's tarball, its size, integrity and signature checked. The publisher's keys are pinned at the
   * first good one. A yanked version is given to those who name it: their lock does.
   *
   * @throws PLINTH_INTEGRITY, PLINTH_SIGNATURE, PLINTH_KEY_CHANGED, and those of resolve.
   */
  async download(id: string, version: string, options: { signal?: AbortSignal } = {}): Promise<Download> {
    const { signal } = options;
    const { publisher } = splitId(id);
    const index = await this.#index(id, signal);
    const entry = index.versions.find((known) => known.version === version);
    if (entry === undefined) throw this.#unknownVersion(index, version);
    const trusted = await trustedKeys(publisher, await this.#documents.root(signal), this.#pins);
    const key = trusted.keys.find(({ keyId }) => keyId === entry.signature.keyId);
    if (key === undefined && !trusted.first) throw keyChanged(publisher);
    if (key === undefined || !verify({ ...entry, id }, entry.signature, key)) {
      throw new PlinthError("PLINTH_SIGNATURE", `The signature of ${id} ${version} is not its publisher's.`, {
        next: "Do not install it; tell who runs the registry.",
      });
    }
    const bytes = await this.#tarball(id, entry, signal);
    if (trusted.first) await this.#pins.set(publisher, trusted.keys);
    return { bytes, entry };
  }

  async #tarball(id: string, entry: PackageVersion, signal?: AbortSignal): Promise<Buffer> {
    const changed = (why: string) =>
      new PlinthError("PLINTH_INTEGRITY", `The tarball of ${id} ${entry.version} is not the one that was published: ${why}.`, {
        next: "Try again in case the transfer failed; when it stays so, do not install it and tell who runs the registry.",
      });
    if (entry.size > ARCHIVE_LIMITS.totalBytes) throw changed("it is larger than any package may be");
    const options = { maxBytes: entry.size, ...(signal === undefined ? {} : { signal }) };
    const answer = await this.#transport.read(entry.tarball, options).catch((error: unknown) => {
      throw (error as { code?: unknown }).code === "PLINTH_REGISTRY_SIZE" ? changed("it is larger") : error;
    });
    if (answer.kind !== "bytes") throw changed("it is missing");
    if (answer.bytes.length !== entry.size) throw changed(`it has ${answer.bytes.length} bytes instead of ${entry.size}`);
    if (!integrityMatches(answer.bytes, entry.integrity)) throw changed("its sha512 differs");
    return answer.bytes;
  }

  async #index(id: string, signal?: AbortSignal): Promise<PackageIndex> {
    const known = id.includes(".") ? await this.#documents.index(id, signal) : undefined;
    if (known !== undefined) return known;
    const { packages } = await this.#documents.search(signal);
    const near = nearNames(
      id,
      packages.map((row) => row.id),
    );
    throw new PlinthError("PLINTH_PACKAGE_UNKNOWN", `The registry ${this.name} has no package ${JSON.stringify(id.slice(0, 120))}.`, {
      next: near.length > 0 ? `Did you mean ${near.join(" or ")}?` : "Search for it with other words.",
      details: { near },
    });
  }

  #unknownVersion(index: PackageIndex, range: string): PlinthError {
    const offered = index.versions.filter(({ yanked }) => yanked === undefined).map(({ version }) => version);
    const newest = offered.sort(semver.rcompare).slice(0, 5);
    return new PlinthError("PLINTH_VERSION_UNKNOWN", `No version of ${index.id} fits ${JSON.stringify(range.slice(0, 120))}.`, {
      next: newest.length > 0 ? `There is ${newest.join(", ")}.` : "No version is offered any more.",
      details: { versions: newest },
    });
  }
}
