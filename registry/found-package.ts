import type { PackageIndex } from "@plinth/manifests";
import semver from "semver";
import type { Documents } from "./documents.ts";
import { indexPath, isPackageId } from "./layout.ts";
import { searchRowOf } from "./registry-folder.ts";
import { type SearchRow, searchRows } from "./search.ts";
import type { TrustedView } from "./trust/trusted-view.ts";

export interface PackageHit {
  id: string;
  version: string;
  /** Empty where nobody has signed it: free text of strangers is no name. */
  title: string;
  description: string;
  /** Name of the registry. */
  source: string;
  /** false: the registry says so, and nothing signed does. It must not become a button, a command or a name. */
  proven: boolean;
}

interface Search {
  /** search.json as it came. */
  rows: readonly SearchRow[];
  query: string;
  limit: number;
  source: string;
  isOwn: boolean;
  /** The registry's signed state; undefined: it signs nothing. */
  view: TrustedView | undefined;
  documents: Documents;
  signal?: AbortSignal;
}

/** A longer index is not read for the sake of a list: its package is named, without words. */
const MAX_INDEX_BYTES = 512 * 1024;
const AT_ONCE = 6;

/**
 * search.json is signed by nobody. In a registry that signs its state it only says where to look: a hit has the words that
 * stand below the signed snapshot, and what is not there is no hit. Of any other registry the ids are left.
 */
export async function findPackages({ rows, query, limit, source, isOwn, view, documents, signal }: Search): Promise<PackageHit[]> {
  const usable = rows.filter(({ id, version }) => isPackageId(id) && semver.valid(version) === version);
  const found = searchRows(usable, query, limit);
  if (isOwn && view === undefined) return found.map((row) => hitOf(row, source, true));
  if (view === undefined) return found.map((row) => hitOf(nameless(row), source, false));
  const checked: SearchRow[] = [];
  const unread: SearchRow[] = [];
  for (let at = 0; at < found.length; at += AT_ONCE) {
    const next = found.slice(at, at + AT_ONCE);
    const answers = await Promise.all(next.map((row) => signedIndex(row.id, view, documents, signal)));
    for (const [index, answer] of answers.entries()) {
      if (answer === "long") unread.push(nameless(next[index]!));
      const row = typeof answer === "object" ? searchRowOf(answer) : undefined;
      if (row !== undefined) checked.push(row);
    }
  }
  const hits = searchRows(checked, query, limit).map((row) => hitOf(row, source, true));
  return [...hits, ...unread.map((row) => hitOf(row, source, false))];
}

async function signedIndex(id: string, view: TrustedView, documents: Documents, signal?: AbortSignal): Promise<PackageIndex | "long" | undefined> {
  return view.consistently(async () => {
    const leaf = await view.leaf(indexPath(id), signal);
    if (leaf === undefined) return undefined;
    return leaf.length > MAX_INDEX_BYTES ? "long" : documents.index(id, signal, leaf);
  }, signal);
}

const nameless = ({ id, version }: SearchRow): SearchRow => ({ id, version, title: "", description: "" });

function hitOf({ id, version, title, description }: SearchRow, source: string, proven: boolean): PackageHit {
  return { id, version, title, description, source, proven };
}
