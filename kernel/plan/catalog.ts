import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { LockEntry, Lockfile, Manifest } from "@plinth/manifests";
import { formatLock, parseLock } from "@plinth/manifests/check/documents.ts";
import { writeAtomic } from "../config.ts";
import { type ErrorData, errorData, errors } from "../errors.ts";

/** One extension as the index knows it. `dir` holds the unpacked package. */
export interface CatalogRecord {
  readonly manifest: Manifest;
  readonly digest: string;
  readonly dir: string;
  readonly bundled: boolean;
}

export interface Catalog {
  readonly records: readonly CatalogRecord[];
  readonly problems: readonly ErrorData[];
}

interface IndexFile {
  index: 1;
  records: { manifest: Manifest; digest: string }[];
}

/** The product's own extensions: one file made by the build, trusted as the product's code is. */
export async function readBundled(dist: string): Promise<CatalogRecord[]> {
  const { records } = JSON.parse(await readFile(join(dist, "bundled.json"), "utf8")) as IndexFile;
  return records.map(({ manifest, digest }) => ({ manifest, digest, dir: join(dist, "extensions", manifest.id), bundled: true }));
}

const indexFile = (home: string): string => join(home, "index.json");
const lockFile = (home: string): string => join(home, "plinth.lock");
export const packageDir = (home: string, digest: string): string => join(home, "store", digest.slice(0, 32));

/**
 * Installed extensions from one persisted file, keyed by content hash: manifests in it were validated when they came in.
 * An unreadable index is rebuilt from the lock and the content store; what cannot be read is a problem of its owner.
 */
export async function readInstalled(home: string, lock: Lockfile): Promise<Catalog> {
  let records: IndexFile["records"] = [];
  try {
    const parsed = JSON.parse(await readFile(indexFile(home), "utf8")) as IndexFile;
    if (parsed.index === 1 && Array.isArray(parsed.records)) records = parsed.records;
  } catch {
    // Rebuilt below.
  }
  const problems: ErrorData[] = [];
  const found = new Map(records.map((one) => [one.manifest?.id, one]));
  const result: CatalogRecord[] = [];
  let rebuilt = false;
  for (const [id, entry] of Object.entries(lock.extensions)) {
    let record = found.get(id);
    if (record === undefined || record.digest !== entry.digest) {
      rebuilt = true;
      try {
        record = { manifest: await reread(home, id, entry), digest: entry.digest };
      } catch (thrown) {
        problems.push({ ...errorData(thrown), extension: id });
        continue;
      }
    }
    result.push({ ...record, dir: packageDir(home, record.digest), bundled: false });
  }
  if (rebuilt || records.length !== result.length) await writeIndex(home, result);
  return { records: result, problems };
}

async function reread(home: string, id: string, entry: LockEntry): Promise<Manifest> {
  const { parseManifest } = await import("@plinth/manifests/check/manifest.ts");
  const text = await readFile(join(packageDir(home, entry.digest), "plinth.json"), "utf8").catch(() => {
    throw errors.digest(id, "plinth.json is gone");
  });
  const manifest = parseManifest(text, id);
  if (manifest.id !== id) throw errors.digest(id, `plinth.json says ${manifest.id}`);
  return manifest;
}

export async function writeIndex(home: string, records: readonly CatalogRecord[]): Promise<void> {
  const kept = records.filter((one) => !one.bundled).map(({ manifest, digest }) => ({ manifest, digest }));
  await writeAtomic(indexFile(home), JSON.stringify({ index: 1, records: kept } satisfies IndexFile));
}

export async function readLock(home: string): Promise<Lockfile> {
  const text = await readFile(lockFile(home), "utf8").catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === "ENOENT") return "";
    throw thrown;
  });
  return parseLock(lockFile(home), text);
}

export const writeLock = (home: string, lock: Lockfile): Promise<void> => writeAtomic(lockFile(home), formatLock(lock), 0o644);
