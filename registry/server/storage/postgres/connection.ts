import { PlinthError } from "@plinth/manifests/wire/error.ts";
import pg from "pg";
import type { Row } from "../rows.ts";

export interface Database {
  query(text: string, values?: readonly unknown[]): Promise<{ rows: Row[]; changes: number }>;
  /** All of it or nothing, on one connection. */
  transaction<T>(body: (query: Database["query"]) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 10;
/** Requests that wait for a connection; further ones are told to come back. */
const MAX_WAITING = 1_000;
const CONNECT_MS = 5_000;
const STATEMENT_MS = 30_000;
const IDLE_MS = 30_000;

/** What its codes mean to who wrote the address; nothing of the address is said, for a mistake in it may show the password. */
const REASONS: Record<string, string> = {
  "28P01": "it refuses the password",
  "28000": "it refuses the user",
  "3D000": "it has no such database",
  ECONNREFUSED: "nothing listens there",
  ENOENT: "there is no such socket",
  ENOTFOUND: "there is no such host",
};

/** @param url postgres://USER:PASSWORD@HOST:PORT/DATABASE; whatever it leaves out comes from PGHOST, PGPASSWORD and the like. */
export async function connect(url: string): Promise<Database> {
  if (!/^postgres(ql)?:\/\//.test(url)) throw unusable("its address does not begin with postgres://");
  const pool = new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_MS,
    idleTimeoutMillis: IDLE_MS,
    allowExitOnIdle: true,
    statement_timeout: STATEMENT_MS,
    query_timeout: STATEMENT_MS + CONNECT_MS,
    idle_in_transaction_session_timeout: STATEMENT_MS,
    application_name: "plinth-registry",
  });
  // A connection that breaks while nobody uses it is replaced when it is next wanted.
  pool.on("error", () => {});
  const database = databaseOf(pool);
  try {
    const { rows } = await database.query("show server_encoding");
    if (rows[0]!.server_encoding !== "UTF8") throw unusable(`its encoding is ${rows[0]!.server_encoding}, not UTF8`);
    return database;
  } catch (error) {
    await pool.end();
    if (error instanceof PlinthError) throw error;
    const code = String((error as { code?: unknown }).code ?? "no answer");
    throw unusable(REASONS[code] ?? code);
  }
}

function databaseOf(pool: pg.Pool): Database {
  const client = async (): Promise<pg.PoolClient> => {
    if (pool.waitingCount < MAX_WAITING) return pool.connect();
    throw new PlinthError("PLINTH_REGISTRY_DATABASE", "The registry's database has more to do than it can.", {
      next: "Try again in a minute.",
      details: { retryable: true },
    });
  };
  const queryOn =
    (connection: pg.PoolClient): Database["query"] =>
    async (text, values = []) => {
      const { rows, rowCount } = await connection.query(text, values.map(storable));
      return { rows, changes: rowCount ?? 0 };
    };
  return {
    async query(text, values) {
      const connection = await client();
      try {
        const result = await queryOn(connection)(text, values);
        connection.release();
        return result;
      } catch (error) {
        release(connection, error);
        throw error;
      }
    },
    async transaction(body) {
      const connection = await client();
      try {
        await connection.query("begin");
        const result = await body(queryOn(connection));
        await connection.query("commit");
        connection.release();
        return result;
      } catch (error) {
        // Whatever state it is in: ending the connection undoes what it began.
        connection.release(true);
        throw error;
      }
    },
    close: () => pool.end(),
  };
}

/** A refused statement leaves a connection as it was; after anything else it may still be busy with it. */
function release(connection: pg.PoolClient, error: unknown): void {
  connection.release(!(error instanceof pg.DatabaseError));
}

/** Postgres has no text with the character NUL in it. */
function storable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(storable);
  return typeof value === "string" && value.includes("\0") ? value.replaceAll("\0", "\uFFFD") : value;
}

function unusable(reason: string): PlinthError {
  return new PlinthError("PLINTH_REGISTRY_DATABASE", `The registry cannot use its Postgres database: ${reason}.`, {
    next: "Correct --database or PLINTH_REGISTRY_DATABASE, and see that Postgres runs and takes connections from here.",
  });
}
