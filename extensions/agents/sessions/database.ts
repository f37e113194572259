import { join } from "node:path";
import { type Recovered, type Row, SqliteFile, type Value } from "@plinth/sdk/kits/sqlite";
import { MEND, STEPS } from "./schema.ts";
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
  /** When its present conversation began; null: when it was made. */
  started: number | null;
  /** When somebody last said something in it; what the host does by itself does not count. null: when it last changed. */
  touched: number | null;
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

export const fileIn = (dir: string): string => join(dir, "sessions.db");

/** The SQLite file: its statements and its transactions. */
export class Database {
  readonly #file: SqliteFile;

  private constructor(file: SqliteFile) {
    this.#file = file;
  }

  /** @throws PLINTH_SESSION_STORE, PLINTH_SESSION_NEWER */
  static async open(dir: string, recovered: (report: Recovered) => void): Promise<Database> {
    return new Database(
      await SqliteFile.open({
        ...{ file: fileIn(dir), steps: STEPS, mend: MEND, versionTable: "schema_version", derived: ["indexed"] },
        ...{ title: "The session file", code: "PLINTH_SESSION_STORE", newer: "PLINTH_SESSION_NEWER", recovered },
        pragmas: ["synchronous = NORMAL", "secure_delete = ON", "cache_size = -4096", "journal_size_limit = 8388608"],
      }),
    );
  }

  /** A short body as one transaction: all of it or nothing. It may be run again while another process writes. */
  write<T>(body: () => T): Promise<T> {
    return this.#file.write(body);
  }

  get(name: Name, ...values: Value[]): Row | undefined {
    return this.#file.get(statements[name], ...values);
  }

  all(name: Name, ...values: Value[]): Row[] {
    return this.#file.all(statements[name], ...values);
  }

  /** How many rows it changed, and the number of the row that it added. */
  run(name: Name, ...values: Value[]): { changes: number; row: number } {
    return this.#file.run(statements[name], ...values);
  }

  session(key: string): SessionRow | undefined {
    return this.get("session", key) as SessionRow | undefined;
  }

  /** Up to `limit` entries from `head` towards the root, newest first. */
  walk(head: string, limit: number): EntryRow[] {
    return this.all("walk", head, limit) as unknown as EntryRow[];
  }

  close(): void {
    this.#file.close();
  }
}
