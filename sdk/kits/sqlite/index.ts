/** For extensions that keep a SQLite file of their own, in the host's process: opened, migrated, waited for, and mended in one way. */
export { asideCheck } from "./aside-check.ts";
export type { Recovered } from "./recover.ts";
export { type Row, SqliteFile, type SqliteOptions, type Statement, type Value } from "./sqlite-file.ts";
