import type { Download, RegistryClient } from "@plinth/registry";
import type { Facts, Registries } from "./registries.ts";

/** Who vouches for a package, and how long this host has known them: one shape for chat, shell and programs. */
export interface TrustCard {
  /** undefined: it came from no registry. */
  registry?: {
    name: string;
    address: string;
    /** Whether it signs its state, so that all of its readers get the same. */
    signed: boolean;
    /** Comes with the product. */
    own: boolean;
    /** ISO 8601; undefined: first met now. */
    knownSince?: string;
  };
  /** undefined: nobody has signed it. */
  key?: {
    publisher: string;
    keyId: string;
    /**
     * `first`: met now. `follows`: new, and the known key or the registry's recovery vouches for it. `kept`: checked when the
     * package came to this host. `claimed`: not checked here. `own`: the product names these bytes itself, whoever signed them.
     */
    is: "first" | "follows" | "known" | "kept" | "claimed" | "own";
    /** sha256 of the public key, where it was checked. */
    fingerprint?: string;
    /** ISO 8601; undefined with `known`: longer than this host keeps count. */
    knownSince?: string;
    /** Packages that an owner of this host has consented to with it. */
    packages: number;
  };
  /** Place in the registry's log, and how long that is. undefined: no log shows it to others. */
  log?: { place: number; size: number };
  /** ISO 8601. `proven`: the registry's log says so, and not only who published it. */
  published?: { at: string; proven: boolean; seenSince?: string };
  /** What is odd about it, in sentences. */
  warnings: string[];
  /** When this was found; ISO 8601. */
  at: string;
}

/** Met so short ago, somebody is met now: by the command before, or by this one. */
export const NOW_MS = 10 * 60_000;

export async function cardOf(registries: Registries, client: RegistryClient, download: Download, facts: Facts, now: number): Promise<TrustCard> {
  const { entry, evidence, key, learned } = download;
  const trust = await registries.trust();
  const record = await trust.pin(evidence.publisher, learned.registry);
  const { state } = await client.standing();
  const seen = entry.log === undefined ? undefined : client.seenBetween(entry.log.index).by;
  // What the log knew before this host met the registry, this host has not seen.
  const met = [seen, state?.since].filter((at) => at !== undefined).sort();
  const here = evidence.logged ? met.at(-1) : facts.released.get(entry.version)?.toISOString();
  const warnings: string[] = [];
  const own = client === (await registries.builtIn());
  if (key.is === "first" && !own) {
    for (const other of await trust.elsewhere(evidence.publisher, learned.registry)) {
      if (other.keys.length === 0 || other.keys.some(({ keyId }) => keyId === evidence.keyId)) continue;
      const keys = other.keys.map(({ keyId }) => keyId).join(", ");
      warnings.push(`another registry's ${evidence.publisher} is known here with another key (${keys}): this may be somebody else`);
    }
  }
  return {
    registry: {
      name: client.name,
      address: addressShown(client.url),
      signed: evidence.logged,
      own: client.isProven && !evidence.logged,
      ...(state?.since === undefined ? {} : { knownSince: state.since }),
    },
    key: {
      publisher: evidence.publisher,
      keyId: entry.signature.keyId,
      is: own ? "own" : key.is,
      fingerprint: key.fingerprint,
      ...(key.since === undefined ? {} : { knownSince: key.since }),
      packages: key.is === "first" ? 0 : (record?.packages.length ?? 0),
    },
    ...(evidence.logged && entry.log !== undefined ? { log: { place: entry.log.index, size: state?.head.size ?? 0 } } : {}),
    published: { at: entry.log?.at ?? entry.publishedAt, proven: client.isProven, ...(here === undefined ? {} : { seenSince: here }) },
    warnings,
    at: new Date(now).toISOString(),
  };
}

/** Of what another source than a registry fetched. */
export function claimedCard(publisher: string, keyId: string | undefined, now: number): TrustCard {
  const key = keyId === undefined ? {} : { key: { publisher, keyId, is: "claimed" as const, packages: 0 } };
  return { ...key, warnings: [], at: new Date(now).toISOString() };
}

/** Of a package that was here before: its signature was checked when it came, and its digest is checked again now. */
export function keptCard(id: string, keyId: string | undefined, now: number): TrustCard {
  const key = keyId === undefined ? {} : { key: { publisher: id.slice(0, id.indexOf(".")), keyId, is: "kept" as const, packages: 1 } };
  return { ...key, warnings: [], at: new Date(now).toISOString() };
}

/** Names and values for people. */
export function cardFacts({ registry, key, log, published, at }: TrustCard): [string, string][] {
  const now = Date.parse(at);
  const facts: [string, string][] = [];
  if (registry !== undefined) facts.push(["Registry", `${registry.name}, ${registry.address}: ${registryWords(registry, now)}`]);
  facts.push(["Signed by", keyWords({ key, at })]);
  // The product is as old as the host, and the same for everybody who has it.
  if (registry === undefined || key?.is === "own") return facts;
  facts.push([
    "Log",
    log === undefined ? "none: nothing shows that others get the same" : `place ${log.place} of ${log.size} events, which hosts can compare`,
  ]);
  if (published !== undefined) facts.push(["Age", ageWords(published, now)]);
  return facts;
}

export function keyWords({ key, at }: { key?: TrustCard["key"] | undefined; at: string }): string {
  if (key === undefined) return "nobody: unsigned, nobody vouches for these files";
  const name = `${key.publisher}, key ${key.keyId}`;
  if (key.is === "own") return `${key.publisher}: the product names exactly these bytes`;
  if (key.is === "claimed") return `${name}, as its source says: not checked`;
  if (key.is === "kept") return `${name}: checked when it came to this host`;
  if (key.is === "first") return `${name}: first met now`;
  if (key.is === "follows") return `${name}: new, the key that was known here vouches for it`;
  const packages = `${key.packages} ${key.packages === 1 ? "package" : "packages"}`;
  return `${name}: known here ${key.knownSince === undefined ? "for long" : sinceWords(key.knownSince, Date.parse(at))}, from ${packages}`;
}

function registryWords({ signed, own, knownSince }: NonNullable<TrustCard["registry"]>, now: number): string {
  if (own) return "comes with the product";
  if (!signed) return "signs nothing, so that it may tell each reader something else";
  return `signs its state, ${isNow(knownSince, now) ? "first met now" : `known here ${sinceWords(knownSince!, now)}`}`;
}

function ageWords({ at, proven, seenSince }: NonNullable<TrustCard["published"]>, now: number): string {
  const day = at.slice(0, 16).replace("T", " ");
  const here = isNow(seenSince, now) ? "first seen here now" : `seen here ${sinceWords(seenSince!, now)}`;
  return `${proven ? `published ${day} by the registry` : `says ${day}, which nobody has proven`}; ${here}`;
}

const isNow = (since: string | undefined, now: number): boolean => since === undefined || now - Date.parse(since) < NOW_MS;

/** Such as `for 3 days`. */
export function sinceWords(since: string, now: number): string {
  const hours = Math.floor((now - Date.parse(since)) / 3_600_000);
  if (!(hours >= 1)) return "for less than an hour";
  const [count, unit] = hours < 48 ? [hours, "hour"] : [Math.floor(hours / 24), "day"];
  return `for ${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** As it stands in the configuration, without a user's name, and with the host as machines read it. */
export function addressShown(url: string): string {
  if (!/^https?:\/\//i.test(url)) return url;
  try {
    const { protocol, host, pathname } = new URL(url);
    return `${protocol}//${host}${pathname}`;
  } catch {
    return url;
  }
}
