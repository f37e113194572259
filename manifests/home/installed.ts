import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { parseLock } from "../check/documents.ts";
import type { Grant } from "../contracts/host/state.ts";
import { errors } from "../errors.ts";
import { isOwnPackage, type OwnExtensions } from "../plan/ours.ts";
import type { Manifest } from "../schema/extension.ts";
import type { LockEntry, Lockfile } from "../schema/lockfile.ts";
import { type ErrorData, errorData } from "../wire/error.ts";
import { readJsonIfAny, readTextIfAny, withoutMark } from "./text-file.ts";

/** One extension as the host knows it. `dir` holds the unpacked package. */
export interface CatalogRecord {
  readonly manifest: Manifest;
  readonly digest: string;
  readonly dir: string;
  /** On by default: there without being installed. */
  readonly bundled: boolean;
  /** Installed, and byte for byte one of the product's own packages. */
  readonly own?: boolean;
}

/** What is installed and what owners allowed, at one moment. */
export interface Installed {
  readonly lock: Lockfile;
  readonly grants: ReadonlyMap<string, Grant>;
  readonly records: readonly CatalogRecord[];
  /** Uninstalled, and what they stored has still to be removed. */
  readonly removed: readonly string[];
  readonly problems: readonly ErrorData[];
}

/** `installed.json`: all of it in one file, so that one rename decides. `lock` is the text of plinth.lock. */
export interface InstalledDocument {
  installed: 1;
  lock: string;
  grants: Record<string, Grant>;
  records: { manifest: Manifest; digest: string }[];
  removed: string[];
}

export const documentFile = (home: string): string => join(home, "installed.json");
export const lockFile = (home: string): string => join(home, "plinth.lock");
/** The lock that a commit is about to bring; left only by one that was killed. */
export const nextLockFile = (home: string): string => join(home, "plinth.lock.next");
export const packageDir = (home: string, digest: string): string => join(home, "store", digest.slice(0, 32));

/**
 * What is installed in a home. A `plinth.lock` that an operator edited or put there wins over what was committed: what it
 * names is taken from the content store, and where it is not there, it is a problem of that extension. Without a readable
 * document nothing is granted: every third-party extension waits for consent. What is on by default by now was installed
 * from an earlier product, and is left out.
 */
export async function readInstalled(home: string, product: OwnExtensions = {}): Promise<Installed> {
  const problems: ErrorData[] = [];
  const { document, lockText } = await readBoth(home, problems);
  const lock = parseLock(lockFile(home), lockText ?? document.lock);
  for (const id of product.default ?? []) delete lock.extensions[id];
  const found = new Map(document.records.map((one) => [one.manifest?.id, one]));
  const records: CatalogRecord[] = [];
  for (const [id, entry] of Object.entries(lock.extensions)) {
    const record = found.get(id);
    try {
      const manifest = record?.digest === entry.digest ? record.manifest : await reread(home, id, entry);
      const own = isOwnPackage(product, id, entry.digest) ? { own: true } : {};
      records.push({ manifest, digest: entry.digest, dir: packageDir(home, entry.digest), bundled: false, ...own });
    } catch (thrown) {
      problems.push({ ...errorData(thrown), extension: id });
    }
  }
  return { lock, grants: new Map(Object.entries(document.grants)), records, removed: document.removed, problems };
}

/** The document, and the lock's text where an operator's differs. */
async function readBoth(home: string, problems: ErrorData[]): Promise<{ document: InstalledDocument; lockText: string | undefined }> {
  let before: string | undefined;
  for (;;) {
    const document = (await readDocument(home, problems)) ?? (await readOlder(home, problems));
    const lockText = await readTextIfAny(lockFile(home));
    if (lockText === undefined || lockText === document.lock) return { document, lockText: undefined };
    // A commit puts the lock in its place after the document: a difference of that kind is over at the next look.
    if ((await readTextIfAny(nextLockFile(home))) === document.lock) return { document, lockText: undefined };
    const seen = `${document.lock}\0${lockText}`;
    if (seen === before) return { document, lockText };
    before = seen;
  }
}

async function readDocument(home: string, problems: ErrorData[]): Promise<InstalledDocument | undefined> {
  const file = documentFile(home);
  try {
    const found = (await readJsonIfAny(file)) as Partial<InstalledDocument> | undefined;
    if (found === undefined) return undefined;
    if (found?.installed !== 1 || typeof found.lock !== "string" || !isTable(found.grants) || !Array.isArray(found.records))
      throw new SyntaxError("it is not a list of what is installed");
    return {
      installed: 1,
      lock: found.lock,
      grants: found.grants,
      records: found.records,
      removed: Array.isArray(found.removed) ? found.removed : [],
    };
  } catch (thrown) {
    await setAside(file, thrown, problems);
    return undefined;
  }
}

/** As earlier versions kept it: three files. The next change writes the one. */
async function readOlder(home: string, problems: ErrorData[]): Promise<InstalledDocument> {
  const [grantsFile, indexFile] = olderFiles(home);
  const older = async <T>(file: string, pick: (found: any) => T | undefined): Promise<T | undefined> => {
    const found = await readJsonIfAny(file);
    return found === undefined ? undefined : pick(found);
  };
  let grants: Record<string, Grant> = {};
  try {
    grants = (await older(grantsFile, ({ grants }) => (isTable(grants) ? (grants as Record<string, Grant>) : undefined))) ?? {};
  } catch (thrown) {
    await setAside(grantsFile, thrown, problems);
  }
  // An index that cannot be read is made anew from the lock and the content store.
  const records = await older(indexFile, ({ records }) => (Array.isArray(records) ? records : undefined)).catch(() => undefined);
  return { installed: 1, lock: (await readTextIfAny(lockFile(home))) ?? "", grants, records: records ?? [], removed: [] };
}

export const olderFiles = (home: string): [grants: string, index: string] => [join(home, "grants.json"), join(home, "index.json")];

async function setAside(file: string, thrown: unknown, problems: ErrorData[]): Promise<void> {
  if (!(thrown instanceof SyntaxError) && !(thrown instanceof TypeError)) throw thrown;
  await rename(file, `${file}.bad`).catch(() => {});
  problems.push(errorData(errors.corrupt(file, thrown.message)));
}

async function reread(home: string, id: string, entry: LockEntry): Promise<Manifest> {
  const { parseManifest } = await import("../check/manifest.ts");
  const text = await readFile(join(packageDir(home, entry.digest), "plinth.json"), "utf8").catch(() => {
    throw errors.digest(id, "plinth.json is gone");
  });
  const manifest = parseManifest(withoutMark(text), id);
  if (manifest.id !== id) throw errors.digest(id, `plinth.json says ${manifest.id}`);
  return manifest;
}

const isTable = (value: unknown): value is Record<string, Grant> => typeof value === "object" && value !== null && !Array.isArray(value);
