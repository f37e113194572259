import { createHash } from "node:crypto";
import type { PackageVersion } from "@plinth/manifests";
import { addressIdentity, canonicalAddress } from "../registry-address.ts";
import type { PublicKey } from "../signing.ts";
import { type KeyPins, keyChanged, type Learned, type PinnedKey, type RegistryIdentity } from "./key-pins.ts";
import { keySetOf } from "./roles.ts";
import type { TrustMemory, TrustState } from "./trust-memory.ts";

/** Where a host keeps it: an extension's store, or anything like it. */
export interface KeyValues {
  get<T>(key: string): Promise<T | undefined>;
  set(key: string, value: unknown): Promise<void>;
  delete(key: string): Promise<unknown>;
  keys(prefix?: string): Promise<string[]>;
}

/** The keys of one publisher in one registry, and the packages that an owner consented to with them. */
export interface PinRecord {
  keys: PinnedKey[];
  packages: string[];
}

/** An address at which a registry that signs its state was met. */
interface KnownAddress {
  address: string;
  identity: string;
  /** ISO 8601. */
  since: string;
}

export interface KnownRegistry {
  identity: string;
  /** Canonical; none for one that signs nothing and is known by its publishers only. */
  addresses: string[];
  state?: TrustState;
  publishers: Record<string, PinRecord>;
}

const MOST_PACKAGES = 512;
const MOST_SEEN = 1_000;
const MOST_VERSIONS = 2_000;

/**
 * All that a host remembers of registries and publishers. A registry is its root's keys, wherever it is found; at an
 * address where it was met, nothing less is believed any more. Publishers are known apart for each registry.
 *
 *     trust/root/<key set>            what was accepted of a registry
 *     trust/keys/<key set>            which registry a later root's keys belong to
 *     trust/at/<address>              which registry was met there
 *     pin/<registry>/<publisher>      keys and packages
 *     seen/<registry>/<package>       when a version without a log was first seen
 *
 * Memories of the shape before, `trust/<hash of a URL>` and `pin/<publisher>`, are read, and moved when something new is
 * written. An old pin counts in every registry until then: it does not say where it came from.
 */
export class HostTrust {
  readonly #store: KeyValues;
  readonly #now: () => Date;

  constructor(store: KeyValues, now: () => Date = () => new Date()) {
    this.#store = store;
    this.#now = now;
  }

