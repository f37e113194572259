import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { errors } from "../errors.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS kv (
    namespace TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, expires INTEGER,
    PRIMARY KEY (namespace, key)
  ) WITHOUT ROWID;
`;

/** One SQLite file for all namespaces; WAL, so that a killed process loses nothing that was answered. */
export class KvFile {
  readonly #db: DatabaseSync;
  readonly statements: Record<"get" | "set" | "delete" | "keys" | "clear" | "size" | "all", StatementSync>;

  constructor(Database: typeof DatabaseSync, file: string) {
    if (file !== ":memory:") mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    this.#db = new Database(file);
    this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;");
    this.#db.exec(SCHEMA);
    const live = "(expires IS NULL OR expires > ?)";
    this.statements = {
      get: this.#db.prepare(`SELECT value, expires FROM kv WHERE namespace = ? AND key = ? AND ${live}`),
      set: this.#db.prepare("INSERT OR REPLACE INTO kv (namespace, key, value, expires) VALUES (?, ?, ?, ?)"),
      delete: this.#db.prepare("DELETE FROM kv WHERE namespace = ? AND key = ?"),
      keys: this.#db.prepare(`SELECT key FROM kv WHERE namespace = ? AND key >= ? AND key < ? AND ${live} ORDER BY key LIMIT 10000`),
      clear: this.#db.prepare("DELETE FROM kv WHERE namespace = ?"),
      size: this.#db.prepare("SELECT COALESCE(SUM(LENGTH(CAST(value AS BLOB)) + LENGTH(key)), 0) AS bytes FROM kv WHERE namespace = ?"),
      all: this.#db.prepare(`SELECT key, value FROM kv WHERE namespace = ? AND ${live} ORDER BY key`),
    };
  }

  close(): void {
    this.#db.close();
  }
}

/**
 * A keyv 6 storage adapter for one namespace of a KvFile, with a quota in bytes of keys and values.
 * Contract: https://keyv.org/docs/storage-adapters, full adapter with absolute expiry.
 */
export class SqliteKeyvAdapter {
  readonly capabilities = { expires: true };
  namespace: string | undefined;
  readonly #file: KvFile;
  readonly #owner: string;
  readonly #quota: number;
  #bytes: number;

  constructor(file: KvFile, owner: string, quotaBytes: number) {
    this.#file = file;
    this.#owner = owner;
    this.#quota = quotaBytes;
    this.#bytes = (file.statements.size.get(owner) as { bytes: number }).bytes;
  }

  async get<Value>(key: string): Promise<Value | undefined> {
    const row = this.#file.statements.get.get(this.#owner, key, Date.now()) as { value: string } | undefined;
    return row?.value as Value | undefined;
  }

  async getMany<Value>(keys: string[]): Promise<(Value | undefined)[]> {
    return Promise.all(keys.map((key) => this.get<Value>(key)));
  }

  async set(key: string, value: unknown, expires?: number): Promise<boolean> {
    const text = String(value);
    const size = Buffer.byteLength(text) + Buffer.byteLength(key);
    if (this.#bytes + size > this.#quota) {
      this.#bytes = (this.#file.statements.size.get(this.#owner) as { bytes: number }).bytes;
      if (this.#bytes + size > this.#quota)
        throw errors.quota(this.#owner, `storage of ${Math.floor(this.#quota / 1_048_576)} MiB is full`);
    }
    this.#file.statements.set.run(this.#owner, key, text, expires ?? null);
    this.#bytes += size;
    return true;
  }

  async setMany(entries: { key: string; value: unknown; expires?: number }[]): Promise<boolean[]> {
    return Promise.all(entries.map(({ key, value, expires }) => this.set(key, value, expires)));
  }

  async delete(key: string): Promise<boolean> {
    return Number(this.#file.statements.delete.run(this.#owner, key).changes) > 0;
  }

  async deleteMany(keys: string[]): Promise<boolean[]> {
    return Promise.all(keys.map((key) => this.delete(key)));
  }

  async has(key: string): Promise<boolean> {
    return (await this.get(key)) !== undefined;
  }

  async hasMany(keys: string[]): Promise<boolean[]> {
    return Promise.all(keys.map((key) => this.has(key)));
  }

  async clear(): Promise<void> {
    this.#file.statements.clear.run(this.#owner);
    this.#bytes = 0;
  }

  async *iterator<Value>(): AsyncGenerator<[string, Value | undefined]> {
    for (const row of this.#file.statements.all.all(this.#owner, Date.now())) yield [String(row.key), row.value as Value];
  }

  /** Keys that start with `prefix`, sorted; at most 10,000. */
  keys(prefix: string): string[] {
    return this.#file.statements.keys.all(this.#owner, prefix, `${prefix}\u{10FFFF}`, Date.now()).map((row) => String(row.key));
  }
}
