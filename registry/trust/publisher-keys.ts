import type { KeyLink, PublisherKeys } from "@plinth/manifests";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { importPublicKey, keyIdOf, type PublicKey, type SigningKey, signText } from "../signing.ts";
import { countSigners, type Signers } from "./envelope.ts";

export type Delegation = PublisherKeys["signed"];

export const delegationPath = (publisher: string): string => `keys/${publisher}.json`;

/** A namespace's first key. `place` is where the log has the claim. */
export function claimNamespace(publisher: string, keys: readonly PublicKey[], place: number, proof?: string): Delegation {
  const first = keys.map(({ keyId, publicKey }) => ({ keyId, publicKey, from: place }));
  return { type: "publisher", publisher, version: 1, ...(proof === undefined ? {} : { proof }), keys: first, links: [] };
}

/** A publisher's own statement that another key follows: signed by the old one, and by the new one to show that it is theirs. */
export function rotateKey(delegation: Delegation, from: SigningKey, to: SigningKey, at: string): KeyLink {
  return signLink(delegation, { kind: "rotate", from: from.keyId, to: to.publicKey, at }, [from, to]);
}

/** The registry's statement for a publisher who lost the old key. Hosts that know the old one wait before they follow it. */
export function recoverKey(delegation: Delegation, from: string, to: SigningKey, recovery: readonly SigningKey[], at: string): KeyLink {
  return signLink(delegation, { kind: "recover", from, to: to.publicKey, at }, [...recovery, to]);
}

/**
 * The delegation with one link more. From `place` in the log on, the new key signs and the old one does not; after a
 * recovery none of the old ones does, since one of them may have been handed over by a thief.
 *
 * @throws PLINTH_KEY_ROTATION when the link is not signed as it must be.
 */
export function withLink(delegation: Delegation, link: KeyLink, recovery: Signers, place: number): Delegation {
  const old = delegation.keys.find(({ keyId }) => keyId === link.from);
  const mayHandOver = old !== undefined && (link.kind === "recover" || old.until === undefined);
  const isNew = !delegation.keys.some(({ publicKey }) => publicKey === link.to);
  if (link.number !== delegation.links.length + 1 || !mayHandOver || !isNew || !vouched(delegation, link, recovery)) {
    throw new PlinthError("PLINTH_KEY_ROTATION", `The new key of ${delegation.publisher} is not vouched for.`, {
      next: "Sign the change with the current key, or ask the registry's recovery for it.",
    });
  }
  const publicKey = link.to;
  const ended = delegation.keys.map((key) => (key.until === undefined && (key === old || link.kind === "recover") ? { ...key, until: place } : key));
  return {
    ...delegation,
    version: delegation.version + 1,
    keys: [...ended, { keyId: idOf(publicKey)!, publicKey, from: place }],
    links: [...delegation.links, link],
  };
}

/** The delegation with a key that is believed no more for what the log has at `place` or later. */
export function withoutKey(delegation: Delegation, keyId: string, reason: string, place: number): Delegation {
  if (!delegation.keys.some((key) => key.keyId === keyId)) {
    throw new PlinthError("PLINTH_KEY_UNKNOWN", `${delegation.publisher} has no key ${keyId} here.`, {
      next: `It has ${delegation.keys.map((key) => key.keyId).join(", ")}.`,
    });
  }
  const keys = delegation.keys.map((key) => (key.keyId === keyId ? { ...key, until: Math.min(place, key.until ?? place), revoked: reason } : key));
  return { ...delegation, version: delegation.version + 1, keys };
}

/** Keys that may sign something new. */
export function activeKeys(delegation: Delegation): PublicKey[] {
  return delegation.keys.filter(({ until }) => until === undefined).map(({ keyId, publicKey }) => ({ keyId, publicKey }));
}

