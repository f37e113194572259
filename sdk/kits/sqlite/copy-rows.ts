import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";

const AT_ONCE = 500;
/** Looks at what lies between what can be read, of one table. */
const MOST_LOOKS = 20_000;
const LAST_ROW = 2n ** 40n;

export interface Copied {
  readonly rows: number;
  /** Nothing was met that could not be read. */
  readonly whole: boolean;
}

type Rows = Iterable<Record<string, SQLInputValue>>;

/** Every row that can be read of each table that both have. `breathe` is waited for between pieces. */
export async function copied(from: DatabaseSync, to: DatabaseSync, left: readonly string[], breathe: () => Promise<unknown>): Promise<Copied> {
  let [rows, whole] = [0, true];
  for (const { name, wr } of to.prepare("PRAGMA table_list").all()) {
    const table = String(name);
    if (table.startsWith("sqlite_") || left.includes(table) || !isPlain(to, table)) continue;
    const copy = new TableCopy(from, to, table);
    try {
      await (Number(wr) === 1 ? copy.fromBothEnds(breathe) : copy.byNumber(breathe));
    } catch {
      copy.whole = false;
    }
    rows += copy.rows;
    whole &&= copy.whole;
  }
  return { rows, whole };
}

/** Neither virtual nor a part of what is virtual: these are made anew. */
const isPlain = (db: DatabaseSync, table: string): boolean =>
  db.prepare("SELECT 1 FROM pragma_table_list(?) WHERE type = 'table' AND schema = 'main'").get(table) !== undefined;

class TableCopy {
  rows = 0;
  whole = true;
  readonly #from: DatabaseSync;
  readonly #to: DatabaseSync;
  readonly #table: string;
  readonly #columns: string;
  readonly #keys: string[];
  readonly #insert: (row: Record<string, SQLInputValue>) => void;
  #looks = 0;

  constructor(from: DatabaseSync, to: DatabaseSync, table: string) {
    this.#from = from;
    this.#to = to;
    this.#table = quoted(table);
    const info = to.prepare("SELECT name, pk FROM pragma_table_info(?)").all(table);
    const names = info.map(({ name }) => String(name));
    this.#columns = names.map(quoted).join(", ");
    this.#keys = info
      .filter(({ pk }) => Number(pk) > 0)
      .sort((a, b) => Number(a.pk) - Number(b.pk))
      .map(({ name }) => quoted(String(name)));
    const insert = to.prepare(`INSERT OR IGNORE INTO ${this.#table} (${this.#columns}) VALUES (${names.map(() => "?").join(", ")})`);
    this.#insert = (row) => {
      this.rows += Number(insert.run(...names.map((name) => row[name] ?? null)).changes);
    };
  }

  /** A table whose rows have numbers: around what is damaged, piece by piece, down to the single row. */
  async byNumber(breathe: () => Promise<unknown>): Promise<void> {
    const ranges: [bigint, bigint][] = [[this.#edge("min") ?? 0n, this.#edge("max") ?? LAST_ROW]];
    const sql = `SELECT rowid AS "(row)", ${this.#columns} FROM ${this.#table} WHERE rowid BETWEEN ? AND ? ORDER BY rowid LIMIT ${AT_ONCE}`;
    let read = this.#prepared(sql);
    for (let range = ranges.pop(); range !== undefined; range = ranges.pop()) {
      let [first, last] = range;
      let count = 0;
      const failed = this.#all(read.iterate(first, last) as Rows, (row) => {
        first = BigInt(row["(row)"] as bigint) + 1n;
        count++;
      });
      if (!failed && count === AT_ONCE && first <= last) ranges.push([first, last]);
      if (failed) {
        this.whole = false;
        // A statement that met damage says so once more when it is used again.
        read = this.#prepared(sql);
      }
      if (failed && first < last) {
        const middle = first + (last - first) / 2n;
        ranges.push([middle + 1n, last], [first, middle]);
      }
      if (++this.#looks > MOST_LOOKS) return;
      if (this.#looks % 16 === 0) await breathe();
    }
  }

  /** A table that is its own index: from its beginning to the damage, and from its end. */
  async fromBothEnds(breathe: () => Promise<unknown>): Promise<void> {
    for (const direction of ["ASC", "DESC"]) {
      const read = this.#from.prepare(
        `SELECT ${this.#columns} FROM ${this.#table} ORDER BY ${this.#keys.map((key) => `${key} ${direction}`).join(", ")}`,
      );
      read.setReadBigInts(true);
      if (!this.#all(read.iterate() as Rows)) return;
      this.whole = false;
      await breathe();
    }
  }

  /** Whether it met something that cannot be read. */
  #all(rows: Rows, seen: (row: Record<string, SQLInputValue>) => void = () => {}): boolean {
    this.#to.exec("BEGIN");
    try {
      for (const row of rows) {
        seen(row);
        try {
          this.#insert(row);
        } catch {
          // A row that is no row of this table: its page was another's.
          this.whole = false;
        }
      }
      return false;
    } catch {
      return true;
    } finally {
      this.#to.exec("COMMIT");
    }
  }

  #prepared(sql: string): StatementSync {
    const read = this.#from.prepare(sql);
    read.setReadBigInts(true);
    return read;
  }

  #edge(of: "min" | "max"): bigint | undefined {
    try {
      const edge = this.#prepared(`SELECT ${of}(rowid) AS edge FROM ${this.#table}`).get()?.edge;
      return edge === null ? (of === "min" ? 0n : -1n) : (edge as bigint);
    } catch {
      return undefined;
    }
  }
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
