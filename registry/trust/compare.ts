import type { TrustRoot } from "@plinth/manifests";
import { canonicalJson } from "@plinth/manifests/canonical-json.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { parseDocument } from "../parse-document.ts";
import { readCheckpoint } from "./checkpoint.ts";
import type { ForkProof, Relation } from "./fork-proof.ts";
import type { Head } from "./merkle-proof.ts";
import { assertNextRoot, keySetOf, type RootDocument, signersOf } from "./roles.ts";
import type { TrustedView } from "./trusted-view.ts";

/** What a host has accepted of a registry's log, for another host to compare. All of it is signed by the registry. */
export interface CheckpointDocument {
  plinthCheckpoint: 1;
  /** What this host calls the registry; other hosts may call it otherwise. */
  registry: string;
  /** All roots from the first one on: they say whose log it is, and which key signs its head. */
  roots: TrustRoot[];
  checkpoint: string;
}

export interface Comparison {
  registry: string;
  /** `same`, one is the beginning of the other, `fork`, or `unproven`: the registry does not give what it takes to tell. */
  is: Relation["is"];
  ours: { size: number; root: string };
  theirs: { size: number; root: string };
  /** Two signed statements that cannot both be true, for everybody to check. */
  proof?: ForkProof;
  /** Whether this host believes nothing of the registry from now on. */
  remembered: boolean;
}

const MAX_ROOTS = 256;

export async function makeCheckpointDocument(view: TrustedView, registry: string, signal?: AbortSignal): Promise<CheckpointDocument> {
  const { checkpoint } = view.remembered!;
  return { plinthCheckpoint: 1, registry, roots: await view.roots(signal), checkpoint: checkpoint! };
}

/**
 * @throws PLINTH_CHECKPOINT_INVALID when it is no such document or is not signed, PLINTH_CHECKPOINT_OTHER when it is of
 * another registry.
 */
export async function compareCheckpoints(view: TrustedView, value: unknown, registry: string, signal?: AbortSignal): Promise<Comparison> {
  const { roots, checkpoint } = shapeOf(value);
  const theirRoot = await newestOf(roots, registry);
  const { id, root, head, checkpoint: ourNote } = view.remembered!;
  const ourRoots = await view.roots(signal);
  if (![id, ...ourRoots.map(({ signed }) => keySetOf(signed))].includes(keySetOf(roots[0]!.signed))) {
    throw new PlinthError("PLINTH_CHECKPOINT_OTHER", `The checkpoint is of another registry than ${registry}: its root has other keys.`, {
      next: "Name the registry that it is of: plinth trust list shows what is known here.",
    });
  }
  const theirs = readCheckpoint(checkpoint, theirRoot.origin, signersOf(theirRoot, "log").keys);
  if (theirs === undefined) throw invalid("its head is not signed by the log's key");
  const ours: Head = { size: head.size, root: Buffer.from(head.root, "base64") };
  const shown = { registry, ours: shownOf(ours), theirs: shownOf(theirs) };
  const twice = ourRoots.find(({ signed }, at) => roots[at] !== undefined && canonicalJson(roots[at]!.signed) !== canonicalJson(signed));
  if (twice !== undefined) {
    const previous = ourRoots[twice.signed.version - 2];
    const proof: ForkProof = { kind: "root", ours: twice, theirs: roots[twice.signed.version - 1]!, ...(previous === undefined ? {} : { previous }) };
    await view.rememberFork(proof);
    return { ...shown, is: "fork", proof, remembered: true };
  }
  const relation = await view.relateTo(theirs, signal).catch((thrown: unknown): Relation => {
    // Events that the registry does not show here.
    if ((thrown as { code?: unknown }).code === "PLINTH_TRUST_MIX") return { is: "unproven" };
    throw thrown;
  });
  if (relation.is !== "fork") return { ...shown, is: relation.is, remembered: false };
  const { prefix } = relation;
  const proof: ForkProof = { kind: "log", ours: ourNote!, theirs: checkpoint, ...(prefix === undefined ? {} : { prefix }) };
  // A key that was taken away since may be a thief's: what it says is told, and not held against the registry.
  const remembered = readCheckpoint(checkpoint, root.signed.origin, signersOf(root.signed, "log").keys) !== undefined;
  if (remembered) await view.rememberFork(proof);
  return { ...shown, is: "fork", proof, remembered };
}

function shapeOf(value: unknown): CheckpointDocument {
  const { plinthCheckpoint, roots, checkpoint } = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  if (plinthCheckpoint !== 1) throw invalid("it is not what `plinth trust compare NAME` prints");
  if (!Array.isArray(roots) || roots.length === 0 || roots.length > MAX_ROOTS) throw invalid("it has no roots, or too many");
  if (typeof checkpoint !== "string" || checkpoint.length > 4_096) throw invalid("it has no head of a log");
  return value as CheckpointDocument;
}

async function newestOf(roots: readonly TrustRoot[], registry: string): Promise<RootDocument> {
  let root: RootDocument | undefined;
  for (const one of roots) {
    await parseDocument("TrustRoot", Buffer.from(JSON.stringify(one)), "a root in the checkpoint", registry);
    root = assertNextRoot(one, root);
  }
  return root!;
}

const shownOf = ({ size, root }: Head): { size: number; root: string } => ({ size, root: root.toString("base64") });

function invalid(why: string): PlinthError {
  return new PlinthError("PLINTH_CHECKPOINT_INVALID", `The checkpoint cannot be compared: ${why}.`, {
    next: "Have it made anew on the other host: plinth trust compare NAME",
  });
}
