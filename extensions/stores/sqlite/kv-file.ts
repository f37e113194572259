import { chmodSync, closeSync, openSync } from "node:fs";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { PlinthError } from "@plinth/sdk";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS kv (
    space TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, expires INTEGER,
    PRIMARY KEY (space, key)
  ) WITHOUT ROWID;
`;
const BUSY_MS = 5_000;
const SQLITE_BUSY = 5;
const LIVE = "(expires IS NULL OR expires > ?)";

/** One SQLite file for all namespaces; WAL, so that a killed process loses nothing that was answered. */
export class KvFile {
  readonly #db: DatabaseSync;
  readonly #sql: Record<"get" | "set" | "delete" | "keys" | "clear" | "purge" | "size", StatementSync>;
  /** Bytes of each namespace since it was last summed: an upper bound, replaced writes count twice. */
  readonly #bytes = new Map<string, number>();

  constructor(Database: typeof DatabaseSync, path: string) {
    // Made here, so that nobody else can read it; SQLite's side files take its mode.
    closeSync(openSync(path, "a", 0o600));
    chmodSync(path, 0o600);
    this.#db = new Database(path, { timeout: BUSY_MS });
    useWal(this.#db);
    this.#db.exec("PRAGMA synchronous = NORMAL;");
    this.#db.exec(SCHEMA);
    this.#sql = {
      get: this.#db.prepare(`SELECT value FROM kv WHERE space = ? AND key = ? AND ${LIVE}`),
      set: this.#db.prepare("INSERT OR REPLACE INTO kv (space, key, value, expires) VALUES (?, ?, ?, ?)"),
      delete: this.#db.prepare("DELETE FROM kv WHERE space = ? AND key = ?"),
      keys: this.#db.prepare(`SELECT key FROM kv WHERE space = ? AND key >= ? AND key < ? AND ${LIVE} ORDER BY key LIMIT 10000`),
      clear: this.#db.prepare("DELETE FROM kv WHERE space = ?"),
      purge: this.#db.prepare("DELETE FROM kv WHERE space = ? AND expires <= ?"),
      size: this.#db.prepare("SELECT COALESCE(SUM(LENGTH(CAST(value AS BLOB)) + LENGTH(CAST(key AS BLOB))), 0) AS bytes FROM kv WHERE space = ?"),
    };
  }

  get(space: string, key: string): string | null {
    const row = this.#sql.get.get(space, key, Date.now()) as { value: string } | undefined;
    return row?.value ?? null;
  }

  set(space: string, key: string, value: string, expires: number | undefined, quota: number): boolean {
    const size = Buffer.byteLength(value) + Buffer.byteLength(key);
    let bytes = this.#bytes.get(space) ?? this.#sum(space);
    if (bytes + size > quota) {
      const before = this.get(space, key);
      bytes = this.#sum(space) - (before === null ? 0 : Buffer.byteLength(before) + Buffer.byteLength(key));
      if (bytes + size > quota) {
        throw new PlinthError("PLINTH_QUOTA", `${space} used up its storage of ${Math.floor(quota / 1_048_576)} MiB.`, {
          extension: space,
          next: "It is limited by `budgets.storageMb` in its manifest; uninstall it to free the space.",
        });
      }
    }
    this.#sql.set.run(space, key, value, expires ?? null);
    this.#bytes.set(space, bytes + size);
    return true;
  }

  delete(space: string, key: string): boolean {
    const was = this.get(space, key) !== null;
    this.#sql.delete.run(space, key);
    return was;
  }

  /** Keys that start with `prefix`, sorted; at most 10,000. */
  keys(space: string, prefix: string): string[] {
    return this.#sql.keys.all(space, prefix, `${prefix}\u{10FFFF}`, Date.now()).map((row) => String(row.key));
  }

  clear(space: string): boolean {
    this.#bytes.delete(space);
    this.#sql.purge.run(space, Date.now());
    return Number(this.#sql.clear.run(space).changes) > 0;
  }

  close(): void {
    this.#db.close();
  }

  /** What a namespace holds. Expired values go: they do not count, so that nothing else would bound what they take. */
  #sum(space: string): number {
    this.#sql.purge.run(space, Date.now());
    return (this.#sql.size.get(space) as { bytes: number }).bytes;
  }
}

/** SQLite refuses this change at once while another process writes, whatever the timeout says: ask again until that is over. */
function useWal(db: DatabaseSync): void {
  const until = performance.now() + BUSY_MS;
  for (;;) {
    try {
      return db.exec("PRAGMA journal_mode = WAL;");
    } catch (thrown) {
      const busy = ((thrown as { errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY;
      if (!busy || performance.now() > until) throw thrown;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
