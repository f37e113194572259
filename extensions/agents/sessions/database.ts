import { chmodSync, closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { errorInfo, isPlinthError, PlinthError } from "@plinth/sdk";
import { migrate } from "./schema.ts";

export interface SessionRow {
  id: number;
  key: string;
  head: string | null;
  created: number;
  updated: number;
  running: string | null;
  owner: string | null;
  entries: number;
  /** What its transcript takes. */
  bytes: number;
}

export interface EntryRow {
  id: string;
  parent: string | null;
  run: string | null;
  at: number;
  body: string;
  origin: string | null;
}

const SESSION = "SELECT id, key, head, created, updated, running, owner, entries, bytes FROM sessions";
/** Waiting inside SQLite would stop this thread, so it waits next to nothing; `write` waits outside. */
const BUSY_MS = 4;
const WRITE_MS = 4_000;
const OPEN_MS = 2_000;
const BUSY = 5;

const statements = {
  begin: "BEGIN IMMEDIATE",
  commit: "COMMIT",
  rollback: "ROLLBACK",
  session: `${SESSION} WHERE key = ?`,
  create: "INSERT INTO sessions (key, created, updated) VALUES (?, ?, ?) RETURNING id",
  update: "UPDATE sessions SET head = ?, updated = ?, running = ?, owner = ?, entries = entries + ?, bytes = bytes + ? WHERE id = ?",
  claimed: `${SESSION} WHERE owner IS NOT NULL AND owner <> ? AND id > ? ORDER BY id LIMIT ?`,
  list: `${SESSION} WHERE updated < ? ORDER BY updated DESC, id DESC LIMIT ?`,
  insert: "INSERT INTO entries (id, session, parent, run, at, run_end, body, origin) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  origin: "SELECT level, at FROM origins WHERE origin = ?",
  spent: "INSERT INTO origins (origin, level, at) VALUES (?, ?, ?) ON CONFLICT (origin) DO UPDATE SET level = excluded.level, at = excluded.at",
  ended: "SELECT 1 FROM entries WHERE session = ? AND run = ? AND run_end = 1",
  others:
    "SELECT 1 FROM entries WHERE session = ? AND (json_extract(origin, '$.by') IS NOT 'guest' OR json_extract(origin, '$.via') IS NOT ?) LIMIT 1",
  belongs: "SELECT 1 FROM entries WHERE id = ? AND session = ?",
  // The walk itself carries ids only; bodies are fetched once, in the walk's order (CROSS JOIN keeps it).
  walk: `WITH RECURSIVE chain (id, depth) AS (
      SELECT ?, 1
      UNION ALL
      SELECT entries.parent, depth + 1 FROM chain JOIN entries ON entries.id = chain.id
      WHERE depth < ? AND entries.parent IS NOT NULL
    )
    SELECT entries.id, parent, run, at, body, origin FROM chain CROSS JOIN entries ON entries.id = chain.id`,
} as const;

type Prepared = Record<keyof typeof statements, StatementSync>;

/** The SQLite file: its statements, prepared once, and its transactions. */
export class Database {
  readonly #db: DatabaseSync;
  readonly #prepared: Prepared;

  private constructor(db: DatabaseSync) {
    this.#db = db;
    this.#prepared = Object.fromEntries(Object.entries(statements).map(([name, sql]) => [name, db.prepare(sql)])) as Prepared;
  }

  static open(dir: string): Database {
    const file = join(dir, "sessions.db");
    let db: DatabaseSync | undefined;
    try {
      // Made here, so that nobody else on the machine can read conversations; SQLite's side files take its mode.
      closeSync(openSync(file, "a", 0o600));
      chmodSync(file, 0o600);
      db = new DatabaseSync(file, { timeout: OPEN_MS });
      useWal(db);
      db.exec("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4096; PRAGMA journal_size_limit = 8388608");
      migrate(db, file);
      db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
      return new Database(db);
    } catch (error) {
      db?.close();
      throw storeError(error, `The session file ${file} cannot be opened`);
    }
  }

  /**
   * Run a short body as one transaction: all of it or nothing. While another process writes, it waits without holding
   * up this thread.
   */
  async write<T>(body: () => T): Promise<T> {
    const start = Date.now();
    for (;;) {
      try {
        return this.#transaction(body);
      } catch (error) {
        if ((error as { errcode?: number }).errcode !== BUSY || Date.now() - start > WRITE_MS) {
          throw storeError(error, "The session file cannot be written");
        }
        await sleep(2 + Math.random() * 10);
      }
    }
  }

  get(name: keyof typeof statements, ...values: SQLInputValue[]): Record<string, SQLOutputValue> | undefined {
    return this.#prepared[name].get(...values);
  }

  all(name: keyof typeof statements, ...values: SQLInputValue[]): Record<string, SQLOutputValue>[] {
    return this.#prepared[name].all(...values);
  }

  run(name: keyof typeof statements, ...values: SQLInputValue[]): void {
    this.#prepared[name].run(...values);
  }

  session(key: string): SessionRow | undefined {
    return this.get("session", key) as SessionRow | undefined;
  }

  /** Up to `limit` entries from `head` towards the root, newest first. */
  walk(head: string, limit: number): EntryRow[] {
    return this.all("walk", head, limit) as unknown as EntryRow[];
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #transaction<T>(body: () => T): T {
    this.#prepared.begin.run();
    try {
      const result = body();
      this.#prepared.commit.run();
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#prepared.rollback.run();
      throw error;
    }
  }
}

export function storeError(error: unknown, what: string): unknown {
  if (isPlinthError(error)) return error;
  return new PlinthError("PLINTH_SESSION_STORE", `${what}: ${errorInfo(error).message}.`, {
    next: "Check the disk's free space and the rights of the state folder, then try again.",
    cause: error,
  });
}

/** SQLite refuses this change at once while another process writes, whatever the timeout says: ask again until that is over. */
function useWal(db: DatabaseSync): void {
  const until = performance.now() + OPEN_MS;
  for (;;) {
    try {
      return db.exec("PRAGMA journal_mode = WAL");
    } catch (thrown) {
      const busy = ((thrown as { errcode?: number }).errcode ?? 0) % 256 === BUSY;
      if (!busy || performance.now() > until) throw thrown;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
