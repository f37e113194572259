const COLUMNS =
  "id, key, head, created, updated, running, fence, expires, guest, claimant, changed, entries, bytes, runs, tokens, facts, archived, started, touched";
const SESSION = `SELECT ${COLUMNS} FROM sessions`;
const SHOWN = `SELECT ${COLUMNS}, (SELECT count(*) FROM inputs WHERE inputs.session = sessions.id) AS waiting FROM sessions`;
const ENTRY = "seq, id, parent, run, at, body, origin";

/** Every statement of the store. Each is prepared when it is first used. */
export const statements = {
  session: `${SESSION} WHERE key = ?`,
  // A deleted session's number is not given again: its tombstone is what lets its entries go.
  create: `INSERT INTO sessions (id, key, created, updated, changed)
    SELECT 1 + max((SELECT coalesce(max(id), 0) FROM sessions), (SELECT coalesce(max(session), 0) FROM tombstones)), ?, ?, ?,
      1 + (SELECT coalesce(max(changed), 0) FROM sessions)
    RETURNING id`,
  update: `UPDATE sessions SET head = ?, updated = ?, entries = entries + ?, bytes = bytes + ?, touched = coalesce(?, touched),
    changed = 1 + (SELECT max(changed) FROM sessions) WHERE id = ?`,
  began: "UPDATE sessions SET started = ?, facts = ? WHERE id = ?",
  claim: "UPDATE sessions SET running = ?, fence = fence + 1, expires = ?, guest = ?, claimant = ? WHERE id = ? RETURNING fence",
  renew: "UPDATE sessions SET expires = ? WHERE id = ?",
  free: "UPDATE sessions SET running = NULL, expires = NULL, guest = NULL, claimant = NULL WHERE id = ?",
  finish: "UPDATE sessions SET running = NULL, expires = NULL, guest = NULL, claimant = NULL, runs = runs + 1, tokens = ? WHERE id = ?",
  describe: "UPDATE sessions SET facts = ?, archived = ?, changed = 1 + (SELECT max(changed) FROM sessions) WHERE id = ?",
  expired: `${SESSION} WHERE running IS NOT NULL AND expires <= ? LIMIT ?`,
  shown: `${SHOWN} WHERE key = ?`,
  list: `${SHOWN} WHERE changed < ? AND (archived IS NULL) = ? AND (? IS NULL OR key >= ? AND key < ?)
    AND (? IS NULL OR EXISTS (SELECT 1 FROM json_each(facts, '$.labels') WHERE value = ?)) ORDER BY changed DESC LIMIT ?`,
  totals: "SELECT runs, tokens, entries, bytes FROM sessions",

  insert: "INSERT INTO entries (id, session, parent, run, at, run_end, body, origin) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  ended: "SELECT 1 FROM entries WHERE session = ? AND run = ? AND run_end = 1",
  others: `SELECT 1 FROM (SELECT session, origin FROM entries UNION ALL SELECT session, origin FROM inputs)
    WHERE session = ? AND (json_extract(origin, '$.by') IS NOT 'guest' OR json_extract(origin, '$.via') IS NOT ?) LIMIT 1`,
  belongs: "SELECT parent FROM entries WHERE id = ? AND session = ?",
  // The walk itself carries ids only; bodies are fetched once, in the walk's order (CROSS JOIN keeps it).
  walk: `WITH RECURSIVE chain (id, depth) AS (
      SELECT ?, 1
      UNION ALL
      SELECT entries.parent, depth + 1 FROM chain JOIN entries ON entries.id = chain.id
      WHERE depth < ? AND entries.parent IS NOT NULL
    )
    SELECT seq, entries.id, parent, run, at, body, origin FROM chain CROSS JOIN entries ON entries.id = chain.id`,
  written: `SELECT ${ENTRY} FROM entries WHERE session = ? AND seq > ? ORDER BY seq LIMIT ?`,
  after: `SELECT sessions.key, ${ENTRY.replaceAll(/\b(\w+)\b/g, "entries.$1")} FROM entries JOIN sessions ON sessions.id = entries.session
    WHERE entries.seq > ? ORDER BY entries.seq LIMIT ?`,
  last: "SELECT coalesce(max(seq), 0) AS seq FROM entries",
  appended: "SELECT head FROM appended WHERE session = ? AND key = ?",
  remember: "INSERT INTO appended (session, key, head, at) VALUES (?, ?, ?, ?)",
  forget: "DELETE FROM appended WHERE at < ?",

  origin: "SELECT level, at FROM origins WHERE origin = ?",
  spent: "INSERT INTO origins (origin, level, at) VALUES (?, ?, ?) ON CONFLICT (origin) DO UPDATE SET level = excluded.level, at = excluded.at",

  bury: "INSERT INTO tombstones (session, key, at, why, entries) VALUES (?, ?, ?, ?, ?)",
  buried: "SELECT at, why, entries FROM tombstones WHERE key = ? ORDER BY session DESC LIMIT 1",
  eraseWords: "DELETE FROM words WHERE rowid IN (SELECT seq FROM entries WHERE session = ?)",
  eraseEntries: "DELETE FROM entries WHERE session = ?",
  eraseAppended: "DELETE FROM appended WHERE session = ?",
  eraseInputs: "DELETE FROM inputs WHERE session = ?",
  eraseSession: "DELETE FROM sessions WHERE id = ?",
  stale: `${SESSION} WHERE updated <= ? AND running IS NULL AND (? = 0 OR archived IS NOT NULL) ORDER BY id`,

  enqueue: "INSERT INTO inputs (id, session, at, held, input, origin) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
  queued: "SELECT inputs.session FROM inputs WHERE id = ?",
  inputOrigin: "SELECT origin FROM inputs WHERE id = ?",
  hold: "UPDATE inputs SET held = ? WHERE id = ? RETURNING id",
  abandoned: `SELECT inputs.seq, inputs.id, sessions.key, inputs.at, inputs.input, inputs.origin FROM inputs
    JOIN sessions ON sessions.id = inputs.session WHERE inputs.held <= ? ORDER BY inputs.seq LIMIT ?`,
  dequeue: "DELETE FROM inputs WHERE id = ? AND session = ?",
  withdraw: "DELETE FROM inputs WHERE id = ?",

  indexed: "SELECT seq FROM indexed",
  indexedTo: "UPDATE indexed SET seq = ?",
  unindexed: "SELECT seq, body FROM entries WHERE seq > ? ORDER BY seq LIMIT ?",
  addWords: "INSERT INTO words (rowid, text) VALUES (?, ?)",
  search: `SELECT entries.seq, entries.id, entries.at, entries.body, entries.origin, sessions.key FROM words
    JOIN entries ON entries.seq = words.rowid JOIN sessions ON sessions.id = entries.session
    WHERE words MATCH ? AND (? IS NULL OR sessions.key = ?) ORDER BY words.rank, words.rowid DESC LIMIT ? OFFSET ?`,
  version: "PRAGMA data_version",
  tidy: "PRAGMA wal_checkpoint(TRUNCATE)",
} as const;