  /** @param fingerprint of the first root that an owner names: another registry that was met at this address does not count. */
  memory(url: string, fingerprint?: string): TrustMemory {
    const where = `trust/at/${addressIdentity(url)}`;
    return {
      get: async () => {
        const at = await this.#store.get<KnownAddress>(where);
        const state = at === undefined ? await this.#store.get<TrustState>(oldMemory(url)) : await this.#state(at.identity);
        const isOther = fingerprint !== undefined && state?.fingerprint !== undefined && state.fingerprint !== fingerprint;
        return isOther ? undefined : state;
      },
      set: async (state) => {
        const keySet = keySetOf(state.root.signed);
        const id = state.id ?? keySet;
        await this.#store.set(`trust/root/${id}`, { ...state, id });
        if (keySet !== id) await this.#store.set(`trust/keys/${keySet}`, id);
        const at = await this.#store.get<KnownAddress>(where);
        if (at?.identity === `root-${id}`) return;
        const known: KnownAddress = { address: canonicalAddress(url), identity: `root-${id}`, since: this.#now().toISOString() };
        await this.#store.set(where, known);
        await this.#store.delete(oldMemory(url));
      },
      find: async (keySets) => {
        for (const keySet of keySets) {
          const id = (await this.#store.get<string>(`trust/keys/${keySet}`)) ?? keySet;
          const state = await this.#state(`root-${id}`);
          if (state !== undefined) return state;
        }
        for (const key of await this.#store.keys("trust/")) {
          const state = OLD_MEMORY.test(key) ? await this.#store.get<TrustState>(key) : undefined;
          if (state !== undefined && keySets.includes(keySetOf(state.root.signed))) return state;
        }
        return undefined;
      },
    };
  }

  readonly pins: KeyPins = {
    get: async (publisher, registry) => (await this.pin(publisher, registry))?.keys,
    set: async (publisher, keys, registry) => this.#pin(publisher, keys, registry),
  };

  /** What is known of a publisher in a registry. */
  async pin(publisher: string, { identity, address }: RegistryIdentity): Promise<PinRecord | undefined> {
    for (const one of new Set([identity, address])) {
      const found = await this.#store.get<PinRecord>(pinKey(one, publisher));
      if (found !== undefined) return found;
    }
    const old = await this.#store.get<PublicKey[]>(`pin/${publisher}`);
    return old === undefined ? undefined : { keys: old, packages: [] };
  }

  /** Keep what a package taught, once an owner has consented to it. @throws PLINTH_KEY_CHANGED when another key came first. */
  async learn({ publisher, keys, registry, package: id }: Learned): Promise<void> {
    const known = await this.pin(publisher, registry);
    const isKnown = (key: PublicKey) => known?.keys.some((pin) => pin.publicKey === key.publicKey) === true;
    if (known !== undefined && known.keys.length > 0 && !keys.some(isKnown)) throw keyChanged(publisher);
    if (known !== undefined && keys.every(isKnown) && known.packages.includes(id)) return;
    await this.#pin(publisher, keys.every(isKnown) ? known!.keys : keys, registry, id);
  }

  /** Registries other than this one in which a publisher of the same name is known, with their keys. */
  async elsewhere(publisher: string, { identity, address }: RegistryIdentity): Promise<{ identity: string; keys: PinnedKey[] }[]> {
    const found: { identity: string; keys: PinnedKey[] }[] = [];
    for (const key of await this.#store.keys("pin/")) {
      const [, registry, name] = key.split("/");
      if (name !== publisher || registry === undefined || registry === identity || registry === address) continue;
      found.push({ identity: registry, keys: (await this.#store.get<PinRecord>(key))?.keys ?? [] });
    }
    return found;
  }

  /**
   * When this host first saw versions that no log gives a time for: now, for those that it has never seen. Other bytes
   * under a version are another version.
   */
  async seenSince(identity: string, id: string, entries: readonly Pick<PackageVersion, "version" | "integrity">[]): Promise<Map<string, Date>> {
    const key = `seen/${identity}/${id}`;
    const now = this.#now();
    const known = (await this.#store.get<Record<string, [at: number, integrity: string]>>(key)) ?? {};
    const next: typeof known = Object.create(null);
    for (const { version, integrity } of entries.slice(-MOST_VERSIONS)) {
      const short = integrity.slice(0, 24);
      const before = Object.hasOwn(known, version) ? known[version] : undefined;
      next[version] = before?.[1] === short ? before : [now.getTime(), short];
    }
    const isNew = Object.keys(next).some((version) => next[version] !== known[version]);
    const mayKeep = Object.keys(known).length > 0 || (await this.#store.keys(`seen/${identity}/`)).length < MOST_SEEN;
    if (isNew && mayKeep) await this.#store.set(key, next);
    return new Map(entries.map(({ version }) => [version, new Date(next[version]?.[0] ?? now)]));
  }

  /** Everything that is remembered, by registry. */
  async registries(): Promise<Map<string, KnownRegistry>> {
    const known = new Map<string, KnownRegistry>();
    const of = (identity: string): KnownRegistry => {
      const one = known.get(identity) ?? { identity, addresses: [], publishers: {} };
      known.set(identity, one);
      return one;
    };
    for (const key of await this.#store.keys("trust/root/")) {
      const state = await this.#store.get<TrustState>(key);
      if (state !== undefined) of(`root-${key.slice("trust/root/".length)}`).state = state;
    }
    for (const key of await this.#store.keys("trust/at/")) {
      const at = await this.#store.get<KnownAddress>(key);
      if (at !== undefined) of(at.identity).addresses.push(at.address);
    }
    for (const key of await this.#store.keys("pin/")) {
      const [, identity, publisher] = key.split("/");
      const record = publisher === undefined ? undefined : await this.#store.get<PinRecord>(key);
      if (record !== undefined) of(identity!).publishers[publisher!] = record;
    }
    return known;
  }

  /** Who is remembered at an address; undefined: nobody who signs. */
  async at(url: string): Promise<string | undefined> {
    return (await this.#store.get<KnownAddress>(`trust/at/${addressIdentity(url)}`))?.identity;
  }

  /**
   * Forget a publisher of a registry, or with none the registry with all that belongs to it: the next contact is the first one.
   *
   * @param options.url where it is asked, for a memory of the shape before.
   */
  async forget({ identity, address }: RegistryIdentity, { publisher, url }: { publisher?: string; url?: string } = {}): Promise<number> {
    const gone = new Set<string>();
    for (const one of new Set([identity, address])) {
      for (const key of await this.#store.keys(`pin/${one}/`)) if (publisher === undefined || key === pinKey(one, publisher)) gone.add(key);
      if (publisher !== undefined) continue;
      for (const key of await this.#store.keys(`seen/${one}/`)) gone.add(key);
    }
    if (publisher !== undefined) gone.add(`pin/${publisher}`);
    else {
      if (url !== undefined) gone.add(oldMemory(url));
      gone.add(`trust/at/${address}`).add(`trust/root/${identity.replace(/^root-/, "")}`);
      for (const key of await this.#store.keys("trust/at/")) if ((await this.#store.get<KnownAddress>(key))?.identity === identity) gone.add(key);
      for (const key of await this.#store.keys("trust/keys/")) if (`root-${await this.#store.get<string>(key)}` === identity) gone.add(key);
    }
    let count = 0;
    for (const key of gone) if ((await this.#store.delete(key)) === true) count++;
    return count;
  }

  async #state(identity: string): Promise<TrustState | undefined> {
    return identity.startsWith("root-") ? this.#store.get<TrustState>(`trust/root/${identity.slice("root-".length)}`) : undefined;
  }

  async #pin(publisher: string, keys: readonly PublicKey[], registry: RegistryIdentity, id?: string): Promise<void> {
    const known = await this.pin(publisher, registry);
    const since = this.#now().toISOString();
    const record: PinRecord = {
      keys: keys.map(({ keyId, publicKey }) => {
        const before = known?.keys.find((one) => one.publicKey === publicKey);
        return before ?? { keyId, publicKey, since };
      }),
      packages: [...new Set([...(known?.packages ?? []), ...(id === undefined ? [] : [id])])].slice(-MOST_PACKAGES),
    };
    await this.#store.set(pinKey(registry.identity, publisher), record);
    await this.#store.delete(`pin/${publisher}`);
  }
}

const OLD_MEMORY = /^trust\/[0-9a-f]{32}$/;
const oldMemory = (url: string): string => `trust/${createHash("sha256").update(url).digest("hex").slice(0, 32)}`;
const pinKey = (identity: string, publisher: string): string => `pin/${identity}/${publisher}`;
