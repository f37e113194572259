import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { PackageIndex, RegistryRoot, SearchIndex } from "@plinth/manifests";
import { prettyJson } from "@plinth/manifests/canonical-json.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import semver from "semver";
import { indexPath, ROOT_FILE, SEARCH_FILE } from "./layout.ts";
import { writePublic } from "./public-file.ts";
import { type DocumentKind, documentProblems, problemLine } from "./schemas.ts";
import type { SearchRow } from "./search.ts";
import { reason, systemCode } from "./system-error.ts";

/** A registry's documents in a folder, for whoever holds its lock. */
export class RegistryFolder {
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
  }

  async root(name = basename(this.dir)): Promise<RegistryRoot> {
    return (await this.#read<RegistryRoot>("RegistryRoot", ROOT_FILE)) ?? { registry: 1, name, keys: {} };
  }

  async index(id: string): Promise<PackageIndex> {
    return (await this.#read<PackageIndex>("PackageIndex", indexPath(id))) ?? { id, versions: [], tags: {} };
  }

  async writeRoot(root: RegistryRoot): Promise<void> {
    await writePublic(join(this.dir, ROOT_FILE), await rootText(root));
  }

  /** The index, sorted and tagged, and after it the search row that follows from it. */
  async writeIndex(index: PackageIndex, searchRow = true): Promise<PackageIndex> {
    const complete = await completeIndex(index);
    await writePublic(join(this.dir, indexPath(index.id)), prettyJson(complete));
    if (searchRow) await this.updateSearch(new Map([[index.id, searchRowOf(complete)]]));
    return complete;
  }

  /** Put rows into search.json in place of those of the same packages; undefined takes one out. */
  async updateSearch(changed: ReadonlyMap<string, SearchRow | undefined>): Promise<void> {
    const search = (await this.#read<SearchIndex>("SearchIndex", SEARCH_FILE)) ?? { packages: [] };
    const rows = [...changed.values()].filter((row) => row !== undefined);
    await this.writeSearch([...search.packages.filter(({ id }) => !changed.has(id)), ...rows]);
  }

  async writeSearch(rows: readonly SearchRow[]): Promise<void> {
    const packages = [...rows].sort((a, b) => (a.id < b.id ? -1 : 1));
    await writePublic(join(this.dir, SEARCH_FILE), prettyJson({ packages }));
  }

  async #read<T>(kind: DocumentKind, path: string): Promise<T | undefined> {
    let value: unknown;
    try {
      value = JSON.parse(await readFile(join(this.dir, path), "utf8"));
    } catch (error) {
      if (systemCode(error) === "ENOENT") return undefined;
      throw damaged(path, reason(error));
    }
    const [problem] = await documentProblems(kind, value);
    if (problem !== undefined) throw damaged(path, problemLine(problem));
    return value as T;
  }
}

/** Sorted and tagged. @throws PLINTH_DOCUMENT_INVALID. */
export async function completeIndex({ id, versions: given }: Pick<PackageIndex, "id" | "versions">): Promise<PackageIndex> {
  const versions = [...given].sort((a, b) => semver.compareBuild(a.version, b.version));
  const complete: PackageIndex = { id, versions, tags: tagsOf(versions) };
  await assertFits("PackageIndex", indexPath(id), complete);
  return complete;
}

/** `registry.json`. @throws PLINTH_DOCUMENT_INVALID. */
export async function rootText(root: RegistryRoot): Promise<string> {
  const sorted = { ...root, keys: sortedByKey(root.keys) };
  await assertFits("RegistryRoot", ROOT_FILE, sorted);
  return prettyJson(sorted);
}

/** What readers would refuse is not written. */
async function assertFits(kind: DocumentKind, path: string, value: unknown): Promise<void> {
  const [problem] = await documentProblems(kind, value);
  if (problem === undefined) return;
  throw new PlinthError("PLINTH_DOCUMENT_INVALID", `The registry's ${path} would not be valid: ${problemLine(problem)}.`, {
    next: "Change what is asked for; nothing was changed.",
  });
}

/** `latest` is the highest version that is neither yanked nor a prerelease; each prerelease channel has its highest. */
function tagsOf(versions: PackageIndex["versions"]): PackageIndex["tags"] {
  const tags: PackageIndex["tags"] = {};
  for (const { version, yanked } of versions) {
    if (yanked !== undefined) continue;
    const [channel] = semver.prerelease(version) ?? ["latest"];
    tags[typeof channel === "string" ? channel : "next"] = version;
  }
  return sortedByKey(tags);
}

/** undefined: no version is offered any more. */
export function searchRowOf({ id, versions, tags }: PackageIndex): SearchRow | undefined {
  const offered = versions.filter(({ yanked }) => yanked === undefined);
  const best = offered.find(({ version }) => version === tags.latest) ?? offered.at(-1);
  if (best === undefined) return undefined;
  const { title, description, provides = [] } = best.manifest;
  const words = [...new Set(provides.map((provide) => provide.id))].sort();
  return { id, version: best.version, title, description, ...(words.length > 0 ? { words } : {}) };
}

const sortedByKey = <T>(record: Record<string, T>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

function damaged(path: string, why: string): PlinthError {
  return new PlinthError("PLINTH_REGISTRY_INVALID", `The registry's ${path} is damaged: ${why}.`, {
    next: "Restore it from a backup; nothing was changed.",
  });
}
