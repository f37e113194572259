import { setTimeout as sleep } from "node:timers/promises";
import type { Provider, TranscriptEntry } from "@plinth/sdk";
import { bodyFor, parseBody, unreadable } from "./body.ts";
import type { EntryRow, SessionRow } from "./database.ts";
import { entryOf } from "./history.ts";
import type { Ledger } from "./ledger.ts";

type Follow = Required<Provider<"plinth.session-store">>["follow"];

const PAGE = 200;
/** How often another process's writes are looked for. This one's are told at once. */
const ELSEWHERE_MS = 250;

/** Entries in the order of their writing, from a cursor on, then as they come; as many watchers as there are. */
export async function* follow(
  ledger: Ledger,
  { key, after }: Parameters<Follow>[0],
  signal: AbortSignal,
): AsyncGenerator<{ key: string; entry: TranscriptEntry }> {
  const { db } = ledger;
  let seen = after ?? (db.get("last") as { seq: number }).seq;
  let told = Promise.withResolvers<void>();
  const wake = (): void => told.resolve();
  const stop = ledger.listen(wake);
  signal.addEventListener("abort", wake, { once: true });
  try {
    for (let version: unknown; !signal.aborted; ) {
      told = Promise.withResolvers<void>();
      const { rows, more } = read(ledger, key, seen);
      for (const row of rows) {
        seen = row.seq;
        yield { key: row.key, entry: entryOf(row, bodyFor(parseBody(row.body) ?? unreadable, undefined)) };
      }
      if (more) continue;
      version = db.get("version")?.data_version;
      while (!signal.aborted) {
        const waited = new AbortController();
        const tick = sleep(ELSEWHERE_MS, "tick", { signal: waited.signal, ref: false }).catch(() => "tick");
        const why = await Promise.race([told.promise, tick]);
        waited.abort();
        if (why !== "tick" || db.get("version")?.data_version !== version) break;
      }
    }
  } finally {
    stop();
    signal.removeEventListener("abort", wake);
  }
}

function read({ db }: Ledger, key: string | undefined, after: number): { rows: (EntryRow & { key: string })[]; more: boolean } {
  if (key === undefined) {
    const rows = db.all("after", after, PAGE) as unknown as (EntryRow & { key: string })[];
    return { rows, more: rows.length === PAGE };
  }
  const session: SessionRow | undefined = db.session(key);
  const rows = session === undefined ? [] : (db.all("written", session.id, after, PAGE) as unknown as EntryRow[]);
  return { rows: rows.map((row) => ({ ...row, key })), more: rows.length === PAGE };
}
