import type { PackageIndex, PackageVersion } from "@plinth/manifests";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import semver from "semver";
import { ARCHIVE_LIMITS } from "./archive.ts";
import { Documents } from "./documents.ts";
import { findPackages, type PackageHit } from "./found-package.ts";
import { indexPath, splitId } from "./layout.ts";
import { addressIdentity } from "./registry-address.ts";
import type { RegistryFetch } from "./registry-fetch.ts";
import { fingerprintOf, type PublicKey, verify } from "./signing.ts";
import { integrityInRoom } from "./strangers/archives.ts";
import { openTransport, type Transport } from "./transport.ts";
import { type CheckpointDocument, type Comparison, compareCheckpoints, makeCheckpointDocument } from "./trust/compare.ts";
import {
  delegatedKeys,
  type KeyPins,
  keyChanged,
  keyWaiting,
  type Learned,
  type PinnedKey,
  type RegistryIdentity,
  type TrustedKeys,
  trustedKeys,
} from "./trust/key-pins.ts";
import { publishEvent } from "./trust/log-event.ts";
import type { PackageProof } from "./trust/package-proof.ts";
import { activeKeys, type Delegation, keyAt } from "./trust/publisher-keys.ts";
import type { Feed } from "./trust/registry-state.ts";
import type { TrustEvidence } from "./trust/release-policy.ts";
import { forgetfulMemory, type TrustMemory, type TrustState } from "./trust/trust-memory.ts";
import { notBelieved } from "./trust/trusted-files.ts";
import { TrustedView } from "./trust/trusted-view.ts";
import { unknownVersion, withdrawnVersion } from "./version-errors.ts";

export interface RegistryClientOptions {
  /** Name for people and in search results. */
  name: string;
  /** A folder's path, a file: URL or an http(s) URL. */
  url: string;
  /** Default: this process's own fetch. */
  fetch?: RegistryFetch;
  /** Origins besides the URL's own that it may send us on to, such as a store of archives. Default: none. */
  downloads?: readonly string[];
  pins: KeyPins;
  /** What this host remembers of the registry's signed state; default: nothing between runs. */
  memory?: TrustMemory;
  /** Fingerprint of the registry's first root; with it, an unsigned registry at this address is refused from the start. */
  root?: string;
  /** Its files belong to the product or were made here: what it lists is as good as the product. Default false. */
  own?: boolean;
  clock?: () => Date;
}

export interface Download {
  bytes: Buffer;
  entry: PackageVersion;
  /** What vouches for it, to be kept with what is installed. */
  evidence: TrustEvidence;
  /** `first`: the publisher is met now; `follows`: a new key that the known one, or its recovery, vouches for. */
  key: { is: "first" | "follows" | "known"; fingerprint: string; since?: string };
  /** What may be kept once an owner has consented: nothing is before. */
  learned: Learned;
}

/** Whoever holds a timestamp's key could hold news back for as long as the timestamp says: over a network, a month at most. */
const LONGEST_MS = 31 * 86_400_000;

/** Reads one registry and believes nothing of it that is not checked. */
export class RegistryClient {
  readonly name: string;
  readonly url: string;
  readonly #transport: Transport;
  readonly #documents: Documents;
  readonly #pins: KeyPins;
  readonly #view: TrustedView;
  readonly #clock: () => Date;
  readonly #address: string;
  readonly #isOwn: boolean;

  constructor({ name, url, fetch, downloads, pins, memory = forgetfulMemory(), root, own = false, clock = () => new Date() }: RegistryClientOptions) {
    this.name = name;
    this.url = url;
    // The product's own stays the same one wherever the product is installed.
    this.#address = own ? "address-product" : addressIdentity(url);
    this.#isOwn = own;
    this.#transport = openTransport(url, name, fetch, downloads);
    this.#documents = new Documents(name, this.#transport);
    this.#pins = pins;
    this.#clock = clock;
    const longest = /^https?:/i.test(url) ? { longest: LONGEST_MS } : {};
    this.#view = new TrustedView({ name, transport: this.#transport, memory, clock, ...longest, ...(root === undefined ? {} : { root }) });
  }

