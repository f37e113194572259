import { setTimeout as sleep } from "node:timers/promises";
import { unknown } from "./errors.ts";
import type { Ledger } from "./ledger.ts";
import { type Input, type Task, type TaskRow, taskOf } from "./task.ts";
import { keyOf, nameFor, sees, type Viewer } from "./viewer.ts";

const PAGE = 100;
/** How often it is looked for what another process wrote and what expired. What this one writes is told at once. */
const ELSEWHERE_MS = 500;

/** The tasks of `ids` as they are, then each that changes, as a whole. */
export async function* follow(ledger: Ledger, { ids, sessionKey }: Input<"follow">, viewer: Viewer, signal: AbortSignal): AsyncGenerator<Task> {
  const { db } = ledger;
  await ledger.settle();
  const wanted = ids === undefined ? undefined : new Set(ids.map((id) => keyOf(id, viewer)));
  const isAsked = (row: TaskRow) => sees(row, viewer) && (wanted?.has(row.id) ?? true) && (sessionKey === undefined || row.session === sessionKey);
  let seen = Number(db.get("SELECT changed FROM clock")?.changed ?? 0);
  for (const id of wanted ?? []) {
    const row = db.get("SELECT * FROM tasks WHERE id = ?", id) as TaskRow | undefined;
    if (row === undefined || !sees(row, viewer)) throw unknown(nameFor(viewer)(id));
    yield taskOf(row, nameFor(viewer));
  }
  let told = Promise.withResolvers<void>();
  const wake = (): void => told.resolve();
  const stop = ledger.listen(wake);
  signal.addEventListener("abort", wake, { once: true });
  try {
    while (!signal.aborted) {
      told = Promise.withResolvers<void>();
      const rows = db.all("SELECT * FROM tasks WHERE changed > ? ORDER BY changed LIMIT ?", seen, PAGE) as unknown as TaskRow[];
      for (const row of rows) {
        seen = row.changed;
        if (isAsked(row)) yield taskOf(row, nameFor(viewer));
      }
      if (rows.length === PAGE) continue;
      const waited = new AbortController();
      await Promise.race([told.promise, sleep(ELSEWHERE_MS, undefined, { signal: waited.signal, ref: false }).catch(() => {})]);
      waited.abort();
      if (!signal.aborted) await ledger.settle();
    }
  } finally {
    stop();
    signal.removeEventListener("abort", wake);
  }
}
