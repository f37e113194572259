import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { errorInfo, isPlinthError, PlinthError } from "../../extension/errors.ts";
import { isBusy, isDamaged, opened, type Shape } from "./open.ts";
import type { Recovered } from "./recover.ts";

export type Row = Record<string, SQLOutputValue>;
export type Value = SQLInputValue;
export type Statement = StatementSync;

const WRITE_MS = 4_000;

export interface SqliteOptions extends Omit<Shape, "newer"> {
  /** In a folder that is there. */
  readonly file: string;
  /** As sentences about it begin: `The record of what models cost`. */
  readonly title: string;
  /** Of its errors. */
  readonly code: string;
  /** Of a file that a newer version wrote. Default: `code`. */
  readonly newer?: string;
  /** Tables that are made from others, and are not copied out of a damaged file. */
  readonly derived?: readonly string[];
  /** Statements that put right what is left of a whole after rows are gone. */
  readonly mend?: string;
  /** The file was damaged, is set aside, and a new one is in its place: told once. */
  recovered(report: Recovered): void;
}

/**
 * A SQLite file that several processes may share. What was written outlives this process, however it ends. A damaged file is set
 * aside under a name with its date, and a new one takes over what can be read of it.
 */
export class SqliteFile {
  readonly #options: SqliteOptions;
  readonly #shape: Shape;
  readonly #prepared = new Map<string, StatementSync>();
  #db: DatabaseSync | undefined;
  #mending: Promise<void> | undefined;
  #closed = false;

  private constructor(options: SqliteOptions) {
    this.#options = options;
    this.#shape = { ...options, newer: options.newer ?? options.code };
  }

  /** @throws the options' `code`, with the next step */
  static async open(options: SqliteOptions): Promise<SqliteFile> {
    const own = new SqliteFile(options);
    try {
      own.#db = await opened(options.file, own.#shape);
    } catch (thrown) {
      if (!isDamaged(thrown)) throw own.#failed(thrown, "cannot be opened");
      await own.#mend().catch((error: unknown) => {
        throw own.#failed(error, "is damaged, and cannot be set aside");
      });
    }
    return own;
  }

  all(sql: string, ...values: Value[]): Row[] {
    return this.#guarded(() => this.statement(sql).all(...values));
  }

  get(sql: string, ...values: Value[]): Row | undefined {
    return this.#guarded(() => this.statement(sql).get(...values));
  }

  /** How many rows it changed, and the number of the row that it added. */
  run(sql: string, ...values: Value[]): { changes: number; row: number } {
    const { changes, lastInsertRowid } = this.#guarded(() => this.statement(sql, true).run(...values));
    return { changes: Number(changes), row: Number(lastInsertRowid) };
  }

  /** Prepared once. @param exact row numbers inside of a full-text index are beyond what a number holds; whoever runs a statement is told of them */
  statement(sql: string, exact = false): StatementSync {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      if (this.#db === undefined) throw this.#unready();
      this.#prepared.set(sql, (statement = this.#db.prepare(sql)));
      statement.setReadBigInts(exact);
    }
    return statement;
  }

  /** A short body as one transaction: all of it or nothing. While another process writes, it waits without holding up this thread. */
  async write<T>(body: () => T): Promise<T> {
    const start = performance.now();
    for (;;) {
      if (this.#mending !== undefined) await this.#mending;
      try {
        return this.#transaction(body);
      } catch (thrown) {
        if (isDamaged(thrown)) this.#met();
        if (!isBusy(thrown) || performance.now() - start > WRITE_MS) throw this.#failed(thrown, "cannot be written");
        await sleep(2 + Math.random() * 10);
      }
    }
  }

  close(): void {
    this.#closed = true;
    this.#prepared.clear();
    if (this.#db?.isOpen) this.#db.close();
  }

  #transaction<T>(body: () => T): T {
    this.statement("BEGIN IMMEDIATE", true).run();
    try {
      const result = body();
      this.statement("COMMIT", true).run();
      return result;
    } catch (thrown) {
      if (this.#db?.isTransaction) this.statement("ROLLBACK", true).run();
      throw thrown;
    }
  }

  /** Damage may be met when a page is read for the first time: whoever meets it is told to ask again. */
  #guarded<T>(body: () => T): T {
    try {
      return body();
    } catch (thrown) {
      // A transaction ends first.
      if (this.#db?.isTransaction) throw thrown;
      if (isDamaged(thrown)) this.#met();
      throw this.#failed(thrown, "cannot be read");
    }
  }

  #met(): void {
    if (!this.#closed) this.#mend().catch(() => {});
  }

  #mend(): Promise<void> {
    this.#mending ??= this.#renewed().finally(() => {
      this.#mending = undefined;
    });
    return this.#mending;
  }

  async #renewed(): Promise<void> {
    const { file, derived = [], mend = "", recovered } = this.#options;
    this.#prepared.clear();
    if (this.#db?.isOpen) this.#db.close();
    this.#db = undefined;
    const { recover } = await import("./recover.ts");
    const report = await recover(file, this.#shape, derived, mend);
    const db = await opened(file, this.#shape);
    if (this.#closed) return db.close();
    this.#db = db;
    if (report !== undefined) recovered(report);
  }

  #unready(): PlinthError {
    const { code, title } = this.#options;
    return new PlinthError(code, `${title} was damaged. It is set aside, and what can be read of it is copied.`, {
      next: "Try again in a moment.",
      details: { retryable: true },
    });
  }

  #failed(thrown: unknown, what: string): unknown {
    if (isPlinthError(thrown)) return thrown;
    if (isDamaged(thrown) && this.#mending !== undefined) return this.#unready();
    const { code, title, file } = this.#options;
    return new PlinthError(code, `${title} ${what}: ${errorInfo(thrown).message}.`, {
      next: `Check the disk's free space and the rights of ${file}, then try again.`,
      cause: thrown,
    });
  }
}
