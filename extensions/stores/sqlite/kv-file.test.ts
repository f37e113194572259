import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { KvFile } from "./kv-file.ts";

const QUOTA = 1_000;
let dir: string;
let path: string;
let file: KvFile;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "plinth-kv-"));
  path = join(dir, "store.db");
  file = new KvFile(DatabaseSync, path);
});
afterEach(() => {
  vi.useRealTimers();
  file.close();
  rmSync(dir, { recursive: true, force: true });
});

const set = (key: string, value: string, { space = "acme.one", expires, quota = QUOTA }: { space?: string; expires?: number; quota?: number } = {}) =>
  file.set(space, key, value, expires, quota);

describe("a value", () => {
  it("is there once it is set, replaced when it is set again, gone when it is deleted", () => {
    expect(file.get("acme.one", "a")).toBeNull();
    expect(set("a", "1")).toBe(true);
    expect(file.get("acme.one", "a")).toBe("1");
    set("a", "2");
    expect(file.get("acme.one", "a")).toBe("2");
    expect(file.delete("acme.one", "a")).toBe(true);
    expect(file.delete("acme.one", "a")).toBe(false);
    expect(file.get("acme.one", "a")).toBeNull();
  });

  it("belongs to one namespace: no other sees, replaces, lists or clears it", () => {
    set("a", "mine");
    set("a", "other", { space: "acme.two" });
    expect(file.get("acme.one", "a")).toBe("mine");
    expect(file.clear("acme.two")).toBe(true);
    expect(file.clear("acme.two")).toBe(false);
    expect(file.keys("acme.two", "")).toEqual([]);
    expect(file.keys("acme.one", "")).toEqual(["a"]);
    expect(file.get("acme.one", "a")).toBe("mine");
  });

  it("comes back as it was written, whatever text it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), fc.string({ unit: "grapheme" }), (key, value) => {
        set(key, value, { quota: 1e6 });
        expect(file.get("acme.one", key)).toBe(value);
        expect(file.keys("acme.one", key)).toContain(key);
      }),
    );
    set("with\0nul", "a\0b", { quota: 1e6 });
    expect(file.get("acme.one", "with\0nul")).toBe("a\0b");
    expect(file.get("acme.one", "with")).toBeNull();
  });

  it("is there after the file was closed and opened again", () => {
    set("a", "1");
    set("b", "2", { expires: Date.now() + 60_000 });
    file.close();
    file = new KvFile(DatabaseSync, path);
    expect(file.get("acme.one", "a")).toBe("1");
    expect(file.keys("acme.one", "")).toEqual(["a", "b"]);
  });
});

describe("keys", () => {
  it("are those that start with the prefix, sorted, and a wildcard of SQL is only a letter", () => {
    for (const key of ["b/2", "a", "b/10", "b", "b%", "b_x", "ba", "B/1", "b/é", "b/\u{1F600}"]) set(key, "v");
    expect(file.keys("acme.one", "b/")).toEqual(["b/10", "b/2", "b/é", "b/\u{1F600}"]);
    expect(file.keys("acme.one", "b%")).toEqual(["b%"]);
    expect(file.keys("acme.one", "b_")).toEqual(["b_x"]);
    expect(file.keys("acme.one", "")).toEqual(["B/1", "a", "b", "b%", "b/10", "b/2", "b/é", "b/\u{1F600}", "b_x", "ba"]);
    expect(file.keys("acme.one", "none")).toEqual([]);
  });

  it("are at most 10,000", () => {
    const quota = 1e9;
    for (let index = 0; index < 10_050; index++) set(`key-${String(index).padStart(6, "0")}`, "v", { quota });
    const keys = file.keys("acme.one", "key-");
    expect(keys).toHaveLength(10_000);
    expect(keys.at(-1)).toBe("key-009999");
  });
});

