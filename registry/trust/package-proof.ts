import type { PackageVersion, PublisherKeys, TrustRoot } from "@plinth/manifests";
import { integrityMatches } from "../integrity.ts";
import { parseDocument } from "../parse-document.ts";
import { verify } from "../signing.ts";
import { readCheckpoint } from "./checkpoint.ts";
import { assertSigned, type Signed, type Signers } from "./envelope.ts";
import { eventText, publishEvent } from "./log-event.ts";
import { leafHash, verifyInclusion } from "./merkle-proof.ts";
import { type Delegation, keyAt } from "./publisher-keys.ts";
import type { TrustEvidence } from "./release-policy.ts";
import { assertNextRoot, type RootDocument, rootFingerprint, signersOf } from "./roles.ts";
import { notBelieved } from "./trusted-files.ts";

/** That a log has an event, from the registry's first root on. */
export interface LogProof {
  roots: TrustRoot[];
  checkpoint: string;
  /** Hashes from the leaf up, base64. */
  path: string[];
}

/** All that it takes to verify a package again, on any machine, without the registry. To be kept beside the tarball. */
export interface PackageProof extends LogProof {
  proof: 1;
  registry: string;
  id: string;
  entry: PackageVersion;
  delegation: PublisherKeys;
}

const MAX_ROOTS = 256;
const MAX_PATH = 64;

/**
 * Verify a tarball by its proof alone. Nothing is asked of the network, and no clock: what was proven stays proven. That
 * a version was withdrawn since is told by the feed of advisories, not by this.
 *
 * @param fingerprint of the registry's first root, from the configuration or from what the host remembers.
 * @throws PLINTH_INTEGRITY, PLINTH_SIGNATURE, PLINTH_KEY_*, PLINTH_TRUST_*, PLINTH_LOG_INCLUSION, PLINTH_REGISTRY_INVALID.
 */
export async function verifyPackageProof(proof: PackageProof, tarball: Uint8Array, fingerprint: string): Promise<TrustEvidence> {
  const { registry, id, entry } = proof;
  const refuse = (code: string, why: string) => notBelieved(registry, code, why);
  const root = await newestRoot(proof, fingerprint);
  const head = readCheckpoint(proof.checkpoint, root.origin, signersOf(root, "log").keys);
  if (head === undefined) throw refuse("PLINTH_TRUST_THRESHOLD", "the log's head in the proof is not signed by the log's key");
  const index = { id, versions: [entry], tags: {} };
  await parseDocument("PackageIndex", Buffer.from(JSON.stringify(index)), "the proof's entry", registry);
  await parseDocument("PublisherKeys", Buffer.from(JSON.stringify(proof.delegation)), "the proof's delegation", registry);
  const place = entry.log?.index ?? -1;
  const leaf = leafHash(eventText(publishEvent(id, entry, entry.log?.at ?? "")));
  const path = proof.path.slice(0, MAX_PATH).map((hash) => Buffer.from(hash, "base64"));
  if (!verifyInclusion(leaf, place, head.size, path, head.root)) throw refuse("PLINTH_LOG_INCLUSION", `its log does not have ${id} ${entry.version}`);
  const publisher = id.slice(0, id.indexOf("."));
  assertDelegation(proof.delegation, signersOf(root, "targets"), publisher, registry);
  const key = keyAt(proof.delegation.signed, entry.signature.keyId, place, `${id} ${entry.version}`);
  if (!verify({ ...entry, id }, entry.signature, key))
    throw refuse("PLINTH_SIGNATURE", `the signature of ${id} ${entry.version} is not its publisher's`);
  if (tarball.length !== entry.size || !integrityMatches(tarball, entry.integrity)) {
    throw refuse("PLINTH_INTEGRITY", `the tarball is not that of ${id} ${entry.version}`);
  }
  return { publisher, registry, keyId: key.keyId, logged: true };
}

/** A delegation counts for the namespace that it names, and when the role targets has signed it. */
export function assertDelegation(document: Signed<Delegation>, targets: Signers, publisher: string, registry: string): Delegation {
  const delegation = assertSigned(document, targets, `The delegation of ${publisher}`);
  if (delegation.publisher === publisher) return delegation;
  throw notBelieved(registry, "PLINTH_TRUST_DELEGATION", `the delegation of ${publisher} is about ${delegation.publisher}`);
}

async function newestRoot({ roots, registry }: PackageProof, fingerprint: string): Promise<RootDocument> {
  if (roots.length === 0 || roots.length > MAX_ROOTS || rootFingerprint(roots[0]!) !== fingerprint) {
    throw notBelieved(registry, "PLINTH_TRUST_ROOT", "the first root in the proof is not the one that is known here");
  }
  let root: RootDocument | undefined;
  for (const one of roots) {
    await parseDocument("TrustRoot", Buffer.from(JSON.stringify(one)), "a root in the proof", registry);
    root = assertNextRoot(one, root);
  }
  return root!;
}
