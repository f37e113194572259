import { setImmediate as breathe } from "node:timers/promises";
import type { TranscriptEntry } from "@plinth/sdk";
import { type Body, parseBody, unreadable } from "./body.ts";
import type { Database, EntryRow } from "./database.ts";
import { parseOrigin } from "./origin.ts";

const PAGE = 64;
const SLICE_MS = 4;

/** The last `limit` entries up to `head`, oldest first, read in slices so that no other session waits for a long one. */
export async function readHistory(
  db: Database,
  head: string,
  limit: number,
  damaged: (id: string) => void,
): Promise<{ entries: TranscriptEntry[]; sizes: number[] }> {
  const entries: TranscriptEntry[] = [];
  const sizes: number[] = [];
  let next: string | null = head;
  let slice = performance.now();
  while (next !== null && entries.length < limit) {
    const rows = db.walk(next, Math.min(PAGE, limit - entries.length));
    for (const row of rows) {
      const parsed = parseBody(row.body);
      if (parsed === undefined) damaged(row.id);
      entries.push(entryOf(row, parsed ?? unreadable));
      sizes.push(row.body.length);
    }
    next = rows.at(-1)?.parent ?? null;
    if (performance.now() - slice > SLICE_MS) {
      await breathe();
      slice = performance.now();
    }
  }
  return { entries: entries.reverse(), sizes: sizes.reverse() };
}

export function entryOf({ id, parent, seq, at, run, origin: noted }: EntryRow, body: Body): TranscriptEntry {
  const origin = parseOrigin(noted);
  return { id, parent, seq, at, ...(run === null ? {} : { runId: run }), ...(origin === undefined ? {} : { origin }), body };
}