describe("a value with an end", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: 1_000_000 }));

  it("is there until then, in no answer from then on, and can be set again", () => {
    set("a", "1", { expires: 1_000_500 });
    vi.setSystemTime(1_000_499);
    expect(file.get("acme.one", "a")).toBe("1");
    vi.setSystemTime(1_000_500);
    expect(file.get("acme.one", "a")).toBeNull();
    expect(file.keys("acme.one", "")).toEqual([]);
    set("a", "2");
    expect(file.get("acme.one", "a")).toBe("2");
  });

  it("was not there when it is deleted or cleared after its end", () => {
    set("a", "1", { expires: 1_000_500 });
    set("b", "1", { expires: 1_000_500 });
    vi.setSystemTime(1_000_500);
    expect(file.delete("acme.one", "a")).toBe(false);
    expect(file.clear("acme.one")).toBe(false);
  });

  it("does not count after its end, and does not stay in the file for ever", () => {
    for (let round = 0; round < 200; round++) {
      vi.setSystemTime(1_000_000 + round * 1_000);
      set(`once-${round}`, "x".repeat(400), { expires: Date.now() + 1_000 });
    }
    file.close();
    const db = new DatabaseSync(path, { readOnly: true });
    const { rows } = db.prepare("SELECT COUNT(*) AS rows FROM kv").get() as { rows: number };
    db.close();
    file = new KvFile(DatabaseSync, path);
    expect(rows).toBeLessThan(10);
  });
});

describe("the quota", () => {
  const full = { code: "PLINTH_QUOTA", extension: "acme.one", next: expect.any(String) };

  it("counts keys and values in bytes, to the last one", () => {
    expect(set("a", "x".repeat(QUOTA - 1))).toBe(true);
    expect(() => set("b", "")).toThrow(expect.objectContaining(full));
    file.clear("acme.one");
    expect(() => set("a", "é".repeat(QUOTA / 2))).toThrow(expect.objectContaining(full));
    expect(set("a", "é".repeat(QUOTA / 2 - 1))).toBe(true);
  });

  it("leaves everything as it was when it refuses", () => {
    set("a", "x".repeat(600));
    expect(() => set("a", "x".repeat(1_001))).toThrow(expect.objectContaining(full));
    expect(() => set("b", "x".repeat(600))).toThrow(expect.objectContaining(full));
    expect(file.get("acme.one", "a")).toHaveLength(600);
    expect(file.keys("acme.one", "")).toEqual(["a"]);
    expect(set("b", "x".repeat(300))).toBe(true);
  });

  it("does not count a value twice that is replaced, however often and however near the limit", () => {
    for (let round = 0; round < 20; round++) expect(set("a", String(round % 10).repeat(QUOTA - 1))).toBe(true);
    expect(file.get("acme.one", "a")).toBe("9".repeat(QUOTA - 1));
    set("a", "small");
    expect(set("b", "x".repeat(900))).toBe(true);
  });

  it("gives back what was deleted, cleared or ended, and is one for each namespace", () => {
    vi.useFakeTimers({ toFake: ["Date"], now: 1_000_000 });
    set("a", "x".repeat(900));
    expect(set("a", "x".repeat(900), { space: "acme.two" })).toBe(true);
    file.delete("acme.one", "a");
    expect(set("b", "x".repeat(900), { expires: 1_001_000 })).toBe(true);
    vi.setSystemTime(1_001_000);
    expect(set("c", "x".repeat(900))).toBe(true);
    file.clear("acme.one");
    expect(set("d", "x".repeat(900))).toBe(true);
  });

  it("still holds after the file was opened again", () => {
    set("a", "x".repeat(900));
    file.close();
    file = new KvFile(DatabaseSync, path);
    expect(() => set("b", "x".repeat(200))).toThrow(expect.objectContaining(full));
  });

  it("is never exceeded and never refuses what fits, whatever is done in whatever order", () => {
    const key = fc.constantFrom("a", "bb", "ccc", "dddd");
    const step = fc.oneof(
      fc.record({ do: fc.constant("set" as const), key, size: fc.nat(120) }),
      fc.record({ do: fc.constant("delete" as const), key, size: fc.constant(0) }),
      fc.record({ do: fc.constant("clear" as const), key, size: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        file.clear("acme.one");
        const model = new Map<string, number>();
        for (const { do: action, key, size } of steps) {
          if (action === "clear") model.clear();
          if (action === "clear") file.clear("acme.one");
          if (action === "delete") expect(file.delete("acme.one", key)).toBe(model.delete(key));
          if (action !== "set") continue;
          const others = [...model].reduce((sum, [name, bytes]) => sum + (name === key ? 0 : name.length + bytes), 0);
          const fits = others + key.length + size <= 250;
          const write = (): boolean => set(key, "x".repeat(size), { quota: 250 });
          if (fits) expect(write()).toBe(true);
          else expect(write).toThrow(expect.objectContaining(full));
          if (fits) model.set(key, size);
        }
        expect(file.keys("acme.one", "")).toEqual([...model.keys()].sort());
      }),
    );
  });
});

