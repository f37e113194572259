import { setImmediate as breathe } from "node:timers/promises";
import { type Body, closings, follow, type OpenCalls, parseBody } from "./body.ts";
import type { Database, SessionRow } from "./database.ts";
import type { Owner } from "./owner.ts";

const BATCH = 50;
const PAGE = 64;
const interrupted = "interrupted: the host stopped before this tool gave a result. It may have had its effect.";

/** End every run whose process is gone: its open calls get error results, then it ends as interrupted. */
export async function recover(db: Database, owner: Owner, insert: (row: SessionRow, bodies: Body[]) => void): Promise<void> {
  const alive = new Map<string, boolean>();
  let after = 0;
  for (;;) {
    const rows = db.all("claimed", owner.id, after, BATCH) as unknown as SessionRow[];
    const dead = rows.filter(({ owner: id }) => {
      if (!alive.has(id!)) alive.set(id!, owner.alive(id!));
      return !alive.get(id!);
    });
    if (dead.length > 0) {
      await db.write(() => {
        for (const { key, owner: id } of dead) {
          // Another process may have recovered it in the meantime.
          const row = db.session(key);
          if (row?.owner === id && row.running !== null) {
            insert(row, [...closings(openCallsOf(db, row), interrupted), { kind: "run-end", status: "interrupted" }]);
          }
        }
      });
    }
    if (rows.length < BATCH) return;
    after = rows.at(-1)!.id;
    await breathe();
  }
}

/** What the run that holds the session has called without a result, read from the transcript. */
export function openCallsOf(db: Database, row: SessionRow): OpenCalls {
  const bodies: Body[] = [];
  let next = row.head;
  walk: while (next !== null) {
    const rows = db.walk(next, PAGE);
    for (const { run, body } of rows) {
      if (run !== null && run !== row.running) break walk;
      const parsed = run === null ? undefined : parseBody(body);
      if (parsed === undefined) continue;
      bodies.push(parsed);
      // The user's message is a run's first entry.
      if (parsed.kind === "message" && parsed.message.role === "user") break walk;
    }
    next = rows.at(-1)?.parent ?? null;
  }
  const open: OpenCalls = new Map();
  for (const body of bodies.reverse()) follow(open, body);
  return open;
}
