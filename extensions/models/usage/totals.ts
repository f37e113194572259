import { setImmediate as turn } from "node:timers/promises";
import type { UsageRow, UsageSum } from "@plinth/sdk";
import type { Row, SqliteFile } from "@plinth/sdk/kits/sqlite";

export interface Wanted {
  by: "model" | "agent" | "session" | "day" | "extension" | "all";
  since?: number;
  until?: number;
  sessionKey?: string;
  runId?: string;
  limit?: number;
}

const COLUMN: Readonly<Record<Wanted["by"], string>> = {
  model: "provider || '/' || model",
  agent: "COALESCE(agent, '')",
  session: "COALESCE(session, '')",
  day: "day",
  extension: "extension",
  all: "''",
};

/** Rows that are summed up before others have their turn. */
const AT_ONCE = 5_000;
const ROWS = 100;

/** Sums over what is on record, a piece at a time. */
export async function totals(
  db: SqliteFile,
  { by, since = 0, until = Number.MAX_SAFE_INTEGER, sessionKey, runId, limit = ROWS }: Wanted,
): Promise<{ rows: UsageRow[]; total: UsageSum; since?: number }> {
  const groups = new Map<string, UsageSum>();
  const total = nothing();
  const edges = db.get("SELECT MIN(id) AS first, MAX(id) AS last, MIN(at) AS since FROM calls");
  const run = runId === "last" && sessionKey !== undefined ? lastRun(db, sessionKey) : runId;
  const last = Number(edges?.last ?? 0);
  const first = since === 0 ? edges?.first : db.get("SELECT MIN(id) AS first FROM calls WHERE at >= ?", since)?.first;
  const sql = sumsBy(by, sessionKey !== undefined, run !== undefined);
  for (let from = Number(first ?? last + 1); from <= last && !(runId !== undefined && run === undefined); from += AT_ONCE) {
    const filters = [...(sessionKey === undefined ? [] : [sessionKey]), ...(run === undefined ? [] : [run])];
    for (const row of db.all(sql, from, from + AT_ONCE, since, until, ...filters)) {
      const of = String(row.of);
      const group = groups.get(of) ?? nothing();
      groups.set(of, group);
      for (const sum of [group, total]) add(sum, row);
    }
    await turn();
  }
  const rows = Array.from(groups, ([of, sum]) => ({ of, ...sum }));
  rows.sort(by === "day" ? (a, b) => (a.of < b.of ? 1 : -1) : (a, b) => b.cost - a.cost || tokensOf(b) - tokensOf(a) || (a.of < b.of ? -1 : 1));
  return { rows: rows.slice(0, limit), total, ...(typeof edges?.since === "number" ? { since: edges.since } : {}) };
}

const lastRun = (db: SqliteFile, session: string): string | undefined =>
  (db.get("SELECT run FROM calls WHERE session = ? ORDER BY id DESC LIMIT 1", session)?.run as string | null) ?? undefined;

const sumsBy = (by: Wanted["by"], ofSession: boolean, ofRun: boolean): string => `
  SELECT ${COLUMN[by]} AS of, COUNT(*) AS calls, SUM(input IS NULL AND status IS 'error') AS failed, SUM(input IS NULL AND cost IS NULL AND status IS NOT 'error') AS unknown,
    SUM(input IS NOT NULL AND cost IS NULL) AS unpriced,
    TOTAL(input) AS inputTokens, TOTAL(output) AS outputTokens, TOTAL(cache_read) AS cacheReadTokens,
    TOTAL(cache_write) AS cacheWriteTokens, TOTAL(reasoning) AS reasoningTokens, TOTAL(cost) AS cost
  FROM calls WHERE id >= ? AND id < ? AND at >= ? AND at < ?${ofSession ? " AND session = ?" : ""}${ofRun ? " AND run = ?" : ""} GROUP BY 1`;

const nothing = (): UsageSum => ({
  ...{ calls: 0, failed: 0, unknown: 0, unpriced: 0, inputTokens: 0, outputTokens: 0 },
  ...{ cacheReadTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0, cost: 0 },
});

function add(sum: UsageSum, row: Row): void {
  for (const name of Object.keys(sum) as (keyof UsageSum)[]) sum[name] += Number(row[name]);
}

const tokensOf = ({ inputTokens, outputTokens }: UsageSum): number => inputTokens + outputTokens;
