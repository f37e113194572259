import { chmodSync, closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { errorInfo, isPlinthError, PlinthError } from "@plinth/sdk";
import { migrate } from "./schema.ts";
import { statements } from "./statements.ts";

type Name = keyof typeof statements;

export interface SessionRow {
  id: number;
  key: string;
  head: string | null;
  created: number;
  updated: number;
  running: string | null;
  /** Of the newest claim; a write with an older one is refused. */
  fence: number;
  /** When the claim of `running` ends unless it is renewed. */
  expires: number | null;
  /** Whose run it is where that is a guest. */
  guest: string | null;
  /** The extension that claimed it, where that is another publisher's. */
  claimant: string | null;
  /** Rises with each change of any session. */
  changed: number;
  entries: number;
  /** What its transcript takes. */
  bytes: number;
  runs: number;
  tokens: string | null;
  facts: string | null;
  archived: number | null;
  waiting?: number;
}

export interface EntryRow {
  seq: number;
  id: string;
  parent: string | null;
  run: string | null;
  at: number;
  body: string;
  origin: string | null;
}

/** Waiting inside SQLite would stop this thread, so it waits next to nothing; `write` waits outside. */
const BUSY_MS = 4;
const WRITE_MS = 4_000;
const OPEN_MS = 2_000;
const BUSY = 5;

/** The SQLite file: its statements and its transactions. */
export class Database {
  readonly #db: DatabaseSync;
  readonly #prepared: Partial<Record<Name, StatementSync>> = {};

  private constructor(db: DatabaseSync) {
    this.#db = db;
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
      db.exec("PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON; PRAGMA cache_size = -4096; PRAGMA journal_size_limit = 8388608");
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

  get(name: Name, ...values: SQLInputValue[]): Record<string, SQLOutputValue> | undefined {
    return this.#statement(name).get(...values);
  }

  all(name: Name, ...values: SQLInputValue[]): Record<string, SQLOutputValue>[] {
    return this.#statement(name).all(...values);
  }

  /** How many rows it changed, and the number of the row that it added. */
  run(name: Name, ...values: SQLInputValue[]): { changes: number; row: number } {
    const { changes, lastInsertRowid } = this.#statement(name, true).run(...values);
    return { changes: Number(changes), row: Number(lastInsertRowid) };
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

  /** @param exact Row numbers inside of the full-text index are beyond what a number holds; whoever runs a statement is told of them. */
  #statement(name: Name, exact = false): StatementSync {
    let statement = this.#prepared[name];
    if (statement === undefined) {
      this.#prepared[name] = statement = this.#db.prepare(statements[name]);
      statement.setReadBigInts(exact);
    }
    return statement;
  }

  #transaction<T>(body: () => T): T {
    this.#statement("begin", true).run();
    try {
      const result = body();
      this.#statement("commit", true).run();
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#statement("rollback", true).run();
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