/** The key that signed what the log has at `place`, when the delegation lets it. */
export function keyAt(delegation: Delegation, keyId: string, place: number, what: string): PublicKey {
  const { publisher } = delegation;
  const key = delegation.keys.find((known) => known.keyId === keyId);
  if (key === undefined || idOf(key.publicKey) !== keyId) {
    throw new PlinthError("PLINTH_TRUST_DELEGATION", `${what} is signed by a key that does not speak for ${publisher}.`, {
      next: "Do not install it; tell who runs the registry.",
    });
  }
  if (place >= key.from && place < (key.until ?? Number.POSITIVE_INFINITY)) return { keyId, publicKey: key.publicKey };
  if (key.revoked !== undefined) {
    throw new PlinthError("PLINTH_KEY_REVOKED", `${what} is signed by a key of ${publisher} that was revoked: ${key.revoked}.`, {
      next: "Choose a version that was signed with another key.",
    });
  }
  throw new PlinthError("PLINTH_KEY_RETIRED", `${what} is signed by a key of ${publisher} that was not in use when it was published.`, {
    next: `Ask ${publisher} to publish it again with the current key.`,
  });
}

export interface Lineage {
  /** The keys that follow from those the caller trusts. */
  keys: PublicKey[];
  /** Keys that only the registry's recovery vouches for and that the caller has not followed yet. */
  recovered: PublicKey[];
}

/** Follow the links from the pinned keys. `follows` says whether a recovered key may be believed by now. */
export function lineageOf(delegation: Delegation, pinned: readonly PublicKey[], recovery: Signers, follows: (key: PublicKey) => boolean): Lineage {
  const offered = new Map(delegation.keys.map(({ keyId, publicKey }) => [keyId, { keyId, publicKey }]));
  const trusted = new Map<string, PublicKey>();
  for (const pin of pinned) if (offered.get(pin.keyId)?.publicKey === pin.publicKey) trusted.set(pin.keyId, pin);
  const recovered: PublicKey[] = [];
  for (const [at, link] of delegation.links.entries()) {
    const next = offered.get(idOf(link.to) ?? "");
    if (next?.publicKey !== link.to || link.number !== at + 1 || !trusted.has(link.from) || !vouched(delegation, link, recovery)) continue;
    if (link.kind === "rotate" || follows(next)) trusted.set(next.keyId, next);
    else recovered.push(next);
  }
  return { keys: [...trusted.values()], recovered };
}

/**
 *     plinth-key-link 1
 *     publisher: demo
 *     kind: rotate
 *     number: 1
 *     from: 0011223344556677
 *     to: MCowBQYDK2VwAyEA…
 *     at: 2026-01-01T00:00:00.000Z
 */
function linkText(publisher: string, { kind, number, from, to, at }: Omit<KeyLink, "signatures">): string {
  return `plinth-key-link 1\npublisher: ${publisher}\nkind: ${kind}\nnumber: ${number}\nfrom: ${from}\nto: ${to}\nat: ${at}\n`;
}

function signLink(delegation: Delegation, link: Omit<KeyLink, "signatures" | "number">, keys: readonly SigningKey[]): KeyLink {
  const numbered = { ...link, number: delegation.links.length + 1 };
  return { ...numbered, signatures: keys.map((key) => signText(linkText(delegation.publisher, numbered), key)) };
}

function vouched(delegation: Delegation, link: KeyLink, recovery: Signers): boolean {
  const text = linkText(delegation.publisher, link);
  const to = idOf(link.to);
  const old = delegation.keys.filter(({ keyId }) => keyId === link.from);
  const by: Signers = link.kind === "rotate" ? { keys: old, threshold: 1 } : recovery;
  if (to === undefined || countSigners(text, link.signatures, [{ keyId: to, publicKey: link.to }]) !== 1) return false;
  return by.threshold > 0 && countSigners(text, link.signatures, by.keys) >= by.threshold;
}

function idOf(publicKey: string): string | undefined {
  try {
    return keyIdOf(importPublicKey(publicKey));
  } catch {
    return undefined;
  }
}
