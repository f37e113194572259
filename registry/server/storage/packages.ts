import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { transaction } from "./database.ts";
import { foundOf, indexedOf, queryWords } from "./rows.ts";
import type { FoundPackage, ListedPackage, PackageStore, SearchQuery } from "./types.ts";

const MAX_RANKED = 10_000;
/** How much a match counts by column: name, publisher, title, provides, description. */
const WEIGHTS = "12.0, 3.0, 8.0, 6.0, 1.0";

/** Packages and their full-text index. */
export function packageStore(database: DatabaseSync): PackageStore {
  const upsert = database.prepare(
    `insert into packages (id, publisher, skeleton, version, title, description, updated_at, contracts, permissions, readme)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     on conflict (id) do update set version = excluded.version, title = excluded.title, description = excluded.description,
       updated_at = excluded.updated_at, contracts = excluded.contracts, permissions = excluded.permissions, readme = excluded.readme`,
  );
  const numberOf = database.prepare("select number from packages where id = ?");
  const dropWords = database.prepare("delete from words where rowid = ?");
  const dropFacets = database.prepare("delete from facets where package = ?");
  const drop = database.prepare("delete from packages where number = ?");
  const addWords = database.prepare("insert into words (rowid, name, publisher, title, provides, description) values (?, ?, ?, ?, ?, ?)");
  const addFacet = database.prepare("insert or ignore into facets (kind, value, package) values (?, ?, ?)");
  // The full-text index leaves the connection with a last row's number that no JavaScript number holds, at which every
  // later `run` would fail. Its own statements are not run with `run`, and a row of a small number follows them.
  const settle = database.prepare("insert or replace into settled (number) values (1)");
  const rewordTo = (number: number, columns?: string[]): void => {
    dropWords.all(number);
    if (columns !== undefined) addWords.all(number, ...columns);
    settle.all();
  };
  const counted = database.prepare("update packages set downloads = (select coalesce(sum(count), 0) from downloads where id = ?1) where id = ?1");
  const readme = database.prepare("select readme from packages where id = ?");
  const alike = database.prepare("select id from packages where skeleton = ?");
  const popular = database.prepare("select id from packages where downloads >= ? order by downloads desc, id limit ?");
  const count = database.prepare("select count(*) as count from packages");

  const put = (listed: ListedPackage): void => {
    const { id, manifest } = listed;
    const { publisher, name, contracts, permissions, provides } = indexedOf(listed);
    upsert.run(
      id,
      publisher,
      listed.skeleton,
      listed.version,
      manifest.title,
      manifest.description,
      listed.updatedAt,
      contracts.join(" "),
      permissions.join(" "),
      listed.readme,
    );
    const number = numberOf.get(id)!.number as number;
    rewordTo(number, [name, publisher, manifest.title, provides, manifest.description]);
    dropFacets.run(number);
    for (const contract of contracts) addFacet.run("contract", contract, number);
    for (const kind of permissions.length === 0 ? ["none"] : permissions) addFacet.run("permission", kind, number);
    counted.run(id);
  };

  return {
    async put(listed) {
      transaction(database, () => {
        for (const one of listed) put(one);
      });
    },
    async remove(id) {
      transaction(database, () => {
        const number = numberOf.get(id)?.number as number | undefined;
        if (number === undefined) return;
        rewordTo(number);
        dropFacets.run(number);
        drop.run(number);
      });
    },
    async clear() {
      transaction(database, () => {
        database.exec("delete from words; delete from facets; delete from packages;");
        settle.all();
      });
    },
    search: async (query) => search(database, query),
    async readme(id) {
      const row = readme.get(id);
      return row === undefined ? undefined : String(row.readme);
    },
    bySkeleton: async (skeleton) => alike.all(skeleton).map(({ id }) => String(id)),
    popular: async (downloads, limit) => popular.all(downloads, limit).map(({ id }) => String(id)),
    count: async () => Number(count.get()!.count),
  };
}

function search(database: DatabaseSync, query: SearchQuery): { total: number; packages: FoundPackage[] } {
  const words = queryWords(query.text);
  if (words.length === 0 && query.text.trim() !== "") return { total: 0, packages: [] };
  const ranked = words.length > 0;
  const { condition, values } = filtersOf(query);
  // What so many packages have in common distinguishes none: the first of them are ranked, so that no query costs without bound.
  const found = ranked
    ? `with found as materialized (select rowid as number, bm25(words, ${WEIGHTS}) as score from words where words match ? limit ${MAX_RANKED})`
    : "";
  const from = `from ${ranked ? "found join packages p on p.number = found.number" : "packages p"} ${condition}`;
  const first: SQLInputValue[] = ranked ? [words.map((word) => `"${word}" *`).join(" ")] : [];
  // bm25 is better the smaller it is. A name that is the word itself comes first; being used much helps among equals.
  const score = `found.score * (1 + 0.1 * ln(1 + p.downloads)) - 100 * (p.id = ? or substr(p.id, instr(p.id, '.') + 1) = ?)`;
  const exact = query.text.trim().toLowerCase();
  const page = database
    .prepare(`${found} select p.number ${from} order by ${ranked ? `${score}, ` : ""}p.downloads desc, p.id limit ? offset ?`)
    .all(...first, ...values, ...(ranked ? [exact, exact] : []), query.limit, query.offset);
  const counted = found.replace(`bm25(words, ${WEIGHTS})`, "0");
  const total = Number(database.prepare(`${counted} select count(*) as count ${from}`).get(...first, ...values)!.count);
  const one = database.prepare("select * from packages where number = ?");
  return { total, packages: page.map(({ number }) => foundOf(one.get(number!)!)) };
}

function filtersOf(query: SearchQuery): { condition: string; values: SQLInputValue[] } {
  const where: string[] = [];
  const values: SQLInputValue[] = [];
  if (query.publisher !== undefined) {
    where.push("p.publisher = ?");
    values.push(query.publisher);
  }
  for (const kind of ["contract", "permission"] as const) {
    const value = query[kind];
    if (value === undefined) continue;
    where.push("exists (select 1 from facets f where f.kind = ? and f.value = ? and f.package = p.number)");
    values.push(kind, value);
  }
  return { condition: where.length > 0 ? `where ${where.join(" and ")}` : "", values };
}
