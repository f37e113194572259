import { join } from "node:path";
import type { TrustRoot } from "@plinth/manifests";
import { canonicalJson } from "@plinth/manifests/canonical-json.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { generateKey, keyFromSeed, readKeyFile, writeKeyFile } from "../key-file.ts";
import type { PublicKey, SigningKey } from "../signing.ts";
import { assertSigned, type Signed, type Signers, signDocument } from "./envelope.ts";
import { pageHash } from "./index-tree.ts";

export type RootDocument = TrustRoot["signed"];
export type RoleName = keyof RootDocument["roles"];

/**
 * What each role signs: `root` the roles themselves, `targets` namespaces and advisories, `snapshot` and `timestamp` the
 * state of the whole, `log` the log's head, `recovery` a new key for a publisher who lost the old one.
 */
export const ROLES: readonly RoleName[] = ["root", "targets", "snapshot", "timestamp", "log", "recovery"];

/** A registry's secret keys. Those of root and recovery are kept elsewhere and are given only for what needs them. */
export type RoleKeys = Record<RoleName, SigningKey[]>;

export const ROOT_PATH = (version: number): string => `trust/root/${version}.json`;
/** No honest root is larger. */
export const MAX_ROOT_BYTES = 32 * 1024;

export function generateRoleKeys(): RoleKeys {
  return roleKeys((role) => generateKey(`registry-${role}`));
}

/** For builds that must give the same bytes twice: each role's key follows from the seed. */
export function roleKeysFromSeed(seed: string): RoleKeys {
  return roleKeys((role) => keyFromSeed(`registry-${role}`, Buffer.from(pageHash(`plinth-role ${role} ${seed}`), "hex")));
}

export async function writeRoleKeys(folder: string, keys: RoleKeys): Promise<void> {
  for (const role of ROLES) {
    for (const [at, key] of keys[role].entries()) {
      await writeKeyFile(join(folder, `${role}-${at + 1}.json`), { ...key, publisher: `registry-${role}` });
    }
  }
}

/** The keys that are in a folder; a role without a file there has none. */
export async function readRoleKeys(folder: string): Promise<RoleKeys> {
  const keys = roleKeys(() => undefined);
  for (const role of ROLES) {
    for (let at = 1; at <= 16; at++) {
      const key = await readKeyFile(join(folder, `${role}-${at}.json`)).catch((error: unknown) => {
        if ((error as { code?: unknown }).code === "PLINTH_KEY_MISSING") return undefined;
        throw error;
      });
      if (key === undefined) break;
      keys[role].push(key);
    }
  }
  return keys;
}

export interface RootPlan {
  origin: string;
  /** ISO 8601. */
  expires: string;
  /** The public keys that speak from now on. */
  keys: Record<RoleName, readonly PublicKey[]>;
  /** Default 1 for each. */
  thresholds?: Partial<Record<RoleName, number>>;
}

/** The first root (without `previous`), or the next one: signed by enough of the keys before it and of its own. */
export function makeRoot(plan: RootPlan, signers: readonly SigningKey[], previous?: Signed<RootDocument>): Signed<RootDocument> {
  const { origin, expires, keys, thresholds = {} } = plan;
  const role = (name: RoleName) => ({ keyIds: keys[name].map(({ keyId }) => keyId), threshold: thresholds[name] ?? 1 });
  const root: RootDocument = {
    type: "root",
    origin,
    version: (previous?.signed.version ?? 0) + 1,
    expires,
    keys: Object.fromEntries(Object.values(keys).flatMap((of) => of.map(({ keyId, publicKey }) => [keyId, publicKey]))),
    roles: {
      root: role("root"),
      targets: role("targets"),
      snapshot: role("snapshot"),
      timestamp: role("timestamp"),
      log: role("log"),
      recovery: role("recovery"),
    },
  };
  const made = signDocument(root, [...new Map(signers.map((key) => [key.keyId, key])).values()]);
  assertNextRoot(made, previous?.signed);
  return made;
}

/** @throws PLINTH_TRUST_THRESHOLD, PLINTH_TRUST_ROLLBACK when `next` does not follow on `previous`. */
export function assertNextRoot(next: Signed<RootDocument>, previous: RootDocument | undefined): RootDocument {
  const name = `Root ${next.signed.version}`;
  if (next.signed.version !== (previous?.version ?? 0) + 1 || (previous !== undefined && next.signed.origin !== previous.origin)) {
    throw new PlinthError("PLINTH_TRUST_ROLLBACK", `${name} of the registry does not follow on root ${previous?.version ?? 0}.`, {
      next: "Install nothing from this registry until who runs it has explained this.",
    });
  }
  if (previous !== undefined) assertSigned(next, signersOf(previous, "root"), name);
  return assertSigned(next, signersOf(next.signed, "root"), name);
}

export function signersOf(root: RootDocument, role: RoleName): Signers {
  const { keyIds, threshold } = root.roles[role];
  const keys = keyIds.flatMap((keyId) => (Object.hasOwn(root.keys, keyId) ? [{ keyId, publicKey: root.keys[keyId]! }] : []));
  return { keys, threshold };
}

/** What an operator pins to know a registry by before the first contact: sha256 of its first root. */
export function rootFingerprint(root: Signed<RootDocument>): string {
  return pageHash(canonicalJson(root.signed));
}

/**
 * What a registry is, wherever it is found: the set of keys that may sign its root, and how many of them it takes. Two
 * registries do not share it; a mirror has the same.
 */
export function keySetOf({ keys, roles }: RootDocument): string {
  const named = [...new Set(roles.root.keyIds)].map((keyId) => (Object.hasOwn(keys, keyId) ? keys[keyId]! : ""));
  return pageHash(canonicalJson({ keys: named.sort(), threshold: roles.root.threshold })).slice(0, 32);
}

function roleKeys(make: (role: RoleName) => SigningKey | undefined): RoleKeys {
  const of = (role: RoleName) => [make(role) ?? []].flat();
  return { root: of("root"), targets: of("targets"), snapshot: of("snapshot"), timestamp: of("timestamp"), log: of("log"), recovery: of("recovery") };
}
