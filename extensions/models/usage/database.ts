import { join } from "node:path";
import { type Recovered, SqliteFile } from "@plinth/sdk/kits/sqlite";

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

export const fileIn = (dir: string): string => join(dir, "usage.db");

/** The file of the record. What was written outlives this process, however it ends. @throws PLINTH_USAGE_STORE */
export const openRecord = (dir: string, recovered: (report: Recovered) => void = () => {}): Promise<SqliteFile> =>
  SqliteFile.open({
    ...{ file: fileIn(dir), steps: STEPS, title: "The record of what models cost", code: "PLINTH_USAGE_STORE", recovered },
    pragmas: ["synchronous = NORMAL", "journal_size_limit = 4194304"],
  });