  /** Who this registry is, and what is remembered of it. */
  async standing(options: { signal?: AbortSignal } = {}): Promise<{ registry: RegistryIdentity; state?: TrustState }> {
    await this.#view.refresh(options.signal);
    const state = this.#view.remembered;
    return { registry: this.identity, ...(state === undefined ? {} : { state }) };
  }

  /** Who this registry is, by what was read of it last. */
  get identity(): RegistryIdentity {
    const id = this.#view.remembered?.id;
    return { identity: id === undefined ? this.#address : `root-${id}`, address: this.#address };
  }

  /** Whether it signs its state, by what was read of it last. */
  get isSigned(): boolean {
    return this.#view.isSigned;
  }

  /** What this host saw itself of the age of a place in the log; ISO 8601. Nothing where the registry has no log. */
  seenBetween(place: number): { after?: string; by?: string } {
    return this.#view.seenBetween(place);
  }

  /** Whether what was read of it lies below a signed state, or is the product's own. */
  get isProven(): boolean {
    return this.#isOwn || this.#view.isSigned;
  }

  /** Packages in which every word of the query occurs, best first. What nobody has signed is an id and nothing else. */
  async search(query: string, options: { limit?: number; signal?: AbortSignal } = {}): Promise<PackageHit[]> {
    const { limit = 20, signal } = options;
    await this.#view.refresh(signal);
    const rows = await this.#documents.search(query, limit, signal);
    const view = this.#view.isSigned ? this.#view : undefined;
    return findPackages({
      rows,
      query,
      limit,
      source: this.name,
      isOwn: this.#isOwn,
      view,
      documents: this.#documents,
      ...(signal && { signal }),
    });
  }

  /** All versions with what the registry says of them, lowest first. */
  async versions(id: string, options: { signal?: AbortSignal } = {}): Promise<PackageVersion[]> {
    return [...(await this.#index(id, options.signal)).versions];
  }

  /** A package's index as it came, for choosing among its versions elsewhere. */
  async rawIndex(id: string, options: { signal?: AbortSignal } = {}): Promise<Uint8Array> {
    return this.#documents.raw(await this.#index(id, options.signal)).bytes;
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
    if (semver.validRange(wanted) === null) throw unknownVersion(index, range);
    const best = await this.#documents.fitting(index, wanted, prerelease, options.signal);
    if (best?.yanked !== undefined) {
      throw withdrawnVersion(id, best);
    }
    if (best !== undefined) return best;
    throw unknownVersion(index, range);
  }

  /**
   * One exact version's tarball, its size, integrity and signature checked, and in a registry that signs its state that
   * the log has it. Nothing is pinned by it: see learn(). A yanked version is given to those who name it: their lock does.
   *
   * @throws PLINTH_INTEGRITY, PLINTH_SIGNATURE, PLINTH_KEY_*, PLINTH_TRUST_*, PLINTH_LOG_*, and those of resolve.
   */
  async download(id: string, version: string, options: { signal?: AbortSignal } = {}): Promise<Download> {
    const { signal } = options;
    const { publisher } = splitId(id);
    const index = await this.#index(id, signal);
    const entry = index.versions.find((known) => known.version === version);
    if (entry === undefined) throw unknownVersion(index, version);
    const signed = this.#view.isSigned;
    if (signed) {
      const event = publishEvent(id, entry, entry.log?.at ?? "");
      await this.#view.consistently(() => this.#view.assertLogged(event, entry.log?.index, signal), signal);
    }
    const registry = this.identity;
    const pinned = await this.#pins.get(publisher, registry);
    const trusted = signed
      ? await this.#delegated(id, entry, pinned, signal)
      : await trustedKeys(publisher, await this.#documents.root(publisher, signal), pinned);
    const key = trusted.keys.find(({ keyId }) => keyId === entry.signature.keyId);
    const waiting = trusted.waiting.find(({ keyId }) => keyId === entry.signature.keyId);
    if (key === undefined && waiting !== undefined) throw keyWaiting(publisher, waiting.keyId, waiting.until);
    if (key === undefined && !trusted.first) throw keyChanged(publisher);
    if (key === undefined || !verify({ ...entry, id }, entry.signature, key)) {
      throw new PlinthError("PLINTH_SIGNATURE", `The signature of ${id} ${version} is not its publisher's.`, {
        next: "Do not install it; tell who runs the registry.",
      });
    }
    const bytes = await this.#tarball(id, entry, signal);
    const root = this.#view.remembered?.id;
    return {
      bytes,
      entry,
      evidence: { publisher, registry: this.name, ...(root === undefined ? {} : { root }), keyId: key.keyId, logged: signed },
      key: {
        is: trusted.first ? "first" : pinned?.some(({ keyId }) => keyId === key.keyId) ? "known" : "follows",
        fingerprint: fingerprintOf(key),
        ...(key.since === undefined ? {} : { since: key.since }),
      },
      learned: { registry, publisher, keys: trusted.keys.map(({ keyId, publicKey }) => ({ keyId, publicKey })), package: id },
    };
  }

  /** Pin what a download taught, once an owner has consented to it. */
  async learn({ publisher, keys, registry }: Learned): Promise<void> {
    await this.#pins.set(publisher, keys, registry);
  }

  /** Advisories and withdrawn versions. undefined: this registry signs nothing, and so tells none that could be believed. */
  async advisories(options: { signal?: AbortSignal } = {}): Promise<Feed | undefined> {
    const { signal } = options;
    return (await this.#view.refresh(signal)) ? this.#view.consistently(() => this.#view.feed(signal), signal) : undefined;
  }

  /** The keys that the registry names for a publisher; `active`: only those that may sign something new. */
  async keysOf(publisher: string, options: { signal?: AbortSignal; active?: boolean } = {}): Promise<PublicKey[]> {
    const { signal, active = false } = options;
    if (await this.#view.refresh(signal)) {
      const delegation = await this.#delegation(publisher, signal);
      return active ? activeKeys(delegation) : delegation.keys.map(({ keyId, publicKey }) => ({ keyId, publicKey }));
    }
    const { keys } = await this.#documents.root(publisher, signal);
    return keys[publisher] ?? [];
  }

  /**
   * Believe a publisher's changed key from now on, because the owner has asked the publisher on another way. The keys
   * trusted before are kept as far as the registry still names them.
   *
   * @throws PLINTH_KEY_UNKNOWN when the registry does not name such a key.
   */
  async acceptKey(publisher: string, keyId: string, options: { signal?: AbortSignal } = {}): Promise<PublicKey> {
    const offered = await this.keysOf(publisher, options);
    const key = offered.find((one) => one.keyId === keyId);
    if (key === undefined) {
      throw new PlinthError("PLINTH_KEY_UNKNOWN", `The registry ${this.name} names no key ${keyId} for ${publisher}.`, {
        next: offered.length > 0 ? `It names ${offered.map((one) => one.keyId).join(", ")}.` : "It knows no such publisher.",
      });
    }
    const pinned = (await this.#pins.get(publisher, this.identity)) ?? [];
    const kept = pinned.filter((pin) => pin.keyId !== keyId && offered.some((one) => one.publicKey === pin.publicKey));
    await this.#pins.set(publisher, [...kept, key], this.identity);
    return key;
  }

  /**
   * What it takes to verify a version again without this registry, on any machine that knows the registry's fingerprint.
   *
   * @throws PLINTH_TRUST_MISSING when the registry signs nothing, and those of download.
   */
  async prove(id: string, version: string, options: { signal?: AbortSignal } = {}): Promise<PackageProof> {
    const { signal } = options;
    const index = await this.#index(id, signal);
    const entry = index.versions.find((known) => known.version === version);
    if (entry === undefined) throw unknownVersion(index, version);
    if (!this.#view.isSigned) throw notBelieved(this.name, "PLINTH_TRUST_MISSING", "it signs nothing that could prove its packages");
    const { publisher } = splitId(id);
    return this.#view.consistently(async () => {
      const logged = await this.#view.logProof(publishEvent(id, entry, entry.log?.at ?? ""), entry.log?.index ?? -1, signal);
      return { proof: 1, registry: this.name, id, entry, delegation: await this.#view.signedDelegation(publisher, signal), ...logged };
    }, signal);
  }

  /** What another host may compare its own head of the log with. @throws PLINTH_TRUST_MISSING where nothing is signed. */
  async checkpoint(options: { signal?: AbortSignal } = {}): Promise<CheckpointDocument> {
    await this.#assertSigned(options.signal);
    return makeCheckpointDocument(this.#view, this.name, options.signal);
  }

  /** Compare the log seen here with what another host saw. A fork is remembered. @throws PLINTH_CHECKPOINT_INVALID. */
  async compare(document: unknown, options: { signal?: AbortSignal } = {}): Promise<Comparison> {
    await this.#assertSigned(options.signal);
    return compareCheckpoints(this.#view, document, this.name, options.signal);
  }

  async #assertSigned(signal?: AbortSignal): Promise<void> {
    if (!(await this.#view.refresh(signal))) throw notBelieved(this.name, "PLINTH_TRUST_MISSING", "it signs nothing, and so has no log");
  }

  async #delegated(id: string, entry: PackageVersion, pinned: PinnedKey[] | undefined, signal?: AbortSignal): Promise<TrustedKeys> {
    const { publisher } = splitId(id);
    const delegation = await this.#delegation(publisher, signal);
    keyAt(delegation, entry.signature.keyId, entry.log?.index ?? -1, `${id} ${entry.version}`);
    const met = (keyId: string) => this.#view.recoveryMet(publisher, keyId);
    return delegatedKeys(delegation, pinned, this.#view.signers("recovery"), met, this.#clock());
  }

  #delegation(publisher: string, signal?: AbortSignal): Promise<Delegation> {
    return this.#view.consistently(() => this.#view.delegation(publisher, signal), signal);
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
    const about = `The tarball of ${id} ${entry.version} of the registry ${this.name}`;
    if ((await integrityInRoom(answer.bytes, about, signal)) !== entry.integrity) throw changed("its sha512 differs");
    return answer.bytes;
  }

  async #index(id: string, signal?: AbortSignal): Promise<PackageIndex> {
    const known = id.includes(".") ? await this.#knownIndex(id, signal) : undefined;
    if (known !== undefined) return known;
    // Names out of a list that nobody has signed are no advice.
    const near = this.isProven ? await this.#existing(await this.#documents.near(id, signal), signal) : [];
    throw new PlinthError("PLINTH_PACKAGE_UNKNOWN", `The registry ${this.name} has no package ${JSON.stringify(id.slice(0, 120))}.`, {
      next: near.length > 0 ? `Did you mean ${near.join(" or ")}?` : "Search for it with other words.",
      details: { near },
    });
  }

  async #knownIndex(id: string, signal?: AbortSignal): Promise<PackageIndex | undefined> {
    const path = indexPath(id);
    if (!(await this.#view.refresh(signal))) {
      const index = await this.#documents.index(id, signal);
      return index && this.#documents.withoutLog(index);
    }
    return this.#view.consistently(async () => {
      const leaf = await this.#view.leaf(path, signal);
      return leaf === undefined ? undefined : this.#documents.index(id, signal, leaf);
    }, signal);
  }

  async #existing(ids: string[], signal?: AbortSignal): Promise<string[]> {
    if (!this.#view.isSigned) return ids;
    const leaves = await Promise.all(ids.map((id) => this.#view.leaf(indexPath(id), signal).catch(() => undefined)));
    return ids.filter((_, at) => leaves[at] !== undefined);
  }
}
