import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AdvisoryFeed, TrustSnapshot, TrustTimestamp } from "@plinth/manifests";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { type DocumentKind, documentProblems, problemLine } from "../schemas.ts";
import { reason, systemCode } from "../system-error.ts";
import { readCheckpoint } from "./checkpoint.ts";
import type { Signed } from "./envelope.ts";
import { EMPTY_TREE, pagePath } from "./index-tree.ts";
import { EMPTY_ROOT, type Head } from "./merkle-proof.ts";
import { ROOT_PATH, type RootDocument, signersOf } from "./roles.ts";

export const TIMESTAMP_PATH = "trust/timestamp.json";
export const CHECKPOINT_PATH = "log/checkpoint";
export const ADVISORIES_PATH = "advisories.json";
export const snapshotPath = (sha256: string): string => `trust/snapshot/${sha256}.json`;

export type Timestamp = TrustTimestamp["signed"];
export type Snapshot = TrustSnapshot["signed"];
export type Feed = AdvisoryFeed["signed"];

/** What a registry's folder has committed to last. */
export interface RegistryState {
  root: Signed<RootDocument>;
  /** undefined: nothing was committed yet. */
  timestamp: Timestamp | undefined;
  tree: string;
  head: Head;
  checkpoint: string | undefined;
  snapshot: number;
  feed: Snapshot["advisories"];
}

/** undefined: the folder has no root. */
export async function readState(dir: string): Promise<RegistryState | undefined> {
  const roots: Signed<RootDocument>[] = [];
  for (let next: Signed<RootDocument> | undefined; (next = await readSigned(dir, "TrustRoot", ROOT_PATH(roots.length + 1))); ) roots.push(next);
  const root = roots.at(-1);
  if (root === undefined) return undefined;
  const none = {
    root,
    timestamp: undefined,
    tree: EMPTY_TREE,
    head: { size: 0, root: EMPTY_ROOT },
    checkpoint: undefined,
    snapshot: 0,
    feed: undefined,
  };
  const timestamp = (await readSigned<Timestamp>(dir, "TrustTimestamp", TIMESTAMP_PATH))?.signed;
  if (timestamp === undefined) return none;
  const path = snapshotPath(timestamp.snapshot.sha256);
  const snapshot = (await readSigned<Snapshot>(dir, "TrustSnapshot", path))?.signed;
  if (snapshot === undefined) throw damaged(path, "it is missing");
  // A root that changed the log's key may have been written by a process that died before it signed the head anew.
  const logKeys = roots.flatMap(({ signed }) => signersOf(signed, "log").keys);
  const head = readCheckpoint(snapshot.checkpoint, root.signed.origin, logKeys);
  if (head === undefined) throw damaged(path, "its checkpoint is not signed by a key of its log");
  const { tree, checkpoint, version, advisories: feed } = snapshot;
  return { root, timestamp, tree, head, checkpoint, snapshot: version, feed };
}

/** A document of the registry's own folder; undefined when it is not there. */
export async function readSigned<T>(dir: string, kind: DocumentKind, path: string): Promise<Signed<T> | undefined> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(join(dir, path), "utf8"));
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw damaged(path, reason(error));
  }
  const [problem] = await documentProblems(kind, value);
  if (problem !== undefined) throw damaged(path, problemLine(problem));
  return value as Signed<T>;
}

export function pageReader(dir: string): (hash: string) => Promise<string> {
  return (hash) => readFile(join(dir, pagePath(hash)), "utf8");
}

function damaged(path: string, why: string): PlinthError {
  return new PlinthError("PLINTH_REGISTRY_INVALID", `The registry's ${path} is damaged: ${why}.`, {
    next: "Restore it from a backup; nothing was changed.",
  });
}
