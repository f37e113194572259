import { existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate as breathe } from "node:timers/promises";
import { type Copied, copied } from "./copy-rows.ts";
import { MAKING, migrate, opened, type Shape, versionOf } from "./open.ts";

const SIDE = ["-wal", "-shm", ""] as const;
const ASIDE = ".damaged-";

/** What became of a damaged file. */
export interface Recovered extends Copied {
  /** Where it lies now, as it was. */
  readonly aside: string;
  /** For the log: `12 rows of it were copied, and some could not be read`. */
  readonly words: string;
}

/** Damaged files that were set aside beside `file`, oldest first. */
export function asideOf(file: string): string[] {
  const begin = `${basename(file)}${ASIDE}`;
  const names = existsSync(dirname(file)) ? readdirSync(dirname(file)) : [];
  return names
    .filter((name) => name.startsWith(begin) && !/-(wal|shm)$/.test(name))
    .sort()
    .map((name) => join(dirname(file), name));
}

/**
 * A new file with what can be read of the damaged one, which lies beside it from then on. Made apart and put in its place when it
 * is whole: whenever this process ends, either the one or the other is there.
 *
 * @param derived tables whose rows are made from others
 * @param mend what puts right what is left of a whole, at the last version
 */
export async function recover(file: string, shape: Shape, derived: readonly string[], mend: string): Promise<Recovered | undefined> {
  const damaged = stateOf(file);
  const making = file + MAKING;
  for (const side of SIDE) rmSync(making + side, { force: true });
  const old = readable(file, shape);
  const version = old === undefined ? shape.steps.length : old.version;
  const fresh = await opened(making, { ...shape, steps: shape.steps.slice(0, version) });
  let found: Copied = { rows: 0, whole: false };
  try {
    if (old !== undefined) found = await copied(old.db, fresh, [...derived, shape.versionTable ?? ""], breathe);
    migrate(fresh, making, shape);
    if (mend !== "") fresh.exec(`BEGIN; ${mend}; COMMIT`);
  } finally {
    fresh.close();
    old?.db.close();
  }
  // Another process may have been faster.
  if (damaged === undefined || stateOf(file) !== damaged) {
    for (const side of SIDE) rmSync(making + side, { force: true });
    return undefined;
  }
  const aside = free(`${file}${ASIDE}${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}`);
  // Its log first: beside another file it would be taken for that one's.
  for (const side of SIDE) if (existsSync(file + side)) renameSync(file + side, aside + side);
  renameSync(making, file);
  return { aside, ...found, words: wordsOf(found) };
}

/** Opened without changing anything; undefined where not even its schema can be read. */
function readable(file: string, { versionTable, steps }: Shape): { db: DatabaseSync; version: number } | undefined {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { readOnly: true, timeout: 100, defensive: false });
    db.exec("PRAGMA writable_schema = ON");
    db.prepare("SELECT count(*) FROM sqlite_schema").get();
    return { db, version: versionIn(db, versionTable, steps.length) };
  } catch {
    db?.close();
    return undefined;
  }
}

function versionIn(db: DatabaseSync, table: string | undefined, last: number): number {
  try {
    const version = versionOf(db, table);
    return version > 0 && version < last ? version : last;
  } catch {
    return last;
  }
}

const stateOf = (file: string): string | undefined => {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? undefined : `${found.dev} ${found.ino}`;
};

function free(name: string): string {
  for (let count = 1; ; count++) {
    const own = count === 1 ? name : `${name}-${count}`;
    if (!existsSync(own)) return own;
  }
}

/** What became of it, for the log. */
const wordsOf = ({ rows, whole }: Copied): string =>
  rows === 0 ? "nothing of it could be read" : `${rows} rows of it were copied${whole ? "" : ", and some could not be read"}`;
