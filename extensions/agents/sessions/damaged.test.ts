import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fileIn } from "./database.ts";
import { SYSTEM } from "./origin.ts";
import { SessionStore } from "./store.ts";

const WRITER = { origin: SYSTEM, payer: null };
const PAGE = 4_096;

let dir = "";
const warned: string[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "plinth-damaged-"));
  warned.length = 0;
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const open = () => SessionStore.open({ dir, log: { warn: (message) => warned.push(message) } });
const say = (text: string) => ({ kind: "message" as const, message: { role: "user" as const, content: [{ type: "text" as const, text }] } });
const textsOf = async (store: SessionStore, key: string) =>
  (await store.history({ key, limit: 1_000 })).entries.map(({ body }) => JSON.stringify(body).match(/w\d+-\d+/)?.[0]);

async function filled(): Promise<void> {
  const store = await open();
  for (let at = 0; at < 300; at++) await store.claims.append({ key: `s${at % 3}`, bodies: [say(`w${at % 3}-${at} ${"long ".repeat(60)}`)] }, WRITER);
  store.close();
}

/** Overwrites the page that a statement names. */
function overwrite(sql: string): void {
  const db = new DatabaseSync(fileIn(dir));
  const page = Number(db.prepare(sql).get()?.page);
  db.close();
  const bytes = readFileSync(fileIn(dir));
  bytes.fill(0x41, (page - 1) * PAGE, page * PAGE);
  writeFileSync(fileIn(dir), bytes);
}

describe("a damaged file of conversations", () => {
  it("that is no database is set aside, and new conversations work", async () => {
    writeFileSync(fileIn(dir), Buffer.alloc(8_192, 0x41));
    const store = await open();
    await store.claims.append({ key: "a", bodies: [say("w1-1")] }, WRITER);
    expect(await textsOf(store, "a")).toEqual(["w1-1"]);
    expect(warned).toEqual(["The file of the conversations was damaged: nothing of it could be read."]);
    expect(readdirSync(dir).filter((name) => name.includes(".damaged-"))).toHaveLength(1);
    store.close();
  });

  it("with a malformed page has every other conversation, and each goes on where it can", async () => {
    await filled();
    // The one page of the table of sessions: all their names are gone.
    overwrite("SELECT rootpage AS page FROM sqlite_schema WHERE name = 'sessions'");
    const store = await open();
    await expect(store.catalogue.list({})).rejects.toMatchObject({ code: "PLINTH_SESSION_STORE" });
    await expect.poll(() => warned.length, { timeout: 10_000 }).toBe(1);
    const { sessions } = await store.catalogue.list({});
    expect(sessions.map(({ key }) => key).sort()).toEqual(["recovered-1", "recovered-2", "recovered-3"]);
    expect(await textsOf(store, "recovered-2")).toEqual(Array.from({ length: 100 }, (_, at) => `w1-${at * 3 + 1}`));
    await store.claims.append({ key: "recovered-2", bodies: [say("w9-9")] }, WRITER);
    expect((await textsOf(store, "recovered-2")).slice(-2)).toEqual(["w1-298", "w9-9"]);
    store.close();
  });

  it("whose damage is met while it is used goes on without what was on that page", async () => {
    await filled();
    const bytes = readFileSync(fileIn(dir));
    // The page in which an entry of the middle stands.
    const page = Math.floor(bytes.indexOf("w0-150 long") / PAGE);
    bytes.fill(0x41, page * PAGE, (page + 1) * PAGE);
    writeFileSync(fileIn(dir), bytes);
    const store = await open();
    await expect(store.history({ key: "s0", limit: 1_000 })).rejects.toMatchObject({ code: "PLINTH_SESSION_STORE", next: "Try again in a moment." });
    await expect.poll(() => textsOf(store, "s0").catch(() => []), { timeout: 10_000 }).toContain("w0-0");
    const texts = await textsOf(store, "s0");
    expect(texts.length).toBeGreaterThan(80);
    expect(texts.length).toBeLessThan(100);
    expect(texts.at(-1)).toBe("w0-297");
    expect(await textsOf(store, "s1")).toContain("w1-1");
    expect(() => new DatabaseSync(fileIn(dir)).exec("UPDATE entries SET at = 0")).toThrow("append-only");
    store.close();
  });
});
