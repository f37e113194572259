import type { Body } from "./body.ts";

/**
 * The same body where the entries that it names are called otherwise: in another session a summary stands for that
 * session's entries.
 *
 * @param idOf undefined: it keeps its name, because it is not there.
 */
export function referringTo(body: Body, idOf: (id: string) => string | undefined): Body {
  const other = (id: string): string => idOf(id) ?? id;
  switch (body.kind) {
    case "compaction":
      return body.firstKept === null ? body : { ...body, firstKept: other(body.firstKept) };
    case "repair": {
      const entries = body.entries.map((one) => ({ ...one, entry: other(one.entry) }));
      return { ...body, entries, ...(body.undoes === undefined ? {} : { undoes: other(body.undoes) }) };
    }
    case "label":
      return { ...body, entry: other(body.entry) };
    case "delivery":
      return body.entry === undefined ? body : { ...body, entry: other(body.entry) };
    case "reset":
      return body.from === undefined ? body : { ...body, from: other(body.from) };
    default:
      return body;
  }
}
