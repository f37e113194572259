import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { TranscriptEntry } from "@plinth/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Process } from "./store.testing.ts";

type Body = TranscriptEntry["body"];

let dir: string;
const opened: Process[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "plinth-sessions-"));
});

afterEach(() => {
  for (const store of opened.splice(0)) store.close();
  rmSync(dir, { recursive: true, force: true });
});

async function open(options: { now?: () => number; warn?: (message: string) => void } = {}): Promise<Process> {
  const { now, warn = () => {} } = options;
  const store = await Process.open({ dir, log: { warn }, ...(now ? { now } : {}) });
  opened.push(store);
  return store;
}

function close(store: Process): void {
  opened.splice(opened.indexOf(store), 1);
  store.close();
}

const user = (text: string) => ({ role: "user" as const, content: [{ type: "text" as const, text }] });
const say = (text: string): Body => ({ kind: "message", message: { role: "assistant", content: [{ type: "text", text }] } });
const calls = (...ids: string[]): Body => ({
  kind: "message",
  message: { role: "assistant", content: ids.map((id) => ({ type: "tool-call" as const, id, name: "read", args: {} })) },
});
const result = (callId: string): Body => ({
  kind: "message",
  message: { role: "tool", content: [{ type: "tool-result", callId, name: "read", content: [{ type: "text", text: "ok" }] }] },
});
const bodies = async (store: Process, key: string, limit?: number) =>
  (await store.history({ key, ...(limit ? { limit } : {}) })).entries.map(({ body }) => body);

