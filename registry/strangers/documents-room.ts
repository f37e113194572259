import type { PackageIndex, PackageVersion, SearchIndex } from "@plinth/manifests";
import { roomFor } from "@plinth/manifests/strangers/rooms.ts";
import type { DocumentKind } from "../schemas.ts";
import type { PublicKey } from "../signing.ts";
import type { Parsed, Portion } from "./document-tasks.ts";

/** A document of a registry as it came, and how to speak of it. */
export interface RawDocument {
  kind: DocumentKind;
  bytes: Uint8Array;
  path: string;
  /** The registry's name. */
  registry: string;
  /** Of a package: whose index it has to be. */
  id?: string | undefined;
}

/** What is asked about a document is answered in the thread for strangers' data. Each of these @throws PLINTH_DATA_*. */
function ask<T>(task: string, { kind, bytes, path, registry, id }: RawDocument, more: object, signal?: AbortSignal): Promise<T> {
  const about = `${path} of the registry ${registry}`;
  return roomFor("packages").run<T>({ task, input: { kind, bytes, id, ...more }, owner: registry, about, signal });
}

/** All of it, or what is wrong with it. What is long comes in portions, so that nobody waits for its arrival. */
export async function readDocument(document: RawDocument, signal?: AbortSignal): Promise<{ problem: string } | { value: unknown }> {
  const parsed = await ask<Parsed>("document", document, {}, signal);
  if (!("head" in parsed)) return parsed;
  const versions: PackageVersion[] = [];
  for (let from = 0; from < parsed.count; ) {
    const { items, next } = await ask<Portion>("versions", document, { from }, signal);
    for (const one of items) versions.push(one);
    from = next;
  }
  return { value: { ...parsed.head, versions } satisfies PackageIndex };
}

/** What is wrong with it, if anything is; nothing of it comes over. */
export async function checkDocument(document: RawDocument, signal?: AbortSignal): Promise<string | undefined> {
  return (await ask<{ problem?: string }>("check", document, {}, signal)).problem;
}

/** Places of the newest versions of an index that fit a range, among those on offer and among the withdrawn ones. */
export function fittingVersions(
  index: RawDocument,
  range: string,
  prerelease: boolean,
  signal?: AbortSignal,
): Promise<{ offered?: number; withdrawn?: number }> {
  return ask("fitting", index, { range, prerelease }, signal);
}

/** Rows of search.json in which each word of a query occurs, best first. */
export function matchingRows(search: RawDocument, query: string, limit: number, signal?: AbortSignal): Promise<SearchIndex["packages"]> {
  return ask("search", search, { query, limit }, signal);
}

/** Ids of search.json near to one that is not in it. */
export function nearIds(search: RawDocument, id: string, signal?: AbortSignal): Promise<string[]> {
  return ask("near", search, { id }, signal);
}

/** The keys that registry.json names for a publisher. */
export function publisherKeys(root: RawDocument, publisher: string, signal?: AbortSignal): Promise<PublicKey[]> {
  return ask("keys", root, { publisher }, signal);
}
