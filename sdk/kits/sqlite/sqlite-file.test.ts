import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Recovered, SqliteFile } from "./index.ts";
import { asideOf } from "./recover.ts";

const STEPS = [
  `CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL) STRICT;
   CREATE TABLE sums (name TEXT PRIMARY KEY, sum INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE seen (seq INTEGER NOT NULL) STRICT;
   INSERT INTO seen VALUES (0);`,
  "ALTER TABLE notes ADD COLUMN more TEXT",
];
const PAGE = 4_096;
const NOTES = 2_000;

let dir = "";
let file = "";
const told: Recovered[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "plinth-sqlite-"));
  file = join(dir, "own.db");
  told.length = 0;
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const open = (steps = STEPS, versionTable?: string): Promise<SqliteFile> =>
  SqliteFile.open({
    ...{ file, steps, title: "The record", code: "PLINTH_RECORD", newer: "PLINTH_RECORD_NEWER", derived: ["seen"] },
    ...(versionTable === undefined ? {} : { versionTable }),
    recovered: (report) => told.push(report),
  });

/** A closed file with much in it. */
async function filled(steps = STEPS): Promise<void> {
  const db = await open(steps);
  await db.write(() => {
    for (let at = 1; at <= NOTES; at++) db.run("INSERT INTO notes (text) VALUES (?)", `note ${at} ${"x".repeat(200)}`);
    for (let at = 0; at < 500; at++) db.run("INSERT INTO sums VALUES (?, ?)", `sum ${String(at).padStart(4, "0")} ${"y".repeat(40)}`, 2 ** 40 + at);
    db.run("UPDATE seen SET seq = 7");
  });
  db.close();
}

function overwrite(page: number, byte = 0x41): void {
  const bytes = readFileSync(file);
  bytes.fill(byte, (page - 1) * PAGE, page * PAGE);
  writeFileSync(file, bytes);
}

const count = (db: SqliteFile, table: string): number => Number(db.get(`SELECT count(*) AS count FROM ${table}`)?.count);

describe("a file of SQLite", () => {
  it("is its owner's alone, and is taken to its last version whoever opens it first", async () => {
    const all = await Promise.all(Array.from({ length: 4 }, () => open()));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await Promise.all(all.map((db, at) => db.write(() => db.run("INSERT INTO notes (text, more) VALUES (?, ?)", "one", String(at)))));
    expect(all.map((db) => count(db, "notes"))).toEqual([4, 4, 4, 4]);
    for (const db of all) db.close();
  });

  it.each([undefined, "schema_version"])("of a newer version is left alone, wherever its version stands (%s)", async (table) => {
    (await open([...STEPS, "CREATE TABLE later (x TEXT)"], table)).close();
    const before = readFileSync(file);
    await expect(open(STEPS, table)).rejects.toMatchObject({ code: "PLINTH_RECORD_NEWER", next: expect.stringContaining("Update") });
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(asideOf(file)).toEqual([]);
  });

  it("writes all of a body or nothing of it", async () => {
    const db = await open();
    const failed = db.write(() => {
      db.run("INSERT INTO notes (text) VALUES (?)", "one");
      throw new Error("no");
    });
    await expect(failed).rejects.toMatchObject({ code: "PLINTH_RECORD", next: expect.any(String) });
    expect(count(db, "notes")).toBe(0);
    db.close();
  });

  it("waits for another process that writes", async () => {
    const db = await open();
    const other = new DatabaseSync(file);
    other.exec("BEGIN IMMEDIATE");
    const waiting = db.write(() => db.run("INSERT INTO notes (text) VALUES (?)", "one"));
    await new Promise((resolve) => setTimeout(resolve, 30));
    other.exec("COMMIT");
    other.close();
    expect((await waiting).changes).toBe(1);
    db.close();
  });
});

describe("a damaged file of SQLite", () => {
  it.each([
    ["that is no database", () => writeFileSync(file, Buffer.alloc(8_192, 0x41))],
    ["whose first page is gone", () => overwrite(1, 0)],
  ])("%s is set aside as it was, told of once, and a new one works", async (_what, damage) => {
    await filled();
    damage();
    const bytes = readFileSync(file);
    const db = await open();
    expect(told).toEqual([{ aside: asideOf(file)[0], rows: 0, whole: false, words: "nothing of it could be read" }]);
    expect(told[0]?.aside).toMatch(/own\.db\.damaged-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d$/);
    expect(readFileSync(told[0]!.aside).equals(bytes)).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await db.write(() => db.run("INSERT INTO notes (text, more) VALUES ('a', 'b')"));
    db.close();
    const again = await open();
    expect([count(again, "notes"), told.length]).toEqual([1, 1]);
    again.close();
    expect(readdirSync(dir).some((name) => name.includes("recovering"))).toBe(false);
  });

  it("that is shorter than it says gives back what is left of it", async () => {
    await filled();
    truncateSync(file, Math.floor(statSync(file).size / PAGE / 2) * PAGE);
    const db = await open();
    expect(told[0]?.whole).toBe(false);
    expect(count(db, "notes") + count(db, "sums")).toBe(told[0]?.rows);
    expect(count(db, "notes")).toBeGreaterThan(NOTES / 4);
    db.close();
  });

  it("with a malformed page is mended when that page is met: all but its rows are there, with their numbers", async () => {
    await filled();
    overwrite(40);
    const db = await open();
    expect(told).toEqual([]);
    expect(() => db.all("SELECT * FROM notes")).toThrow();
    expect(() => db.all("SELECT * FROM notes")).toThrow(expect.objectContaining({ code: "PLINTH_RECORD", next: "Try again in a moment." }));
    await db.write(() => db.run("INSERT INTO notes (text) VALUES ('new')"));
    expect(told).toHaveLength(1);
    const kept = db.all("SELECT id, text FROM notes WHERE text <> 'new'");
    expect(kept.length).toBeGreaterThan(NOTES - 100);
    expect(kept.length).toBeLessThan(NOTES);
    for (const { id, text } of kept) expect(text).toMatch(new RegExp(`^note ${id} `));
    expect([kept.at(-1)?.id, count(db, "sums")]).toEqual([NOTES, 500]);
    expect(db.get("SELECT sum FROM sums WHERE name LIKE 'sum 0042%'")?.sum).toBe(2 ** 40 + 42);
    // What is made from others begins anew.
    expect(db.get("SELECT seq FROM seen")?.seq).toBe(0);
    db.close();
  });

  it("of an earlier version is copied at that version, and taken further then", async () => {
    await filled(STEPS.slice(0, 1));
    overwrite(40);
    const db = await open();
    try {
      db.all("SELECT * FROM notes");
    } catch {}
    await db.write(() => {});
    expect(told[0]?.rows).toBeGreaterThan(NOTES - 100);
    expect(db.get("SELECT more FROM notes LIMIT 1")).toEqual({ more: null });
    db.close();
  });

  it("whose new one was whole when the process ended is not begun anew", async () => {
    await filled();
    const bytes = readFileSync(file);
    writeFileSync(`${file}.recovering`, bytes);
    rmSync(file);
    const db = await open();
    expect(count(db, "notes")).toBe(NOTES);
    db.close();
  });
});
