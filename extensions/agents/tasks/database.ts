import { join } from "node:path";
import { type Recovered, SqliteFile } from "@plinth/sdk/kits/sqlite";

/**
 * Each entry takes the file one version further. `expires` is when a task that goes on is lost unless somebody holds it for
 * longer; `changed` orders the changes of all of them. What a task says of itself is JSON.
 */
const STEPS = [
  `CREATE TABLE tasks (
     id TEXT PRIMARY KEY, changed INTEGER NOT NULL, revision INTEGER NOT NULL, kind TEXT NOT NULL, title TEXT NOT NULL, status TEXT NOT NULL,
     owner TEXT NOT NULL, guest TEXT, origin TEXT, parent TEXT, session TEXT, run TEXT, created INTEGER NOT NULL, updated INTEGER NOT NULL,
     ended INTEGER, progress TEXT, result TEXT, error TEXT, cancel TEXT, deliver_to TEXT, delivery TEXT, fence INTEGER NOT NULL DEFAULT 0,
     expires INTEGER
   ) STRICT;
   CREATE UNIQUE INDEX tasks_changed ON tasks (changed);
   CREATE INDEX tasks_parent ON tasks (parent) WHERE parent IS NOT NULL;
   CREATE INDEX tasks_session ON tasks (session, changed) WHERE session IS NOT NULL;
   CREATE INDEX tasks_expires ON tasks (expires) WHERE expires IS NOT NULL;
   CREATE INDEX tasks_ended ON tasks (ended) WHERE ended IS NOT NULL;
   CREATE TABLE changes (
     id INTEGER PRIMARY KEY, task TEXT NOT NULL, type TEXT NOT NULL, status TEXT, at INTEGER NOT NULL, by TEXT NOT NULL, why TEXT
   ) STRICT;
   CREATE INDEX changes_task ON changes (task, id);
   CREATE TABLE clock (id INTEGER PRIMARY KEY CHECK (id = 1), changed INTEGER NOT NULL) STRICT;
   INSERT INTO clock VALUES (1, 0);`,
];

/** What is left of a damaged file still counts on, and has no changes of tasks that are gone. */
const MEND = `
  INSERT OR IGNORE INTO clock VALUES (1, 0);
  UPDATE clock SET changed = max(changed, (SELECT coalesce(max(changed), 0) FROM tasks));
  DELETE FROM changes WHERE task NOT IN (SELECT id FROM tasks);`;

export const fileIn = (dir: string): string => join(dir, "tasks.db");

/** The ledger's file. What was written outlives this process, however it ends. @throws PLINTH_TASK_STORE */
export const openFile = (dir: string, recovered: (report: Recovered) => void = () => {}): Promise<SqliteFile> =>
  SqliteFile.open({
    ...{ file: fileIn(dir), steps: STEPS, mend: MEND, title: "The ledger of tasks", code: "PLINTH_TASK_STORE", recovered },
    pragmas: ["synchronous = NORMAL", "journal_size_limit = 4194304"],
  });
