import type { MessageOrigin, Provider, SessionInfo, UsageTotals } from "@plinth/sdk";
import type { Claims } from "./claims.ts";
import type { SessionRow } from "./database.ts";
import { exists, ownersOnly, unknown, unknownEntry } from "./errors.ts";
import { type Facts, factsOf } from "./facts.ts";
import type { Ledger, Writer } from "./ledger.ts";
import { readTokens, sum } from "./usage.ts";

type Contract = Required<Provider<"plinth.session-store">>;
type Name = "list" | "setHead" | "get" | "create" | "update" | "reset" | "delete" | "prune" | "usage";
type Input<K extends Name> = Parameters<Contract[K]>[0];
type Output<K extends Name> = Promise<Awaited<ReturnType<Contract[K]>>>;

/** Past every text that begins with the prefix before it. */
const LAST = "\u{10ffff}";

/** The sessions that there are, and what becomes of each as a whole. */
export class Catalogue {
  readonly #ledger: Ledger;
  readonly #claims: Claims;

  constructor(ledger: Ledger, claims: Claims) {
    this.#ledger = ledger;
    this.#claims = claims;
  }

  async list({ limit = 100, cursor, archived = false, label = "", prefix = "" }: Input<"list">): Output<"list"> {
    const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor) || 0;
    const begins = prefix === "" ? null : prefix;
    const wanted = label === "" ? null : label;
    const range = [begins, begins, `${prefix}${LAST}`];
    const rows = this.#ledger.db.all("list", before, archived ? 0 : 1, ...range, wanted, wanted, limit) as unknown as SessionRow[];
    const sessions = rows.map((row) => this.info(row));
    return rows.length < limit ? { sessions } : { sessions, next: String(rows.at(-1)!.changed) };
  }

  async get({ key }: Input<"get">): Output<"get"> {
    const row = this.#ledger.db.get("shown", key) as SessionRow | undefined;
    const buried = this.#ledger.db.get("buried", key) as { at: number; why: string; entries: number } | undefined;
    return { ...(row === undefined ? {} : { session: this.info(row) }), ...(buried === undefined ? {} : { deleted: { ...buried } }) };
  }

  async create({ key, ...facts }: Input<"create">): Output<"create"> {
    const row = await this.#ledger.write(() => {
      if (this.#ledger.db.session(key) !== undefined) throw exists(key);
      return this.#describe(this.#ledger.row(key), facts, null);
    });
    return { session: this.info(row) };
  }

  async update({ key, title, labels, archived, agent }: Input<"update">, origin: MessageOrigin): Output<"update"> {
    const row = await this.#ledger.write(() => {
      const row = this.#own(key, origin);
      const { title: oldTitle, made: wasMade, agent: oldAgent, ...facts } = factsOf(row);
      const named = title === undefined ? oldTitle : title;
      // Whoever takes a title away wants none, and whoever gives one has given it.
      const made = title === undefined ? wasMade : title ? undefined : false;
      const answers = agent === undefined ? oldAgent : agent;
      const set: Facts = {
        ...facts,
        ...(named ? { title: named } : {}),
        ...(made === undefined ? {} : { made }),
        ...(answers ? { agent: answers } : {}),
        ...(labels ? { labels: [...new Set(labels)] } : {}),
      };
      const since = archived === undefined ? row.archived : archived ? (row.archived ?? this.#ledger.now()) : null;
      return this.#describe(row, set, since);
    });
    return { session: this.info(row) };
  }

  async setHead({ key, head }: Input<"setHead">, origin: MessageOrigin): Output<"setHead"> {
    await this.#ledger.write(() => {
      const row = this.#ledger.db.session(key);
      if (head !== null && (row === undefined || this.#ledger.db.get("belongs", head, row.id) === undefined)) throw unknownEntry(key, head);
      if (row === undefined || row.head === head) return;
      this.#ledger.assertMine(row, origin);
      // A run's entries must stay one chain: its calls and their results belong to one branch.
      this.#claims.free(row, origin);
      this.move(row, head);
      if (head === null) this.#ledger.began(row);
    });
    return {};
  }

  async reset({ key, reason }: Input<"reset">, writer: Writer): Output<"reset"> {
    const head = await this.#ledger.write(() => {
      const row = this.#ledger.row(key);
      this.#ledger.assertMine(row, writer.origin);
      this.#claims.free(row, writer.origin);
      return this.#ledger.afresh(row, reason, writer);
    });
    return { head };
  }

  async delete({ key, why }: Input<"delete">, origin: MessageOrigin): Output<"delete"> {
    const { db } = this.#ledger;
    const entries = await this.#ledger.write(() => {
      const row = db.session(key);
      if (row === undefined) return 0;
      this.#ledger.assertMine(row, origin);
      this.#claims.free(row, origin);
      this.#erase(row, why);
      return row.entries;
    });
    this.#ledger.tails.drop(key);
    this.#tidy();
    return { entries };
  }

  async prune({ unchangedForMs, archived = true, dryRun = false }: Input<"prune">, origin: MessageOrigin): Output<"prune"> {
    if (origin.by === "guest") throw ownersOnly("Deleting old sessions");
    const { db, now, tails } = this.#ledger;
    const stale = db.all("stale", now() - unchangedForMs, archived ? 1 : 0) as unknown as SessionRow[];
    const pruned: SessionRow[] = [];
    for (const { key, changed } of stale) {
      await this.#ledger.write(() => {
        const row = db.session(key);
        if (row === undefined || row.changed !== changed || row.running !== null) return;
        pruned.push(row);
        if (!dryRun) this.#erase(row, "pruned");
      });
      if (!dryRun) tails.drop(key);
    }
    if (!dryRun && pruned.length > 0) this.#tidy();
    return { keys: pruned.map(({ key }) => key), bytes: pruned.reduce((total, { bytes }) => total + bytes, 0) };
  }

  async usage({ key }: Input<"usage">): Output<"usage"> {
    const { db } = this.#ledger;
    const total = { sessions: 0, entries: 0, bytes: 0, usage: { runs: 0, tokens: {} } as UsageTotals };
    const add = ({ entries, bytes, runs, tokens }: Pick<SessionRow, "entries" | "bytes" | "runs" | "tokens">): void => {
      total.sessions++;
      total.entries += entries;
      total.bytes += bytes;
      total.usage = { runs: total.usage.runs + runs, tokens: sum(total.usage.tokens, readTokens(tokens)) };
    };
    if (key !== undefined) {
      const row = db.session(key);
      if (row === undefined) throw unknown(key);
      add(row);
    } else for (const row of db.all("totals") as unknown as SessionRow[]) add(row);
    return total;
  }

  info(row: SessionRow): SessionInfo {
    const { key, head, entries, created, updated, bytes, runs, tokens, archived, started, touched, waiting = 0 } = row;
    const running = this.#claims.holder(row);
    const { made: _, ...facts } = factsOf(row);
    return {
      ...{ key, head, entries, createdAt: created, updatedAt: updated, bytes },
      ...facts,
      ...(started === null ? {} : { startedAt: started }),
      ...(touched === null ? {} : { activeAt: touched }),
      ...(running === null ? {} : { running }),
      ...(waiting === 0 ? {} : { waiting }),
      ...(archived === null ? {} : { archivedAt: archived }),
      ...(runs === 0 ? {} : { usage: { runs, tokens: readTokens(tokens) } }),
    };
  }

  /** Inside a transaction. */
  move(row: SessionRow, head: string | null): void {
    this.#ledger.db.run("update", head, this.#ledger.now(), 0, 0, null, row.id);
    row.head = head;
  }

  #describe(row: SessionRow, facts: Facts, archived: number | null): SessionRow {
    this.#ledger.db.run("describe", JSON.stringify(facts), archived, row.id);
    return this.#ledger.db.get("shown", row.key) as unknown as SessionRow;
  }

  #own(key: string, origin: MessageOrigin): SessionRow {
    const row = this.#ledger.db.session(key);
    if (row === undefined) throw unknown(key);
    this.#ledger.assertMine(row, origin);
    return row;
  }

  /** The note goes first: it is what lets entries go. Inside a transaction. */
  #erase({ id, key, entries }: SessionRow, why: string): void {
    const { db, now } = this.#ledger;
    db.run("bury", id, key, now(), why, entries);
    for (const statement of ["eraseWords", "eraseEntries", "eraseAppended", "eraseInputs", "eraseSession"] as const) db.run(statement, id);
  }

  /** What was deleted is not left in the file of recent changes. Another process may be reading it; the next deletion does it then. */
  #tidy(): void {
    this.#ledger.db.get("tidy");
  }
}
