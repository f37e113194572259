import type { Signed } from "./envelope.ts";
import { assertNextRoot, keySetOf, MAX_ROOT_BYTES, ROOT_PATH, type RootDocument, rootFingerprint } from "./roles.ts";
import type { TrustedFiles } from "./trusted-files.ts";

const MAX_ROTATIONS = 256;

/** @param pinned fingerprint that it must have; without one, undefined is answered where there is none. */
export async function readFirstRoot(files: TrustedFiles, pinned?: string, signal?: AbortSignal): Promise<Signed<RootDocument> | undefined> {
  const root = await readRoot(files, 1, signal);
  if (root === undefined) {
    if (pinned === undefined) return undefined;
    throw files.missing(ROOT_PATH(1));
  }
  assertNextRoot(root, undefined);
  if (pinned !== undefined && rootFingerprint(root) !== pinned)
    throw files.refused("PLINTH_TRUST_ROOT", "its first root is not the one that is pinned");
  return root;
}

/** The newest root that follows from one that is believed, and the key sets of all on the way. */
export async function followRoots(
  files: TrustedFiles,
  from: Signed<RootDocument>,
  signal?: AbortSignal,
): Promise<{ root: Signed<RootDocument>; keySets: string[] }> {
  let root = from;
  const keySets = [keySetOf(root.signed)];
  for (let count = 0; count < MAX_ROTATIONS; count++) {
    const next = await readRoot(files, root.signed.version + 1, signal);
    if (next === undefined) break;
    assertNextRoot(next, root.signed);
    root = next;
    keySets.push(keySetOf(root.signed));
  }
  return { root, keySets };
}

/** All roots up to a version, the first one first, as they are there: who uses them checks that they follow on each other. */
export async function readRoots(files: TrustedFiles, upTo: number, signal?: AbortSignal): Promise<Signed<RootDocument>[]> {
  const roots: Signed<RootDocument>[] = [];
  for (let version = 1; version <= upTo; version++) {
    const root = await readRoot(files, version, signal);
    if (root === undefined) throw files.missing(ROOT_PATH(version));
    roots.push(root);
  }
  return roots;
}

function readRoot(files: TrustedFiles, version: number, signal?: AbortSignal): Promise<Signed<RootDocument> | undefined> {
  return files.document<RootDocument>("TrustRoot", ROOT_PATH(version), MAX_ROOT_BYTES, signal);
}
