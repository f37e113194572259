import { setImmediate as breathe } from "node:timers/promises";
import type { TranscriptEntry } from "@plinth/sdk";
import { parseBody, unreadable } from "./body.ts";
import type { Database } from "./database.ts";
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
    for (const { id, parent, run, at, body, origin: noted } of rows) {
      const parsed = parseBody(body);
      if (parsed === undefined) damaged(id);
      const origin = parseOrigin(noted);
      const facts = { ...(run === null ? {} : { runId: run }), ...(origin === undefined ? {} : { origin }) };
      entries.push({ id, parent, at, ...facts, body: parsed ?? unreadable });
      sizes.push(body.length);
    }
    next = rows.at(-1)?.parent ?? null;
    if (performance.now() - slice > SLICE_MS) {
      await breathe();
      slice = performance.now();
    }
  }
  return { entries: entries.reverse(), sizes: sizes.reverse() };
}