describe("a session store", () => {
  it("refuses a key with half a character, which would be kept as another one's", async () => {
    const store = await open();
    const claim = (key: string) => store.beginRun({ key, runId: "r" });
    for (const key of ["a\ud800", "\udc00", "", "x".repeat(257)]) await expect(claim(key)).rejects.toMatchObject({ code: "PLINTH_SESSION_KEY" });
    await claim("\ud83d\ude00");
  });

  it("keeps a run as a chain: the user's message, what was appended, the end", async () => {
    const store = await open();
    await store.beginRun({ key: "a", runId: "r1", message: user("hi") });
    await store.append({ key: "a", runId: "r1", bodies: [say("hello")] });
    await store.endRun({ key: "a", runId: "r1", status: "ok", model: "x/y" });
    const { entries } = await store.history({ key: "a" });
    expect(entries.map(({ body }) => body)).toEqual([
      { kind: "message", message: user("hi") },
      say("hello"),
      { kind: "run-end", status: "ok", model: "x/y" },
    ]);
    expect(entries.map(({ parent }) => parent)).toEqual([null, entries[0]!.id, entries[1]!.id]);
    expect(entries.every(({ runId }) => runId === "r1")).toBe(true);
  });

  it("reads the same history from the file as from memory", async () => {
    const first = await open();
    for (let run = 0; run < 80; run++) {
      await first.beginRun({ key: "a", runId: `r${run}`, message: user(`message ${run}`) });
      await first.append({ key: "a", runId: `r${run}`, bodies: [say(`answer ${run}`)] });
      await first.endRun({ key: "a", runId: `r${run}`, status: "ok" });
    }
    const before = await first.history({ key: "a", limit: 150 });
    close(first);
    const second = await open();
    expect(await second.history({ key: "a", limit: 150 })).toEqual(before);
    expect((await second.history({ key: "a", limit: 10_000 })).entries).toHaveLength(240);
    expect((await second.history({ key: "a", limit: 3 })).entries).toEqual(before.entries.slice(-3));
  });

  it("lets one run hold a session and tells the other who does", async () => {
    const store = await open();
    await store.beginRun({ key: "a", runId: "r1", message: user("one") });
    await expect(store.beginRun({ key: "a", runId: "r2", message: user("two") })).rejects.toMatchObject({
      code: "PLINTH_SESSION_BUSY",
      message: expect.stringContaining("r1"),
    });
    expect(await bodies(store, "a")).toHaveLength(1);
    expect((await store.list({})).sessions[0]).toMatchObject({ key: "a", running: "r1", entries: 1 });
  });

  it("refuses what a run appends after it lost the session", async () => {
    const store = await open();
    await expect(store.append({ key: "a", runId: "r1", bodies: [say("x")] })).rejects.toMatchObject({ code: "PLINTH_SESSION_FENCED" });
    await store.beginRun({ key: "a", runId: "r1" });
    await store.endRun({ key: "a", runId: "r1", status: "aborted" });
    await expect(store.append({ key: "a", runId: "r1", bodies: [say("x")] })).rejects.toMatchObject({ code: "PLINTH_SESSION_FENCED" });
    await expect(store.endRun({ key: "a", runId: "r9", status: "ok" })).rejects.toMatchObject({ code: "PLINTH_SESSION_FENCED" });
  });

  it("lets no guest go on in another's run, nor end it, whoever told them its id", async () => {
    const store = await open();
    const guest = { by: "guest", via: "acme.x" } as const;
    const mine = { by: "owner", via: "page" } as const;
    await store.beginRun({ key: "a", runId: "r1" }, { origin: mine, payer: null });
    await expect(store.append({ key: "a", runId: "r1", bodies: [say("mine")] }, { origin: guest, payer: null })).rejects.toMatchObject({
      code: "PLINTH_SESSION_FENCED",
    });
    await expect(store.endRun({ key: "a", runId: "r1", status: "ok" }, guest)).rejects.toMatchObject({ code: "PLINTH_SESSION_FENCED" });
    await store.append({ key: "a", runId: "r1", bodies: [say("hers")] }, { origin: mine, payer: null });
    await store.endRun({ key: "a", runId: "r1", status: "ok" }, mine);

    await store.beginRun({ key: "b", runId: "r2" }, { origin: guest, payer: null });
    await store.append({ key: "b", runId: "r2", bodies: [say("own")] }, { origin: guest, payer: null });
    await store.endRun({ key: "b", runId: "r2", status: "ok" }, guest);
    expect((await store.history({ key: "a" })).entries.map(({ origin }) => origin?.by)).toEqual(["owner", "owner"]);
  });

  it("ends a run once, however often it is asked to", async () => {
    const store = await open();
    await store.beginRun({ key: "a", runId: "r1", message: user("one") });
    await store.endRun({ key: "a", runId: "r1", status: "ok" });
    await store.beginRun({ key: "a", runId: "r2", message: user("two") });
    await store.endRun({ key: "a", runId: "r1", status: "error" });
    expect((await store.list({})).sessions[0]).toMatchObject({ running: "r2" });
    expect((await bodies(store, "a")).filter(({ kind }) => kind === "run-end")).toEqual([{ kind: "run-end", status: "ok" }]);
  });

  it("gives open tool calls an error result before the end of their run", async () => {
    const store = await open();
    await store.beginRun({ key: "a", runId: "r1", message: user("one") });
    await store.append({ key: "a", runId: "r1", bodies: [calls("c1", "c2"), result("c1")] });
    await store.endRun({ key: "a", runId: "r1", status: "aborted" });
    expect((await bodies(store, "a")).slice(-2)).toMatchObject([
      { kind: "message", message: { role: "tool", content: [{ callId: "c2", name: "read", isError: true }] } },
      { kind: "run-end", status: "aborted" },
    ]);
  });

  it("refuses a result that answers no open call, and stores nothing of that batch", async () => {
    const store = await open();
    await store.beginRun({ key: "a", runId: "r1", message: user("one") });
    await store.append({ key: "a", runId: "r1", bodies: [calls("c1"), result("c1")] });
    await expect(store.append({ key: "a", runId: "r1", bodies: [say("x"), result("c1")] })).rejects.toMatchObject({
      code: "PLINTH_SESSION_RESULT",
    });
    expect(await bodies(store, "a")).toHaveLength(3);
  });

  it("branches and starts afresh without deleting anything", async () => {
    const store = await open();
    const { head } = await store.append({ key: "a", bodies: [say("one")] });
    await store.append({ key: "a", bodies: [say("two")] });
    await store.setHead({ key: "a", head });
    await store.append({ key: "a", bodies: [say("three")] });
    expect(await bodies(store, "a")).toEqual([say("one"), say("three")]);
    await store.setHead({ key: "a", head: null });
    expect(await bodies(store, "a")).toEqual([]);
    expect((await store.list({})).sessions[0]).toMatchObject({ entries: 3, head: null });
    await expect(store.setHead({ key: "b", head })).rejects.toMatchObject({ code: "PLINTH_SESSION_ENTRY_UNKNOWN" });
  });

  it("does not move the head of a session while a run holds it", async () => {
    const store = await open();
    await store.beginRun({ key: "a", runId: "r1", message: user("one") });
    await expect(store.setHead({ key: "a", head: null })).rejects.toMatchObject({ code: "PLINTH_SESSION_BUSY" });
  });

  it("keeps a run's claim when a command is noted beside it", async () => {
    const store = await open();
    await store.beginRun({ key: "a", runId: "r1", message: user("one") });
    await store.append({ key: "a", bodies: [{ kind: "command", command: "/status", answer: "fine" }] });
    await store.append({ key: "a", runId: "r1", bodies: [say("done")] });
    await store.endRun({ key: "a", runId: "r1", status: "ok" });
    expect((await bodies(store, "a")).map(({ kind }) => kind)).toEqual(["message", "command", "message", "run-end"]);
  });

  it("lists sessions newest first, a page at a time", async () => {
    let now = 1_000;
    const store = await open({ now: () => now });
    for (const key of ["a", "b", "c"]) {
      now += 10;
      await store.append({ key, bodies: [say(key)] });
    }
    expect((await store.list({ limit: 2 })).sessions.map(({ key }) => key)).toEqual(["c", "b"]);
    expect((await store.list({ limit: 2, cursor: (await store.list({ limit: 2 })).next! })).sessions.map(({ key }) => key)).toEqual(["a"]);
  });

  it("gives ids that sort in the order of writing, even when the clock goes back", async () => {
    let now = 5_000;
    const store = await open({ now: () => now-- });
    for (let index = 0; index < 50; index++) await store.append({ key: "a", bodies: [say("x"), say("y")] });
    const ids = (await store.history({ key: "a" })).entries.map(({ id }) => id);
    expect(ids).toHaveLength(100);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(100);
  });

  it("skips a damaged entry with a warning and a marker, and keeps the rest", async () => {
    const first = await open();
    await first.append({ key: "a", bodies: [say("one"), say("two"), say("three")] });
    const damaged = (await first.history({ key: "a" })).entries[1]!.id;
    close(first);
    const db = new DatabaseSync(join(dir, "sessions.db"));
    db.exec("DROP TRIGGER entries_no_update");
    db.prepare("UPDATE entries SET body = '{\"kind\":' WHERE id = ?").run(damaged);
    db.close();
    const warnings: string[] = [];
    const store = await open({ warn: (message) => warnings.push(message) });
    expect(await bodies(store, "a")).toMatchObject([say("one"), { kind: "command", command: "(unreadable entry)" }, say("three")]);
    expect(warnings).toHaveLength(1);
  });

  it("never changes or removes an entry, whoever asks", async () => {
    const store = await open();
    await store.append({ key: "a", bodies: [say("one")] });
    const db = new DatabaseSync(join(dir, "sessions.db"));
    expect(() => db.exec("UPDATE entries SET at = 0")).toThrow("append-only");
    expect(() => db.exec("DELETE FROM entries")).toThrow("append-only");
    db.close();
  });

  it("leaves a file of a newer version alone", async () => {
    close(await open());
    const db = new DatabaseSync(join(dir, "sessions.db"));
    db.exec("UPDATE schema_version SET version = 99");
    db.close();
    await expect(open()).rejects.toMatchObject({ code: "PLINTH_SESSION_NEWER" });
  });

  it("says what to do when the file cannot be opened", async () => {
    rmSync(dir, { recursive: true });
    await expect(open()).rejects.toMatchObject({ code: "PLINTH_SESSION_STORE", next: expect.any(String) });
  });

  it("keeps conversations readable by their owner alone", async () => {
    const store = await open();
    await store.append({ key: "a", bodies: [say("one")] });
    for (const name of readdirSync(dir)) expect(statSync(join(dir, name)).mode & 0o077, name).toBe(0);
  });

  it("shares a session with a second process by its claim: until it expires, and not a moment longer", async () => {
    let now = 1_000_000;
    const first = await open({ now: () => now });
    const second = await open({ now: () => now });
    await first.beginRun({ key: "a", runId: "r1", message: user("one") });
    await first.append({ key: "a", runId: "r1", bodies: [calls("c1")] });
    await expect(second.beginRun({ key: "a", runId: "r2" })).rejects.toMatchObject({ code: "PLINTH_SESSION_BUSY" });
    await expect(second.append({ key: "a", runId: "r1", bodies: [say("x")] })).rejects.toMatchObject({ code: "PLINTH_SESSION_FENCED" });
    now += 9_000;
    await first.renew({ key: "a", runId: "r1" });
    now += 9_000;
    await expect(second.beginRun({ key: "a", runId: "r2" })).rejects.toMatchObject({ code: "PLINTH_SESSION_BUSY" });
    now += 1_000;
    await second.beginRun({ key: "a", runId: "r2", message: user("two") });
    // The first one slept: whatever it still wants to say, it is too late.
    for (const late of [first.append({ key: "a", runId: "r1", bodies: [result("c1")] }), first.renew({ key: "a", runId: "r1" })]) {
      await expect(late).rejects.toMatchObject({ code: "PLINTH_SESSION_FENCED" });
    }
    await second.append({ key: "a", runId: "r2", bodies: [say("mine")] });
    expect((await bodies(first, "a")).slice(2)).toMatchObject([
      { kind: "message", message: { role: "tool", content: [{ callId: "c1", isError: true }] } },
      { kind: "run-end", status: "interrupted" },
      { kind: "message", message: { content: [{ text: "two" }] } },
      say("mine"),
    ]);
  });

  it("ends what expired when it is opened, and tells nobody that it runs before", async () => {
    let now = 1_000_000;
    const first = await open({ now: () => now });
    await first.beginRun({ key: "a", runId: "r1", message: user("one") });
    expect((await first.list()).sessions[0]).toMatchObject({ running: "r1" });
    now += 10_000;
    expect((await first.list()).sessions[0]).not.toHaveProperty("running");
    const second = await open({ now: () => now });
    expect((await bodies(second, "a")).at(-1)).toEqual({ kind: "run-end", status: "interrupted" });
  });
});
