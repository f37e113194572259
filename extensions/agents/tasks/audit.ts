import { PlinthError } from "@plinth/sdk";
import type { Ledger } from "./ledger.ts";
import type { Input, TaskRow } from "./task.ts";
import { nameFor, sees, type Viewer } from "./viewer.ts";

export interface Finding {
  readonly code: string;
  readonly severity: "warning" | "error";
  readonly task: string;
  readonly message: string;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const MOST = 1_000;
const LIVE = "ended IS NULL";

interface Check {
  readonly code: string;
  readonly severity: Finding["severity"];
  /** Of rows; `?` are numbers of `values`. */
  readonly where: string;
  readonly values: (now: number, keepDays: number) => number[];
  readonly message: string;
}

const CHECKS: readonly Check[] = [
  {
    ...{ code: "stale_queued", severity: "warning", where: `${LIVE} AND status = 'queued' AND updated < ?` },
    ...{ values: (now) => [now - 10 * MINUTE_MS], message: "It waits for more than ten minutes to begin." },
  },
  {
    ...{ code: "stale_running", severity: "error", where: `${LIVE} AND status = 'running' AND updated < ?` },
    ...{ values: (now) => [now - 30 * MINUTE_MS], message: "It is held, and nothing was heard of it for more than half an hour." },
  },
  {
    ...{ code: "cancel_stuck", severity: "error", where: `${LIVE} AND cancel IS NOT NULL AND json_extract(cancel, '$.at') < ?` },
    ...{ values: (now) => [now - 5 * MINUTE_MS], message: "It was to be cancelled more than five minutes ago, and goes on." },
  },
  {
    ...{ code: "lost", severity: "error", where: "status = 'lost'", values: () => [] },
    message: "Whoever ran it ended without a word: what came of it is not known.",
  },
  {
    ...{ code: "delivery_failed", severity: "warning", where: "delivery = 'failed'", values: () => [] },
    message: "Whoever waits for it could not be told.",
  },
  {
    ...{ code: "delivery_unknown", severity: "warning", where: "delivery = 'unknown'", values: () => [] },
    message: "Nobody knows whether whoever waits for it was told; it is not told again.",
  },
  {
    ...{ code: "missing_cleanup", severity: "warning", where: "ended < ?", values: (now, keepDays) => [now - (keepDays + 1) * DAY_MS] },
    message: "It is older than what is kept. It goes when the next tasks are noted.",
  },
  {
    ...{ code: "inconsistent_timestamps", severity: "warning", where: "updated < created OR ended < created OR created > ?" },
    ...{ values: (now) => [now + MINUTE_MS], message: "Its times contradict each other: the machine's clock was changed." },
  },
];

/** What is wrong in the ledger, the gravest first; for whoever sees the tasks. */
export async function audit(ledger: Ledger, keepDays: number, viewer: Viewer): Promise<{ findings: Finding[] }> {
  await ledger.settle();
  const now = ledger.now();
  const name = nameFor(viewer);
  const findings = CHECKS.flatMap(({ code, severity, where, values, message }) => {
    const sql = `SELECT * FROM tasks WHERE (${where}) ORDER BY changed DESC LIMIT ${MOST}`;
    const rows = ledger.db.all(sql, ...values(now, keepDays)) as unknown as TaskRow[];
    return rows.filter((row) => sees(row, viewer)).map((row) => ({ code, severity, task: name(row.id), message }));
  });
  return { findings: findings.sort((a, b) => a.severity.localeCompare(b.severity)) };
}

/** Whoever says in words that something is to be cancelled has to have said so: nobody else had a hand in it. */
export async function cancelByWord(ledger: Ledger, input: Input<"cancel">, viewer: Viewer): Promise<{ asked: boolean }> {
  const [influence] = viewer.origin?.influences ?? [];
  // A guest has a hand in its own work, whatever it asks for; it reaches no more than its own tasks.
  if (influence !== undefined && viewer.guest === undefined) {
    throw new PlinthError(
      "PLINTH_PERMISSION",
      `${influence.party} had a hand in this (${influence.how}), so it does not count as the owner's word.`,
      {
        extension: "plinth.tasks",
        next: `The owner can do it in a shell: plinth tasks cancel ${input.id}`,
      },
    );
  }
  return ledger.cancel(input, viewer);
}
