import { createHash } from "node:crypto";
import type { PackageIndex, PackageVersion, RegistryRoot, SearchIndex } from "@plinth/manifests";
import { nearNames } from "@plinth/manifests/near-names.ts";
import semver from "semver";
import { isPackageId, isSafePath } from "../layout.ts";
import { type DocumentKind, documentProblems, problemLine } from "../schemas.ts";
import { searchRows } from "../search.ts";
import type { PublicKey } from "../signing.ts";

/** A document as it came; the bytes are shared, not copied. */
export interface Source {
  kind: DocumentKind;
  bytes: Uint8Array;
  /** Of a package: whose index it has to be, and whose manifests are in it. */
  id?: string | undefined;
}

/** Either all of it, or what is left of an index without its versions, which are fetched in portions. */
export type Parsed = { problem: string } | { value: unknown } | { head: Omit<PackageIndex, "versions">; count: number };

export interface Portion {
  items: PackageVersion[];
  next: number;
}

/** Of one portion, as JSON: what the other thread takes in at once without anybody noticing. */
const PORTION_BYTES = 96 * 1024;
/** A manifest beyond this is refused at installation anyway. */
const MAX_ENTRY_BYTES = 576 * 1024;
const MAX_KEPT_BYTES = 48 * 1_048_576;

interface Kept {
  value: unknown;
  bytes: number;
  /** Bytes of each version as JSON, worked out once. */
  sizes?: number[];
}

const kept = new Map<string, Kept>();

/** Parse and check a document. What is wrong with it is told; only what is right is kept for further questions. */
export async function readDocument(source: Source): Promise<Parsed> {
  const found = await open(source);
  if ("problem" in found) return found;
  if (source.kind !== "PackageIndex") return { value: found.value };
  const { versions, ...head } = found.value as PackageIndex;
  return { head, count: versions.length };
}

/** Whether a document is what it should be; it stays here for further questions. */
export async function checkDocument(source: Source): Promise<{ problem?: string }> {
  const found = await open(source);
  return "problem" in found ? { problem: found.problem } : {};
}

/** Versions of an index from a place on, lowest first, as many as are taken in at once. */
export async function readVersions({ from, ...source }: Source & { from: number }): Promise<Portion> {
  const found = await opened(source);
  const { versions } = found.value as PackageIndex;
  const items: PackageVersion[] = [];
  for (let bytes = 0; from + items.length < versions.length; ) {
    const at = from + items.length;
    bytes += found.sizes?.[at] ?? 0;
    if (items.length > 0 && bytes > PORTION_BYTES) break;
    items.push(versions[at] as PackageVersion);
  }
  return { items, next: from + items.length };
}

/** Places of the newest versions that fit a range: `offered` is not withdrawn. */
export async function fittingVersions({ range, prerelease, ...source }: Source & { range: string; prerelease: boolean }): Promise<{
  offered: number | undefined;
  withdrawn: number | undefined;
}> {
  const { versions } = (await opened(source)).value as PackageIndex;
  const wanted = new semver.Range(range);
  let [offered, withdrawn]: [number | undefined, number | undefined] = [undefined, undefined];
  // They are in order: the last one that fits is the newest.
  for (let at = versions.length - 1; at >= 0 && offered === undefined; at--) {
    const { version, yanked } = versions[at] as PackageVersion;
    if (!semver.satisfies(version, wanted, { includePrerelease: prerelease })) continue;
    if (yanked === undefined) offered = at;
    else withdrawn ??= at;
  }
  return { offered, withdrawn };
}

/** Rows of search.json in which each word of a query occurs, best first. */
export async function searchDocument({ query, limit, ...source }: Source & { query: string; limit: number }): Promise<SearchIndex["packages"]> {
  const { packages } = (await opened(source)).value as SearchIndex;
  return searchRows(
    packages.filter(({ id, version }) => isPackageId(id) && semver.valid(version) === version),
    query,
    limit,
  );
}

/** Ids in search.json that are near to one that is not there. */
export async function nearInDocument({ id, ...source }: Source & { id: string }): Promise<string[]> {
  const { packages } = (await opened(source)).value as SearchIndex;
  return nearNames(
    id,
    packages.map((row) => row.id),
  );
}

/** The keys that registry.json names for a publisher. */
export async function keysInRoot({ publisher, ...source }: Source & { publisher: string }): Promise<PublicKey[]> {
  const { keys } = (await opened(source)).value as RegistryRoot;
  return Object.hasOwn(keys, publisher) ? (keys[publisher] as PublicKey[]) : [];
}

/** All of a package's index; for other tasks of this thread. */
export async function indexOf(bytes: Uint8Array, id: string): Promise<PackageIndex> {
  return (await opened({ kind: "PackageIndex", bytes, id })).value as PackageIndex;
}

async function opened(source: Source): Promise<Kept> {
  const found = await open(source);
  // It was found good before: the thread was ended since, and reads it anew.
  if ("problem" in found) throw new Error(found.problem);
  return found;
}

async function open({ kind, bytes, id = "" }: Source): Promise<Kept | { problem: string }> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const name = `${kind} ${id} ${createHash("sha256").update(text).digest("hex")}`;
  const known = kept.get(name);
  if (known !== undefined) return known;
  const found = await parse(kind, text, id);
  if ("problem" in found) return found;
  const one: Kept = { ...found, bytes: text.length };
  let total = [...kept.values()].reduce((sum, other) => sum + other.bytes, one.bytes);
  for (const [oldest, other] of kept) {
    if (total <= MAX_KEPT_BYTES) break;
    kept.delete(oldest);
    total -= other.bytes;
  }
  if (text.length > PORTION_BYTES || kind === "PackageIndex") kept.set(name, one);
  return one;
}

async function parse(kind: DocumentKind, text: Buffer, id: string): Promise<{ value: unknown; sizes?: number[] } | { problem: string }> {
  let value: unknown;
  try {
    value = JSON.parse(text.toString("utf8"));
  } catch {
    return { problem: "it is not JSON" };
  }
  const [problem] = await documentProblems(kind, value);
  if (problem !== undefined) return { problem: problemLine(problem) };
  return kind === "PackageIndex" ? inOrder(value as PackageIndex, id) : { value };
}

/** What a schema cannot say of an index, and its versions lowest first. */
function inOrder(index: PackageIndex, id: string): { value: PackageIndex; sizes: number[] } | { problem: string } {
  if (id !== "" && index.id !== id) return { problem: `it is about ${index.id}` };
  const seen = new Set<string>();
  const parsed = new Map<string, semver.SemVer>();
  for (const { version, manifest, tarball } of index.versions) {
    if (seen.has(version)) return { problem: `it has version ${version} twice` };
    seen.add(version);
    const exact = semver.parse(version);
    if (exact === null) return { problem: `its version ${version.slice(0, 80)} is none` };
    parsed.set(version, exact);
    if (id !== "" && (manifest.id !== id || manifest.version !== version))
      return { problem: `the manifest of version ${version} is another package's` };
    if (!isSafePath(tarball)) return { problem: `the tarball's path of version ${version} leaves the registry` };
  }
  const order = (version: string) => parsed.get(version) as semver.SemVer;
  const versions = [...index.versions].sort((a, b) => order(a.version).compare(order(b.version)) || order(a.version).compareBuild(order(b.version)));
  const sizes = versions.map((one) => JSON.stringify(one).length);
  const large = sizes.findIndex((size) => size > MAX_ENTRY_BYTES);
  if (large >= 0) return { problem: `version ${versions[large]?.version} says more than ${MAX_ENTRY_BYTES / 1024} KiB of itself` };
  return { value: { ...index, versions }, sizes };
}
