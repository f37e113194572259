import { type Client, PlinthError } from "@plinth/sdk";
import type { AuditLog } from "./audit-log.ts";
import { AuditLines } from "./line.ts";
import { type AuditRecord, type Filter, KINDS } from "./record.ts";

type Run = Client<"plinth.cli-command">["run"];
type TerminalItem = ReturnType<Run> extends AsyncIterable<infer Item> ? Item : never;

/** Of what comes faster than it is printed. */
const MOST_UNREAD = 5_000;
const UNITS: { [unit: string]: number } = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `plinth audit`: newest first; with --follow oldest first, and then what comes. */
export async function* audit(log: AuditLog, input: Parameters<Run>[0], now: () => number, signal: AbortSignal): AsyncGenerator<TerminalItem> {
  const { options, terminal } = input;
  const follow = options.follow === true;
  const filter = filterOf(options, now(), follow ? 10 : 100);
  const lines = new AuditLines(terminal);
  if (follow) {
    for await (const record of followed(log, filter, signal)) {
      if (terminal.json) yield { result: record };
      else yield { out: lines.of([record]) };
    }
    return;
  }
  const records = await log.query(filter, signal);
  yield { out: records.length > 0 ? lines.of(records) : "Nothing like that is recorded. policy.audit says what is: off, denied (default) or all.\n" };
  yield { result: { records } };
}

async function* followed(log: AuditLog, filter: Filter, signal: AbortSignal): AsyncGenerator<AuditRecord> {
  const unread: AuditRecord[] = [];
  let wake = Promise.withResolvers<void>();
  const { records, stop } = await log.watch(filter, (more) => {
    // The reader is a terminal that stands still: the log itself has everything.
    unread.push(...more.slice(0, Math.max(0, MOST_UNREAD - unread.length)));
    wake.resolve();
  });
  const onAbort = () => wake.resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    yield* records.reverse();
    while (!signal.aborted) {
      wake = Promise.withResolvers<void>();
      yield* unread.splice(0);
      if (unread.length === 0 && !signal.aborted) await wake.promise;
    }
  } finally {
    stop();
    signal.removeEventListener("abort", onAbort);
  }
}

function filterOf(options: Record<string, string | boolean>, now: number, most: number): Filter {
  const { extension, kind, denied, since, limit = String(most) } = options;
  const filter: Filter = { limit: Number(limit) };
  if (!/^\d{1,5}$/.test(String(limit)) || Number(limit) < 1 || Number(limit) > 10_000)
    throw wrong(`--limit is ${quoted(limit)}.`, "Give a number from 1 to 10000.");
  if (typeof extension === "string") filter.extension = extension;
  if (typeof kind === "string") {
    if (!KINDS.some((one) => one === kind)) throw wrong(`There is no kind ${quoted(kind)}.`, `Choose one of ${KINDS.join(", ")}.`);
    filter.kind = kind;
  }
  if (denied === true) filter.denied = true;
  if (typeof since === "string") filter.since = timeOf(since, now);
  return filter;
}

/** `1h` ago, or a date. */
function timeOf(text: string, now: number): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count !== undefined && unit !== undefined) return now - Number(count) * (UNITS[unit] as number);
  const date = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(date)) return date;
  throw wrong(`--since is ${quoted(text)}, which is no time.`, "Give how long ago, such as 30s, 15m, 1h or 7d, or a date such as 2026-01-31.");
}

const quoted = (value: unknown): string => JSON.stringify(String(value).slice(0, 60));
const wrong = (message: string, next: string): PlinthError => new PlinthError("PLINTH_USAGE", message, { next });
