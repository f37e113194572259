import { type Client, PlinthError } from "@plinth/sdk";
import { type Cell, plain, renderTable } from "../table.ts";
import type { OwnCommand, Run } from "./command.ts";

type Totals = Awaited<ReturnType<Client<"plinth.usage">["totals"]>>;
type Sum = Totals["total"];

const KINDS = ["model", "agent", "session", "day", "extension"] as const;
type Kind = (typeof KINDS)[number];
const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const LONGEST_MS = 3_650 * UNITS.d;
const DEFAULT_SINCE = "30d";

/** What model calls took and cost, summed up by one thing; then the limits. */
export const usage: OwnCommand = async (run) => {
  const by = kindOf(run);
  const since = sinceOf(run.option("since") ?? DEFAULT_SINCE, run.ctx.clock.now());
  const sessionKey = run.option("session");
  const record = run.ctx.use("plinth.usage").one();
  const of = sessionKey === undefined ? {} : { sessionKey };
  const totals = await record.totals({ by, since, ...of }, { signal: run.signal });
  const { limits } = await record.limits(of, { signal: run.signal });
  await run.out(totals.rows.length === 0 ? "No model was asked in that time.\n" : tableOf(run, by, totals));
  const notes = notesOn(totals.total);
  if (notes.length > 0) await run.out(`\n${notes.join("\n")}\n`);
  if (limits.length > 0) {
    const rows = limits.map(({ scope, of: whose, usd, tokens }) => [
      scope === "agent" ? `agent ${whose} today` : scope === "day" ? "today" : scope,
      usd === undefined ? "" : `${dollars(usd.spent)} of ${dollars(usd.limit)}`,
      tokens === undefined ? "" : `${count(tokens.spent)} of ${count(tokens.limit)}`,
    ]);
    await run.out(`\n${renderTable(["LIMIT", "MONEY", "TOKENS"], rows, run.terminal)}`);
  }
  await run.result({ by, since, ...totals, limits });
};

function tableOf(run: Run, by: Kind, { rows, total }: Totals): string {
  const lines = rows.map((row): (string | Cell)[] => [row.of === "" ? { text: `no ${by}`, style: "dim" } : plain(row.of), ...cells(row)]);
  if (rows.length > 1) lines.push([{ text: "all", style: "bold" }, ...cells(total)]);
  return renderTable([by.toUpperCase(), "CALLS", "READ", "CACHED", "WRITTEN", "COST"], lines, run.terminal);
}

function cells(sum: Sum): string[] {
  const { calls, failed, unknown, inputTokens, outputTokens, cacheReadTokens } = sum;
  // What nobody said is left out, and is no 0.
  const counted = calls > failed + unknown;
  return [String(calls), ...[inputTokens, cacheReadTokens, outputTokens].map((tokens) => (counted ? count(tokens) : "")), costOf(sum)];
}

function costOf({ calls, failed, unknown, unpriced, cost }: Sum): string {
  if (calls === failed) return "";
  const missing = unknown + unpriced;
  if (cost === 0) return missing > 0 ? "not known" : "nothing";
  return `${missing > 0 ? "from " : ""}${dollars(cost)}`;
}

function notesOn({ failed, unknown, unpriced }: Sum): string[] {
  return [
    ...(failed > 0 ? [`${times(failed)} failed before anything was said.`] : []),
    ...(unknown > 0 ? [`Of ${times(unknown)} the tokens are not known: they are not in the sums.`] : []),
    ...(unpriced > 0 ? [`Of ${times(unpriced)} the cost is not known: it is not in the sums.`] : []),
  ];
}

const times = (calls: number): string => (calls === 1 ? "one call" : `${calls} calls`);

const dollars = (usd: number): string => `$${usd === 0 || usd >= 0.1 ? usd.toFixed(2) : Math.max(usd, 0.0001).toFixed(4)}`;

/** Such as 12,345 and 1.2M. */
const count = (tokens: number): string => (tokens >= 10_000_000 ? `${(tokens / 1_000_000).toFixed(1)}M` : Math.round(tokens).toLocaleString("en"));

function kindOf(run: Run): Kind {
  const said = run.option("by") ?? "model";
  const kind = KINDS.find((one) => one === said);
  if (kind !== undefined) return kind;
  throw new PlinthError("PLINTH_USAGE", `--by is ${JSON.stringify(said.slice(0, 40))}, by which nothing is summed up.`, {
    next: `Name one of ${KINDS.join(", ")}.`,
  });
}

/** `today`, a length such as 12h, or a day; days are those of this machine's calendar. */
function sinceOf(said: string, now: number): number {
  const at = new Date(now);
  if (said === "today") return new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
  const [, length, unit] = /^(\d{1,5})([mhd])$/.exec(said) ?? [];
  const ms = Number(length) * UNITS[unit as keyof typeof UNITS];
  if (ms > 0 && ms <= LONGEST_MS) return now - ms;
  const day = /^\d{4}-\d\d-\d\d$/.test(said) ? Date.parse(`${said}T00:00`) : Number.NaN;
  if (!Number.isNaN(day)) return day;
  throw new PlinthError("PLINTH_USAGE", `--since is ${JSON.stringify(said.slice(0, 40))}, which is no time.`, {
    next: "Give today, a length such as 12h or 7d, or a day such as 2026-03-01.",
  });
}
