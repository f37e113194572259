/** Each step brings the file one version further. Steps are never edited once released, only added. */
export const steps: readonly string[] = [
  // An item's body is removed when it is done; the row stays for a while, so that the same event is known again.
  `CREATE TABLE items (
     seq INTEGER PRIMARY KEY,
     channel TEXT NOT NULL,
     account TEXT NOT NULL,
     event TEXT NOT NULL,
     conversation TEXT NOT NULL,
     at INTEGER NOT NULL,
     state TEXT NOT NULL,
     body TEXT,
     run TEXT,
     tries INTEGER NOT NULL DEFAULT 0,
     UNIQUE (channel, account, event)
   ) STRICT;
   CREATE INDEX items_open ON items (conversation, seq) WHERE state <> 'done';
   CREATE INDEX items_at ON items (at);
   CREATE TABLE deliveries (
     seq INTEGER PRIMARY KEY,
     key TEXT NOT NULL UNIQUE,
     channel TEXT NOT NULL,
     account TEXT NOT NULL,
     conversation TEXT NOT NULL,
     at INTEGER NOT NULL,
     state TEXT NOT NULL,
     tries INTEGER NOT NULL DEFAULT 0,
     message TEXT,
     receipt TEXT,
     error TEXT
   ) STRICT;
   CREATE INDEX deliveries_open ON deliveries (conversation, seq) WHERE state IN ('waiting', 'sending');
   CREATE INDEX deliveries_at ON deliveries (at);
   CREATE TABLE standings (address TEXT PRIMARY KEY, standing TEXT NOT NULL, name TEXT, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE pairings (
     code TEXT PRIMARY KEY,
     channel TEXT NOT NULL,
     who TEXT NOT NULL,
     name TEXT,
     expires INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE stopped (account TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;`,
  // The conversation that a turn was begun in, whatever is bound otherwise meanwhile.
  "ALTER TABLE items ADD COLUMN session TEXT;",
];
