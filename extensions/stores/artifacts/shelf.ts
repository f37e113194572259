import { createHash, randomBytes } from "node:crypto";
import { chmodSync, closeSync, openSync } from "node:fs";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { ArtifactInfo } from "@plinth/sdk";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS artifacts (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, sha TEXT NOT NULL, bytes INTEGER NOT NULL, mime TEXT NOT NULL,
    name TEXT, session TEXT, payer TEXT, at INTEGER NOT NULL, expires INTEGER
  ) STRICT;
  CREATE INDEX IF NOT EXISTS artifacts_sha ON artifacts (sha);
  CREATE INDEX IF NOT EXISTS artifacts_payer ON artifacts (payer) WHERE payer IS NOT NULL;
  CREATE INDEX IF NOT EXISTS artifacts_expires ON artifacts (expires) WHERE expires IS NOT NULL;
  CREATE TABLE IF NOT EXISTS salt (salt TEXT NOT NULL) STRICT;
`;
const LIVE = "(expires IS NULL OR expires > ?)";
const BUSY_MS = 5_000;

export interface Row {
  seq: number;
  id: string;
  sha: string;
  bytes: number;
  mime: string;
  name: string | null;
  session: string | null;
  payer: string | null;
  at: number;
  expires: number | null;
}

const statements = {
  get: `SELECT * FROM artifacts WHERE id = ? AND ${LIVE}`,
  put: `INSERT INTO artifacts (id, sha, bytes, mime, name, session, payer, at, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET expires = CASE WHEN excluded.expires IS NULL OR artifacts.expires IS NULL THEN NULL
      ELSE max(excluded.expires, artifacts.expires) END`,
  keep: "UPDATE artifacts SET expires = ? WHERE id = ?",
  drop: "DELETE FROM artifacts WHERE id = ?",
  expired: "DELETE FROM artifacts WHERE expires <= ? RETURNING sha",
  held: "SELECT 1 FROM artifacts WHERE sha = ? LIMIT 1",
  // The same bytes count once for everybody together, and for each who keeps them.
  total:
    "SELECT coalesce(sum(bytes), 0) AS bytes, coalesce(sum(count), 0) AS count FROM (SELECT max(bytes) AS bytes, count(*) AS count FROM artifacts GROUP BY sha)",
  paid: "SELECT coalesce(sum(bytes), 0) AS bytes FROM artifacts WHERE payer = ?1 OR substr(payer, 1, length(?1) + 1) = ?1 || ':'",
  list: `SELECT * FROM artifacts WHERE seq < ? AND ${LIVE} AND (? IS NULL OR payer = ?) AND (? IS NULL OR session = ?)
    AND (? IS NULL OR substr(mime, 1, length(?)) = ?) ORDER BY seq DESC LIMIT ?`,
} as const;

/** What is known of each artifact: one SQLite file beside the bytes. */
export class Shelf {
  readonly #db: DatabaseSync;
  readonly #prepared = {} as Record<keyof typeof statements, StatementSync>;
  readonly #salt: string;

  constructor(Database: typeof DatabaseSync, path: string) {
    // Made here, so that nobody else can read it; SQLite's side files take its mode.
    closeSync(openSync(path, "a", 0o600));
    chmodSync(path, 0o600);
    this.#db = new Database(path, { timeout: BUSY_MS });
    this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    this.#db.exec(SCHEMA);
    for (const [name, sql] of Object.entries(statements)) this.#prepared[name as keyof typeof statements] = this.#db.prepare(sql);
    this.#db.prepare("INSERT INTO salt SELECT ? WHERE NOT EXISTS (SELECT 1 FROM salt)").run(randomBytes(32).toString("hex"));
    this.#salt = (this.#db.prepare("SELECT salt FROM salt").get() as { salt: string }).salt;
  }

  /** Of these bytes with these facts of this payer: always the same, and nobody who lacks the salt can tell it from the bytes. */
  idOf(sha256: string, facts: readonly (string | null)[]): string {
    const digest = createHash("sha256")
      .update(JSON.stringify([this.#salt, sha256, ...facts]))
      .digest("hex");
    return BigInt(`0x${digest.slice(0, 40)}`)
      .toString(36)
      .padStart(31, "0");
  }

  get(id: string, now: number): Row | undefined {
    return this.#prepared.get.get(id, now) as Row | undefined;
  }

  put({ id, sha, bytes, mime, name, session, payer, at, expires }: Omit<Row, "seq">): void {
    this.#prepared.put.run(id, sha, bytes, mime, name, session, payer, at, expires);
  }

  keep(id: string, expires: number | null): void {
    this.#prepared.keep.run(expires, id);
  }

  drop(id: string): void {
    this.#prepared.drop.run(id);
  }

  /** Forget what has expired; the digests of what went. */
  expire(now: number): string[] {
    return [...new Set((this.#prepared.expired.all(now) as unknown as Row[]).map(({ sha }) => sha))];
  }

  holds(sha256: string): boolean {
    return this.#prepared.held.get(sha256) !== undefined;
  }

  total(): { bytes: number; count: number } {
    return this.#prepared.total.get() as { bytes: number; count: number };
  }

  paid(payer: string): number {
    return (this.#prepared.paid.get(payer) as { bytes: number }).bytes;
  }

  list(before: number, now: number, payer: string | null, session: string | null, mime: string | null, limit: number): Row[] {
    return this.#prepared.list.all(before, now, payer, payer, session, session, mime, mime, mime, limit) as unknown as Row[];
  }

  close(): void {
    this.#db.close();
  }
}

export function infoOf({ id, sha, bytes, mime, name, session, at, expires }: Row): ArtifactInfo {
  return {
    ...{ id, sha256: sha, bytes, mimeType: mime, createdAt: at },
    ...(name === null ? {} : { name }),
    ...(session === null ? {} : { session }),
    ...(expires === null ? {} : { expiresAt: expires }),
  };
}
