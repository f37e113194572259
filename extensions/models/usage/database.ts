import { chmodSync, closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { errorInfo, isPlinthError, PlinthError } from "@plinth/sdk";

export type Row = Record<string, SQLOutputValue>;

/** Waiting inside SQLite would stop this thread, so it waits next to nothing; `write` waits outside. */
const BUSY_MS = 4;
const WRITE_MS = 4_000;
const OPEN_MS = 2_000;
const BUSY = 5;

/**
 * Each entry takes the file one version further. A call is written down before it is made: one whose `status` is null goes on, or
 * was on its way when its process died. `spent` has the sums that limits are held against, with what is reserved for such calls.
 */
const STEPS = [
  `CREATE TABLE calls (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     at INTEGER NOT NULL, day TEXT NOT NULL, run TEXT, session TEXT, agent TEXT, extension TEXT NOT NULL,
     provider TEXT NOT NULL, model TEXT NOT NULL, status TEXT,
     expected INTEGER NOT NULL, input INTEGER, output INTEGER, cache_read INTEGER, cache_write INTEGER, reasoning INTEGER, cost REAL
   ) STRICT;
   CREATE INDEX calls_session ON calls (session, id);
   CREATE INDEX calls_at ON calls (at);
   CREATE TABLE spent (
     scope TEXT NOT NULL, of TEXT NOT NULL, at INTEGER NOT NULL,
     usd REAL NOT NULL, tokens INTEGER NOT NULL, free_usd REAL NOT NULL DEFAULT 0, free_tokens INTEGER NOT NULL DEFAULT 0,
     PRIMARY KEY (scope, of)
   ) STRICT, WITHOUT ROWID;`,
];

/** The file of the record. What was written outlives this process, however it ends. */
export class Database {
  readonly #db: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(dir: string) {
    const file = join(dir, "usage.db");
    let db: DatabaseSync | undefined;
    try {
      // Made here, so that nobody else on the machine can read it; SQLite's side files take its mode.
      closeSync(openSync(file, "a", 0o600));
      chmodSync(file, 0o600);
      db = new DatabaseSync(file, { timeout: OPEN_MS });
      db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 4194304");
      migrate(db, file);
      db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
      this.#db = db;
    } catch (error) {
      db?.close();
      throw storeError(error, "cannot be opened");
    }
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values);
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...values);
  }

  /** The number of the row that it added. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).lastInsertRowid);
  }

  /** All of it or nothing. While another process writes, it waits without holding up this thread. */
  async write<T>(body: () => T): Promise<T> {
    const start = Date.now();
    for (;;) {
      try {
        return this.#transaction(body);
      } catch (error) {
        if ((error as { errcode?: number }).errcode !== BUSY || Date.now() - start > WRITE_MS) throw storeError(error, "cannot be written");
        await sleep(2 + Math.random() * 10);
      }
    }
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #transaction<T>(body: () => T): T {
    this.#statement("BEGIN IMMEDIATE").run();
    try {
      const result = body();
      this.#statement("COMMIT").run();
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  #statement(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) this.#prepared.set(sql, (statement = this.#db.prepare(sql)));
    return statement;
  }
}

function migrate(db: DatabaseSync, file: string): void {
  const version = (): number => Number(db.prepare("PRAGMA user_version").get()?.user_version ?? 0);
  if (version() > STEPS.length)
    throw new PlinthError("PLINTH_USAGE_STORE", `${file} was written by a newer version.`, { next: "Update Plinth, or move the file away." });
  while (version() < STEPS.length) {
    db.exec("BEGIN IMMEDIATE");
    const at = version();
    // Another process may have taken it further meanwhile.
    if (at < STEPS.length) db.exec(`${STEPS[at]}; PRAGMA user_version = ${at + 1}`);
    db.exec("COMMIT");
  }
}

function storeError(error: unknown, what: string): unknown {
  if (isPlinthError(error)) return error;
  return new PlinthError("PLINTH_USAGE_STORE", `The record of what models cost ${what}: ${errorInfo(error).message}.`, {
    next: "Check the disk's free space and the rights of the state folder.",
    cause: error,
  });
}