describe("several processes", () => {
  const writer = (space: string, count?: number) =>
    spawn(process.execPath, [join(import.meta.dirname, "writer.testing.ts"), path, space, ...(count === undefined ? [] : [String(count)])], {
      cwd: import.meta.dirname,
      env: { ...process.env, NODE_OPTIONS: "--conditions=development" },
      stdio: ["ignore", "pipe", "pipe"],
    });

  it("killed with -9 in the middle of writing: what was answered is there, and the file is sound", async () => {
    for (let round = 0; round < 3; round++) {
      const child = writer("acme.writer");
      let said = "";
      let wrong = "";
      child.stderr.on("data", (chunk) => {
        wrong += chunk;
      });
      const enough = new Promise<void>((resolve) => {
        child.stdout.on("data", (chunk) => {
          said += chunk;
          if (said.length > 500 * (round + 1)) resolve();
        });
      });
      const gone = once(child, "close");
      await Promise.race([enough, gone]);
      child.kill("SIGKILL");
      await gone;
      const answered = Number(said.split("\n").at(-2));
      expect(answered, wrong).toBeGreaterThan(50);
      for (let index = 0; index <= answered; index++) expect(file.get("acme.writer", `key-${String(index).padStart(6, "0")}`)).toBe(`value ${index}`);
    }
    file.close();
    const db = new DatabaseSync(path, { readOnly: true });
    expect(db.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
    db.close();
    file = new KvFile(DatabaseSync, path);
  }, 60_000);

  it("opens a file that another process is making, once that one is done", async () => {
    path = join(dir, "new.db");
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE; CREATE TABLE other (a)");
    const child = writer("acme.writer", 1);
    let wrong = "";
    child.stderr.on("data", (chunk) => {
      wrong += chunk;
    });
    const gone = once(child, "close");
    await Promise.race([once(child.stdout, "data"), gone]);
    // It is opening the file now, or has failed already.
    await new Promise((resolve) => setTimeout(resolve, 100));
    other.exec("COMMIT");
    other.close();
    child.stdout.resume();
    expect(await gone, wrong).toEqual([0, null]);
  });

  it("that open a new file at once do not get in each other's way", async () => {
    path = join(dir, "new.db");
    const ends = await Promise.all(
      ["acme.a", "acme.b", "acme.c", "acme.d"].map(async (space) => {
        const child = writer(space, 50);
        let wrong = "";
        child.stderr.on("data", (chunk) => {
          wrong += chunk;
        });
        child.stdout.resume();
        const [code] = await once(child, "close");
        return { code, wrong };
      }),
    );
    expect(ends.map(({ code, wrong }) => (code === 0 ? "done" : wrong))).toEqual(["done", "done", "done", "done"]);
    file.close();
    file = new KvFile(DatabaseSync, path);
    for (const space of ["acme.a", "acme.b", "acme.c", "acme.d"]) expect(file.keys(space, "")).toHaveLength(50);
  }, 60_000);
});
