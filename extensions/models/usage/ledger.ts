import type { Usage } from "@plinth/sdk";
import type { SqliteFile } from "@plinth/sdk/kits/sqlite";
import { believed, costOf, isFree, type Price, readingCost } from "./cost.ts";
import { dayOf } from "./day.ts";

/** Whose a call is, as the host knows it. */
export interface Whose {
  /** The turn, or the work that is none. */
  readonly run: string;
  readonly session: string | undefined;
  readonly agent: string | undefined;
  readonly extension: string;
}

export interface Asked {
  readonly provider: string;
  readonly model: string;
  readonly price?: Price;
  /** What it will read, roughly. */
  readonly inputTokens: number;
}

/** What a limit can be for. */
export type Scope = "turn" | "session" | "day" | "agent";

export interface Spent {
  readonly usd: number;
  readonly tokens: number;
  /** From where on a limit counts: what was spent when the owner said that as much may be spent again. */
  readonly free: { readonly usd: number; readonly tokens: number };
}

interface Open {
  readonly row: number;
  readonly whose: Whose;
  readonly day: string;
  readonly price: Price | undefined;
  readonly reserved: { readonly usd: number; readonly tokens: number };
}

export interface Kept {
  readonly keepDays: number;
  readonly keepCalls: number;
}

const DAY_MS = 86_400_000;
/** So often what is too old is taken away, and so much at a time. */
const PRUNED_EVERY = 256;
const PRUNED_AT_ONCE = 1_024;
/** How long sums stay that nothing adds to any more. */
const KEPT_MS: Readonly<Record<Scope | "unpriced", number>> = {
  turn: 2 * DAY_MS,
  session: 400 * DAY_MS,
  day: 2 * DAY_MS,
  agent: 2 * DAY_MS,
  unpriced: 30 * DAY_MS,
};

/** Which sums a call belongs to. */
export const scopesOf = ({ run, session, agent }: Pick<Whose, "run" | "session" | "agent">, day: string): [Scope, string][] => [
  ["turn", run],
  ...(session === undefined ? [] : [["session", session] as [Scope, string]]),
  ["day", day],
  ...(agent === undefined ? [] : [["agent", `${day} ${agent}`] as [Scope, string]]),
];

/** Writes model calls down: before they are made, and what they took when they are over. */
export class Ledger {
  readonly #db: SqliteFile;
  readonly #now: () => number;
  readonly #kept: Kept;
  readonly #open = new Map<string, Open>();
  #count = 0;

  constructor(db: SqliteFile, now: () => number, kept: Kept) {
    this.#db = db;
    this.#now = now;
    this.#kept = kept;
  }

  /** @param id by which it is settled. */
  async begin(id: string, whose: Whose, { provider, model, price, inputTokens }: Asked): Promise<void> {
    const at = this.#now();
    const day = dayOf(at);
    const reserved = { usd: readingCost(inputTokens, price) ?? 0, tokens: inputTokens };
    const row = await this.#db.write(() => {
      const { run, session = null, agent = null, extension } = whose;
      const { row } = this.#db.run(INSERT, at, day, run, session, agent, extension, provider, model, inputTokens);
      this.#add(whose, day, at, reserved.usd, reserved.tokens);
      if (this.#count++ % PRUNED_EVERY === 0) this.#prune(at, row);
      return row;
    });
    this.#open.set(id, { row, whose, day, price, reserved });
  }

  /**
   * What it took stands in the place of what was reserved; what is not known leaves that where it is. Whoever failed before it
   * had said anything took nothing.
   */
  async end(id: string, status: string, usage: Partial<Usage> | undefined): Promise<void> {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#open.delete(id);
    const { row, whose, day, price, reserved } = open;
    await this.#db.write(() => {
      if (usage === undefined) {
        this.#db.run("UPDATE calls SET status = ? WHERE id = ?", status, row);
        if (status === "error") this.#add(whose, day, this.#now(), -reserved.usd, -reserved.tokens);
        return;
      }
      const said = believed(usage);
      const { inputTokens, outputTokens, cacheReadTokens = null, cacheWriteTokens = null, reasoningTokens = null } = said;
      const isCounted = inputTokens !== undefined && outputTokens !== undefined;
      const cost = isCounted ? costOf({ ...said, inputTokens, outputTokens }, price) : (said.cost ?? (isFree(price) ? 0 : undefined));
      const [read, written] = isCounted ? [inputTokens, outputTokens] : [null, null];
      this.#db.run(SETTLE, status, read, written, cacheReadTokens, cacheWriteTokens, reasoningTokens, cost ?? null, row);
      const tokens = isCounted ? inputTokens + outputTokens : reserved.tokens;
      this.#add(whose, day, this.#now(), (cost ?? reserved.usd) - reserved.usd, tokens - reserved.tokens);
    });
  }

  spent(scope: Scope | "unpriced", of: string): Spent | undefined {
    const row = this.#db.get("SELECT usd, tokens, free_usd, free_tokens FROM spent WHERE scope = ? AND of = ?", scope, of);
    if (row === undefined) return undefined;
    return { usd: Number(row.usd), tokens: Number(row.tokens), free: { usd: Number(row.free_usd), tokens: Number(row.free_tokens) } };
  }

  /** The owner says that as much may be spent again; of a model without a price, that it may be asked. */
  async again(scope: Scope | "unpriced", of: string): Promise<void> {
    await this.#db.write(() => this.#db.run(AGAIN, scope, of, this.#now()));
  }

  #add(whose: Whose, day: string, at: number, usd: number, tokens: number): void {
    const scopes = scopesOf(whose, day);
    this.#db.run(ADD[scopes.length] as string, ...scopes.flatMap(([scope, of]) => [scope, of, at, usd, tokens]));
  }

  #prune(now: number, newest: number): void {
    const { keepDays, keepCalls } = this.#kept;
    this.#db.run(PRUNE, now - keepDays * DAY_MS, newest - keepCalls, PRUNED_AT_ONCE);
    for (const [scope, ms] of Object.entries(KEPT_MS)) this.#db.run("DELETE FROM spent WHERE scope = ? AND at < ?", scope, now - ms);
  }
}

const INSERT = `INSERT INTO calls (at, day, run, session, agent, extension, provider, model, expected) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const SETTLE = `UPDATE calls SET status = ?, input = ?, output = ?, cache_read = ?, cache_write = ?, reasoning = ?, cost = ? WHERE id = ?`;
/** By how many sums a call belongs to: all of them are one statement. */
const ADD = [0, 1, 2, 3, 4].map(
  (count) => `INSERT INTO spent (scope, of, at, usd, tokens) VALUES ${Array.from({ length: count }, () => "(?, ?, ?, ?, ?)").join(", ")}
  ON CONFLICT (scope, of) DO UPDATE SET at = excluded.at, usd = MAX(0, usd + excluded.usd), tokens = MIN(${Number.MAX_SAFE_INTEGER}, MAX(0, tokens + excluded.tokens))`,
);
const AGAIN = `INSERT INTO spent (scope, of, at, usd, tokens) VALUES (?, ?, ?, 0, 0)
  ON CONFLICT (scope, of) DO UPDATE SET at = excluded.at, free_usd = usd, free_tokens = tokens`;
const PRUNE = `DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE at < ? OR id <= ? ORDER BY id LIMIT ?)`;
