import { chmodSync, closeSync, existsSync, openSync, renameSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { PlinthError } from "../../extension/errors.ts";

/** Waiting inside SQLite would stop this thread, so it waits next to nothing; whoever opens or writes waits outside. */
const BUSY_MS = 4;
const OPEN_MS = 2_000;
/** The new one, until it is in the place of a damaged one. */
export const MAKING = ".recovering";

/** What a file is, and how it came to be so. */
export interface Shape {
  /** Each takes the file one version further, in a transaction. Never edited once released, only added. */
  readonly steps: readonly string[];
  /** More than WAL, such as `synchronous = FULL`. Default: `synchronous = NORMAL`. */
  readonly pragmas?: readonly string[];
  /** Where the version stands: SQLite's own `user_version`, or a table of that name with one column `version`. */
  readonly versionTable?: string;
  /** The error of a file that a newer version wrote. */
  readonly newer: string;
}

const codeOf = (thrown: unknown): number => ((thrown as { errcode?: number } | null)?.errcode ?? 0) % 256;
/** Another process writes. */
export const isBusy = (thrown: unknown): boolean => codeOf(thrown) === 5;
/** Malformed, short, or no database at all. */
export const isDamaged = (thrown: unknown): boolean => codeOf(thrown) === 11 || codeOf(thrown) === 26;

/** Resolves to the file at its last version. SQLite refuses some changes at once while another process writes: asked again for 2 s. */
export async function opened(file: string, shape: Shape): Promise<DatabaseSync> {
  const until = performance.now() + OPEN_MS;
  for (;;) {
    try {
      return openNow(file, shape);
    } catch (thrown) {
      if (!isBusy(thrown) || performance.now() > until) throw thrown;
      await sleep(5);
    }
  }
}

function openNow(file: string, shape: Shape): DatabaseSync {
  // A process ended between setting a damaged one aside, when the new one was whole, and putting that in its place.
  if (!existsSync(file) && existsSync(file + MAKING)) renameSync(file + MAKING, file);
  // Made here, so that nobody else on the machine can read it; SQLite's side files take its mode.
  closeSync(openSync(file, "a", 0o600));
  chmodSync(file, 0o600);
  const db = new DatabaseSync(file, { timeout: BUSY_MS });
  try {
    db.exec("PRAGMA journal_mode = WAL");
    for (const pragma of shape.pragmas ?? ["synchronous = NORMAL"]) db.exec(`PRAGMA ${pragma}`);
    migrate(db, file, shape);
    return db;
  } catch (thrown) {
    db.close();
    throw thrown;
  }
}

/** One transaction a step; a file from the future is left alone. */
export function migrate(db: DatabaseSync, file: string, { steps, versionTable, newer }: Shape): void {
  for (;;) {
    // Readers of a current file write nothing.
    const at = versionOf(db, versionTable);
    if (at === steps.length) return;
    if (at > steps.length) {
      throw new PlinthError(newer, `${file} was written by a newer version (schema ${at}, known ${steps.length}).`, {
        next: "Update Plinth, or move the file away to start with an empty one.",
      });
    }
    db.exec("BEGIN IMMEDIATE");
    try {
      // Another process may have taken it further meanwhile.
      if (versionOf(db, versionTable) === at) db.exec(`${steps[at]};${noted(at + 1, versionTable)}`);
      db.exec("COMMIT");
    } catch (thrown) {
      if (db.isTransaction) db.exec("ROLLBACK");
      throw thrown;
    }
  }
}

const noted = (version: number, table: string | undefined): string =>
  table === undefined
    ? `PRAGMA user_version = ${version}`
    : `CREATE TABLE IF NOT EXISTS ${table} (version INTEGER NOT NULL) STRICT; DELETE FROM ${table}; INSERT INTO ${table} VALUES (${version})`;

/** 0: there is nothing in it yet. */
export function versionOf(db: DatabaseSync, table: string | undefined): number {
  if (table === undefined) return Number(db.prepare("PRAGMA user_version").get()?.user_version ?? 0);
  if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?").get(table) === undefined) return 0;
  return Number(db.prepare(`SELECT max(version) AS version FROM ${table}`).get()?.version ?? 0);
}
