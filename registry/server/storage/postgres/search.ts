import { foundOf, type Indexed, queryWords, wordsOf } from "../rows.ts";
import type { FoundPackage, SearchQuery } from "../types.ts";
import type { Database } from "./connection.ts";

const MAX_RANKED = 10_000;
/** How much a match counts: description, what it provides and publisher, title, name; SQLite's weights in parts of the greatest. */
const WEIGHTS = "{0.08, 0.4, 0.67, 1}";
const MAX_POSITION = 16_383;
const SHOWN = "p.id, p.version, p.title, p.description, p.updated_at, p.downloads, p.contracts, p.permissions";

export function facetOf(kind: "contract" | "permission", value: string): string {
  return `${kind}:${value}`;
}

/**
 * What a package is found by, as the text of a tsvector. Words are cut here and not by Postgres, whose parser knows other
 * letters in each locale: both sides of a match, and both databases, cut alike.
 */
export function searchVector({ name, publisher, provides }: Indexed, manifest: { title: string; description: string }): string {
  let position = 0;
  const columns = [
    [name, "A"],
    [manifest.title, "B"],
    [`${provides} ${publisher}`, "C"],
    [manifest.description, "D"],
  ] as const;
  return columns
    .flatMap(([text, weight]) =>
      wordsOf(plain(text)).map((word) => {
        position = Math.min(position + 1, MAX_POSITION);
        return `'${word}':${position}${weight}`;
      }),
    )
    .join(" ");
}

export async function search(query: Database["query"], wanted: SearchQuery): Promise<{ total: number; packages: FoundPackage[] }> {
  const words = queryWords(plain(wanted.text));
  if (words.length === 0 && wanted.text.trim() !== "") return { total: 0, packages: [] };
  const values: unknown[] = [];
  const value = (one: unknown): string => `$${values.push(one)}`;
  const where: string[] = [];
  if (wanted.publisher !== undefined) where.push(`p.publisher = ${value(wanted.publisher)}`);
  for (const kind of ["contract", "permission"] as const) {
    const one = wanted[kind];
    if (one !== undefined) where.push(`p.facets @> array[${value(facetOf(kind, one))}]::text[]`);
  }
  const ranked = words.length > 0;
  // Nothing but letters and digits is in a word, and it stands in quotation marks.
  const match = ranked ? `${value(words.map((word) => `'${word}':*`).join(" & "))}::tsquery` : "";
  if (ranked) where.push(`p.words @@ ${match}`);
  const condition = where.length === 0 ? "" : `where ${where.join(" and ")}`;
  // What so many packages have in common distinguishes none: the first of them are ranked, so that no query costs without bound.
  const found = ranked
    ? `select ${SHOWN}, ${scoreOf(match, value(wanted.text.trim().toLowerCase()))} as score from packages p ${condition} limit ${MAX_RANKED}`
    : `select ${SHOWN}, 0 as score from packages p ${condition}`;
  const { rows } = await query(
    `with found as ${ranked ? "materialized" : "not materialized"} (${found})
     select counted.total, page.* from (select count(*) as total from found) counted
     left join (select *, row_number() over (order by score desc, downloads desc, id) as place from found
       order by score desc, downloads desc, id limit ${value(wanted.limit)} offset ${value(wanted.offset)}) page on true
     order by page.place`,
    values,
  );
  return { total: Number(rows[0]!.total), packages: rows.filter(({ id }) => id !== null).map(foundOf) };
}

/** A name that is the word itself comes first; being used much helps among equals. */
function scoreOf(match: string, exact: string): string {
  const rank = `ts_rank('${WEIGHTS}', p.words, ${match}, 1) * (1 + 0.1 * ln(1 + p.downloads))`;
  return `${rank} + case when p.id = ${exact} or substr(p.id, strpos(p.id, '.') + 1) = ${exact} then 100 else 0 end`;
}

/** Without accents, as SQLite's index has them too. */
function plain(text: string): string {
  return text
    .normalize("NFD")
    .replace(/[\u0300-\u036f]/g, "")
    .normalize("NFC");
}
