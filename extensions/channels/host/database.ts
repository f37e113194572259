import { chmodSync, closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { errorInfo, isPlinthError, PlinthError } from "@plinth/sdk";
import { steps } from "./schema.ts";

export type Row = Record<string, SQLOutputValue>;

/** Another process that writes, such as a command beside the gateway, is done in no time. */
const BUSY_MS = 2_000;

/** The file of the channels. What was written is on disk when a call returns. */
export class Database {
  readonly #db: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(dir: string) {
    const file = join(dir, "channels.db");
    closeSync(openSync(file, "a", 0o600));
    chmodSync(file, 0o600);
    this.#db = new DatabaseSync(file, { timeout: BUSY_MS });
    this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    this.#migrate(file);
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values);
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...values);
  }

  /** How many rows it changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  /** All of it or nothing. */
  write<T>(body: () => T): T {
    try {
      this.#db.exec("BEGIN IMMEDIATE");
      const result = body();
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      if (isPlinthError(error)) throw error;
      throw new PlinthError("PLINTH_CHANNEL_STORE", `What channels bring cannot be kept: ${errorInfo(error).message}.`, {
        next: "Check the disk's free space and the rights of the state folder.",
        cause: error,
      });
    }
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #statement(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) this.#prepared.set(sql, (statement = this.#db.prepare(sql)));
    return statement;
  }

  #migrate(file: string): void {
    const version = (): number => Number(this.#db.prepare("PRAGMA user_version").get()?.user_version ?? 0);
    if (version() > steps.length)
      throw new PlinthError("PLINTH_CHANNEL_STORE", `${file} was written by a newer version.`, { next: "Update Plinth, or move the file away." });
    while (version() < steps.length)
      this.write(() => {
        const at = version();
        if (at >= steps.length) return;
        this.#db.exec(steps[at] as string);
        this.#db.exec(`PRAGMA user_version = ${at + 1}`);
      });
  }
}
