/** Each step brings the file one version further. Steps are never edited once released, only added. */
export const STEPS: readonly string[] = [
  `CREATE TABLE sessions (
     id INTEGER PRIMARY KEY,
     key TEXT NOT NULL UNIQUE,
     head TEXT,
     created INTEGER NOT NULL,
     updated INTEGER NOT NULL,
     running TEXT,
     owner TEXT,
     entries INTEGER NOT NULL DEFAULT 0
   ) STRICT;
   CREATE INDEX sessions_updated ON sessions (updated);
   CREATE INDEX sessions_owner ON sessions (owner) WHERE owner IS NOT NULL;
   CREATE TABLE entries (
     id TEXT PRIMARY KEY,
     session INTEGER NOT NULL,
     parent TEXT,
     run TEXT,
     at INTEGER NOT NULL,
     run_end INTEGER NOT NULL,
     body TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX entries_run_end ON entries (session, run) WHERE run_end = 1;
   CREATE TRIGGER entries_no_update BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;
   CREATE TRIGGER entries_no_delete BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;`,
  // Sessions of before count from here on: what they take already cannot be told without reading all of it.
  `ALTER TABLE sessions ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
   CREATE TABLE origins (origin TEXT PRIMARY KEY, level INTEGER NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;`,
  "ALTER TABLE entries ADD COLUMN origin TEXT",
  // Entries get the number by which order goes from here on; ids of before sort by the time of their writing. A run of before
  // has no claim that could be renewed: it has expired.
  `DROP TRIGGER entries_no_update;
   DROP TRIGGER entries_no_delete;
   DROP INDEX entries_run_end;
   ALTER TABLE entries RENAME TO entries_3;
   CREATE TABLE entries (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     id TEXT NOT NULL UNIQUE,
     session INTEGER NOT NULL,
     parent TEXT,
     run TEXT,
     at INTEGER NOT NULL,
     run_end INTEGER NOT NULL,
     body TEXT NOT NULL,
     origin TEXT
   ) STRICT;
   INSERT INTO entries (id, session, parent, run, at, run_end, body, origin)
     SELECT id, session, parent, run, at, run_end, body, origin FROM entries_3 ORDER BY id;
   DROP TABLE entries_3;
   CREATE INDEX entries_session ON entries (session, seq);
   CREATE INDEX entries_run_end ON entries (session, run) WHERE run_end = 1;
   DROP INDEX sessions_owner;
   DROP INDEX sessions_updated;
   ALTER TABLE sessions DROP COLUMN owner;
   ALTER TABLE sessions ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE sessions ADD COLUMN expires INTEGER;
   ALTER TABLE sessions ADD COLUMN guest TEXT;
   ALTER TABLE sessions ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE sessions ADD COLUMN runs INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE sessions ADD COLUMN tokens TEXT;
   ALTER TABLE sessions ADD COLUMN facts TEXT;
   ALTER TABLE sessions ADD COLUMN archived INTEGER;
   UPDATE sessions SET expires = 0 WHERE running IS NOT NULL;
   UPDATE sessions SET changed = place FROM (SELECT id AS one, row_number() OVER (ORDER BY updated, id) AS place FROM sessions) WHERE id = one;
   CREATE INDEX sessions_changed ON sessions (changed);
   CREATE INDEX sessions_expires ON sessions (expires) WHERE running IS NOT NULL;
   CREATE TABLE tombstones (
     session INTEGER PRIMARY KEY,
     key TEXT NOT NULL,
     at INTEGER NOT NULL,
     why TEXT NOT NULL,
     entries INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX tombstones_key ON tombstones (key);
   CREATE TRIGGER entries_no_update BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;
   CREATE TRIGGER entries_no_delete BEFORE DELETE ON entries WHEN NOT EXISTS (SELECT 1 FROM tombstones WHERE session = OLD.session)
     BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;
   CREATE TABLE appended (session INTEGER NOT NULL, key TEXT NOT NULL, head TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (session, key)) STRICT, WITHOUT ROWID;
   CREATE TABLE inputs (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     id TEXT NOT NULL UNIQUE,
     session INTEGER NOT NULL,
     at INTEGER NOT NULL,
     held INTEGER NOT NULL,
     input TEXT NOT NULL,
     origin TEXT
   ) STRICT;
   CREATE INDEX inputs_session ON inputs (session);
   CREATE VIRTUAL TABLE words USING fts5 (text, content = '', contentless_delete = 1);
   CREATE TABLE indexed (seq INTEGER NOT NULL) STRICT;
   INSERT INTO indexed VALUES (0);`,
  "ALTER TABLE sessions ADD COLUMN claimant TEXT",
  // Absent in sessions of before: they count from when they were made, and last changed.
  "ALTER TABLE sessions ADD COLUMN started INTEGER; ALTER TABLE sessions ADD COLUMN touched INTEGER",
];

/**
 * After rows are gone: whoever's parent is gone hangs below what came before it, a conversation whose newest entry is gone ends with
 * the one before, and what nobody can tell the name of gets one.
 */
export const MEND = `
  DROP TRIGGER entries_no_update;
  UPDATE entries SET parent = (SELECT id FROM entries AS one WHERE one.session = entries.session AND one.seq < entries.seq ORDER BY one.seq DESC LIMIT 1)
    WHERE parent IS NOT NULL AND parent NOT IN (SELECT id FROM entries);
  CREATE TRIGGER entries_no_update BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;
  INSERT INTO sessions (id, key, created, updated, entries, bytes)
    SELECT session, 'recovered-' || session, min(at), max(at), count(*), sum(length(CAST(body AS BLOB))) FROM entries
    WHERE session NOT IN (SELECT id FROM sessions) AND session NOT IN (SELECT session FROM tombstones) GROUP BY session;
  UPDATE sessions SET head = (SELECT id FROM entries WHERE session = sessions.id ORDER BY seq DESC LIMIT 1)
    WHERE key = 'recovered-' || id OR head IS NOT NULL AND head NOT IN (SELECT id FROM entries)`;
