import type { TrustRoot, TrustTimestamp } from "@plinth/manifests";
import { canonicalJson } from "@plinth/manifests/canonical-json.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { readCheckpoint } from "./checkpoint.ts";
import { assertSigned } from "./envelope.ts";
import { consistencyProof, type Head, type ReadHash, rootHash, verifyConsistency } from "./merkle-proof.ts";
import { keySetOf, type RootDocument, signersOf } from "./roles.ts";

/**
 * Two statements of one registry that cannot both be true, each signed by its keys. Whoever knows the keys can check it
 * without believing the host that found it.
 */
export type ForkProof =
  /** Two roots of one version, signed by the root before them or, where they are the first, by the same set of keys. */
  | { kind: "root"; ours: TrustRoot; theirs: TrustRoot; previous?: TrustRoot }
  /** Two timestamps of one number, or two that name one number of a snapshot for different ones. */
  | { kind: "timestamp"; ours: TrustTimestamp; theirs: TrustTimestamp }
  /**
   * Two heads of the log, as checkpoints. Of equal size they have different roots; else `prefix` proves that the longer
   * log begins otherwise than the shorter one: the root over as many of its events, and the hashes that lead from there
   * to its head, base64.
   */
  | { kind: "log"; ours: string; theirs: string; prefix?: { root: string; proof: string[] } };

/** How two heads of one log are to each other. */
export type Relation =
  | { is: "same" | "ours-older" | "ours-newer" }
  | { is: "fork"; prefix?: { root: string; proof: string[] } }
  /** The hashes that were read do not lead to the longer head: nothing is proven, either way. */
  | { is: "unproven" };

/** @param read hashes of the log as the longer of the two heads has it; nothing vouches for them but what they lead to. */
export async function relate(ours: Head, theirs: Head, read: ReadHash): Promise<Relation> {
  if (ours.size === theirs.size) return ours.root.equals(theirs.root) ? { is: "same" } : { is: "fork" };
  const [older, newer] = ours.size < theirs.size ? [ours, theirs] : [theirs, ours];
  const grown: Relation = { is: older === ours ? "ours-older" : "ours-newer" };
  if (older.size === 0) return verifyConsistency(older, newer, []) ? grown : { is: "fork" };
  const proof = await consistencyProof(older.size, newer.size, read);
  if (verifyConsistency(older, newer, proof)) return grown;
  const begins: Head = { size: older.size, root: await rootHash(older.size, read) };
  if (!verifyConsistency(begins, newer, proof)) return { is: "unproven" };
  return { is: "fork", prefix: { root: begins.root.toString("base64"), proof: proof.map((hash) => hash.toString("base64")) } };
}

/** Whether the registry with this root has really said both. Broken input is a no. */
export function isFork(proof: ForkProof, root: RootDocument): boolean {
  try {
    if (proof.kind === "root") {
      const { ours, theirs, previous } = proof;
      const [one, other] = [ours, theirs].map((root) => assertSigned(root, signersOf(previous?.signed ?? root.signed, "root"), "A root"));
      const isFirst = previous === undefined && one!.version === 1 && keySetOf(one!) === keySetOf(other!);
      return (
        one!.version === other!.version && (isFirst || previous?.signed.version === one!.version - 1) && canonicalJson(one) !== canonicalJson(other)
      );
    }
    if (proof.kind === "timestamp") {
      const [ours, theirs] = [proof.ours, proof.theirs].map((one) => assertSigned(one, signersOf(root, "timestamp"), "A timestamp"));
      return sayDifferent(ours!, theirs!);
    }
    const [ours, theirs] = [proof.ours, proof.theirs].map((note) => readCheckpoint(note, root.origin, signersOf(root, "log").keys));
    if (ours === undefined || theirs === undefined) return false;
    if (ours.size === theirs.size) return !ours.root.equals(theirs.root);
    const [older, newer] = ours.size < theirs.size ? [ours, theirs] : [theirs, ours];
    const begins: Head = { size: older.size, root: Buffer.from(proof.prefix?.root ?? "", "base64") };
    const path = (proof.prefix?.proof ?? []).map((hash) => Buffer.from(hash, "base64"));
    return !begins.root.equals(older.root) && verifyConsistency(begins, newer, path);
  } catch {
    return false;
  }
}

/** Whether two timestamps use one number for two things. */
export function sayDifferent(one: TrustTimestamp["signed"], other: TrustTimestamp["signed"]): boolean {
  if (one.version === other.version) return canonicalJson(one) !== canonicalJson(other);
  return one.snapshot.version === other.snapshot.version && one.snapshot.sha256 !== other.snapshot.sha256;
}

export function forked(registry: string, { at }: { at: string }): PlinthError {
  const message = `The registry ${registry} is not believed: on ${at} it was seen to tell two different histories, both signed by its keys.`;
  return new PlinthError("PLINTH_LOG_FORK", message, {
    next: `Install nothing from it. \`plinth trust show ${registry}\` has the proof for others; \`plinth trust forget ${registry}\` begins anew with it.`,
  });
}
