import { indexedOf } from "../rows.ts";
import type { ListedPackage, PackageStore } from "../types.ts";
import type { Database } from "./connection.ts";
import { holdCounts } from "./downloads.ts";
import { facetOf, search, searchVector } from "./search.ts";

const COLUMNS = ["id", "publisher", "skeleton", "version", "title", "description", "updated_at", "contracts", "permissions", "readme"];
/** Postgres takes lists of lists only when all are of one length: facets come as text and are cut there. */
const ALL = [...COLUMNS, "facets", "words"];

const PUT = `
  insert into packages (${COLUMNS.join(", ")}, facets, words, downloads)
  select ${COLUMNS.map((name) => `new.${name}`).join(", ")}, string_to_array(new.facets, ' '), new.words::tsvector,
    coalesce((select sum(d.count) from downloads d where d.id = new.id), 0)
  from unnest(${ALL.map((_, index) => `$${index + 1}::text[]`).join(", ")}) as new (${ALL.join(", ")})
  on conflict (id) do update set ${[...ALL, "downloads"]
    .filter((name) => !["id", "publisher", "skeleton"].includes(name))
    .map((name) => `${name} = excluded.${name}`)
    .join(", ")}`;

/** Packages and their full-text index, which is a column of theirs. */
export function packageStore({ query, transaction }: Database): PackageStore {
  return {
    async put(listed) {
      // One statement may write a row once; the last one counts.
      const rows = [...new Map(listed.map((one) => [one.id, one])).values()].map(rowOf);
      if (rows.length === 0) return;
      await transaction(async (query) => {
        await holdCounts(query);
        await query(
          PUT,
          ALL.map((_, index) => rows.map((row) => row[index])),
        );
      });
    },
    async remove(id) {
      await query("delete from packages where id = $1", [id]);
    },
    async clear() {
      await query("delete from packages");
    },
    search: (wanted) => search(query, wanted),
    async readme(id) {
      const [row] = (await query("select readme from packages where id = $1", [id])).rows;
      return row === undefined ? undefined : String(row.readme);
    },
    async bySkeleton(skeleton) {
      return (await query("select id from packages where skeleton = $1 order by id", [skeleton])).rows.map(({ id }) => String(id));
    },
    async popular(downloads, limit) {
      const { rows } = await query("select id from packages where downloads >= $1 order by downloads desc, id limit $2", [downloads, limit]);
      return rows.map(({ id }) => String(id));
    },
    count: async () => Number((await query("select count(*) as count from packages")).rows[0]!.count),
  };
}

function rowOf(listed: ListedPackage): string[] {
  const { id, skeleton, version, manifest, updatedAt, readme } = listed;
  const indexed = indexedOf(listed);
  const { publisher, contracts, permissions } = indexed;
  const facets = [
    ...contracts.map((contract) => facetOf("contract", contract)),
    ...(permissions.length === 0 ? ["none"] : permissions).map((kind) => facetOf("permission", kind)),
  ];
  return [
    id,
    publisher,
    skeleton,
    version,
    manifest.title,
    manifest.description,
    updatedAt,
    contracts.join(" "),
    permissions.join(" "),
    readme,
    facets.join(" "),
    searchVector(indexed, manifest),
  ];
}
