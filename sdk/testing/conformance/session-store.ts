import assert from "node:assert/strict";
import type { Client, TranscriptEntry } from "../../extension/index.ts";
import { assertCodedFailure, assertFits, type ConformanceCase, withOpened } from "./case.ts";

const ID = "plinth.session-store";
type StoreClient = Client<"plinth.session-store">;

export interface SessionStoreSubject {
  /** An empty store for each case. */
  open(): Promise<{ store: StoreClient; close?(): unknown }>;
  /** The same, and `crash` opens what was stored again without having closed it in good order. */
  openDurable?(): Promise<{ store: StoreClient; crash(): Promise<StoreClient>; close?(): unknown }>;
}

const user = (text: string) => ({ role: "user" as const, text });
const said = (text: string) => ({ kind: "message" as const, message: { role: "assistant" as const, text } });
const asked = (callId: string) => ({
  kind: "message" as const,
  message: { role: "assistant" as const, text: "", toolCalls: [{ id: callId, name: "dice", args: {} }] },
});

const history = async (store: StoreClient, key: string, limit?: number): Promise<TranscriptEntry[]> => {
  const output = await store.history({ key, ...(limit ? { limit } : {}) });
  await assertFits(ID, "history", "output", output);
  return output.entries;
};
const words = (entries: TranscriptEntry[]): string[] =>
  entries.map(({ body }) => {
    if (body.kind === "run-end") return `end:${body.status}`;
    if (body.kind === "command") return body.command;
    return body.message.role === "tool" ? `tool:${body.message.callId}` : body.message.text;
  });
const one = (name: string, body: (store: StoreClient) => Promise<void>): ConformanceCase<SessionStoreSubject> => ({
  name,
  run: ({ open }) => withOpened(open, ({ store }) => body(store)),
});

/** What `plinth.session-store` asks of every store. */
export const sessionStoreConformance: readonly ConformanceCase<SessionStoreSubject>[] = [
  one("knows nothing about a session that never was", async (store) => {
    assert.deepEqual(await history(store, "new"), []);
  }),
  one("keeps a run in order: message, answers, end", async (store) => {
    const begun = await store.beginRun({ key: "a", runId: "r1", message: user("hello") });
    await assertFits(ID, "beginRun", "output", begun);
    const appended = await store.append({ key: "a", runId: "r1", bodies: [said("one"), said("two")] });
    await assertFits(ID, "append", "output", appended);
    await store.endRun({ key: "a", runId: "r1", status: "ok" });
    const entries = await history(store, "a");
    assert.deepEqual(words(entries), ["hello", "one", "two", "end:ok"]);
    assert.deepEqual(
      entries.map(({ parent }) => parent),
      [null, ...entries.slice(0, -1).map(({ id }) => id)],
      "each entry's parent is the one before it",
    );
  }),
  one("lets one run at a time claim a session", async (store) => {
    await store.beginRun({ key: "a", runId: "r1", message: user("first") });
    const error = await assertCodedFailure(store.beginRun({ key: "a", runId: "r2", message: user("second") }));
    assert.equal(error.code, "PLINTH_SESSION_BUSY");
    assert.deepEqual(words(await history(store, "a")), ["first"], "the refused message is not stored");
    await store.beginRun({ key: "b", runId: "r2", message: user("elsewhere") });
    await store.endRun({ key: "a", runId: "r1", status: "ok" });
    await store.beginRun({ key: "a", runId: "r3", message: user("third") });
  }),
  one("gives the claim to exactly one of many that ask at once", async (store) => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, n) => store.beginRun({ key: "a", runId: `r${n}`, message: user(`${n}`) })),
    );
    assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
    assert.equal((await history(store, "a")).length, 1);
  }),
  one("refuses writes of a run that does not hold the claim", async (store) => {
    await store.beginRun({ key: "a", runId: "r1", message: user("hello") });
    await store.endRun({ key: "a", runId: "r1", status: "aborted" });
    const late = await assertCodedFailure(store.append({ key: "a", runId: "r1", bodies: [said("late")] }));
    assert.equal(late.code, "PLINTH_SESSION_FENCED");
    await store.beginRun({ key: "a", runId: "r2", message: user("again") });
    assert.equal((await assertCodedFailure(store.append({ key: "a", runId: "r1", bodies: [said("late")] }))).code, "PLINTH_SESSION_FENCED");
    assert.deepEqual(words(await history(store, "a")), ["hello", "end:aborted", "again"]);
  }),
  one("appends without a run, such as a command and its answer", async (store) => {
    await store.append({ key: "a", bodies: [{ kind: "command", command: "/help", answer: "…" }] });
    assert.deepEqual(words(await history(store, "a")), ["/help"]);
  }),
  one("never changes what it has stored", async (store) => {
    await store.append({ key: "a", bodies: [said("one"), said("two")] });
    const before = await history(store, "a");
    await store.append({ key: "a", bodies: [said("three")] });
    await store.setHead({ key: "a", head: before[0]!.id });
    await store.append({ key: "a", bodies: [said("other two")] });
    await store.setHead({ key: "a", head: before[1]!.id });
    assert.deepEqual(await history(store, "a"), before);
  }),
  one("branches where the head is set", async (store) => {
    await store.append({ key: "a", bodies: [said("one"), said("two")] });
    const [first] = await history(store, "a");
    await store.setHead({ key: "a", head: first!.id });
    await store.append({ key: "a", bodies: [said("other")] });
    assert.deepEqual(words(await history(store, "a")), ["one", "other"]);
  }),
  one("starts afresh when the head is null, and deletes nothing", async (store) => {
    await store.append({ key: "a", bodies: [said("one")] });
    const [first] = await history(store, "a");
    await store.setHead({ key: "a", head: null });
    assert.deepEqual(await history(store, "a"), []);
    await store.append({ key: "a", bodies: [said("two")] });
    const [second] = await history(store, "a");
    assert.equal(second!.parent, null);
    await store.setHead({ key: "a", head: first!.id });
    assert.deepEqual(words(await history(store, "a")), ["one"]);
  }),
  one("refuses a head that is not an entry of the session", async (store) => {
    await store.append({ key: "a", bodies: [said("one")] });
    await store.append({ key: "b", bodies: [said("foreign")] });
    const [foreign] = await history(store, "b");
    await assertCodedFailure(store.setHead({ key: "a", head: foreign!.id }));
    await assertCodedFailure(store.setHead({ key: "a", head: "nowhere" }));
    assert.deepEqual(words(await history(store, "a")), ["one"]);
  }),
  one("gives the newest entries when there is a limit, oldest first", async (store) => {
    await store.append({ key: "a", bodies: [said("one"), said("two"), said("three")] });
    assert.deepEqual(words(await history(store, "a", 2)), ["two", "three"]);
  }),
  one("closes open tool calls when a run ends", async (store) => {
    await store.beginRun({ key: "a", runId: "r1", message: user("roll") });
    await store.append({ key: "a", runId: "r1", bodies: [asked("c1")] });
    await store.endRun({ key: "a", runId: "r1", status: "aborted" });
    const entries = await history(store, "a");
    assert.deepEqual(words(entries), ["roll", "", "tool:c1", "end:aborted"]);
    const { body } = entries[2]!;
    assert.equal(body.kind === "message" && body.message.role === "tool" && body.message.isError, true);
  }),
  one("leaves answered tool calls alone when a run ends", async (store) => {
    await store.beginRun({ key: "a", runId: "r1", message: user("roll") });
    const answer = { role: "tool" as const, callId: "c1", name: "dice", content: [{ type: "text" as const, text: "4" }] };
    await store.append({ key: "a", runId: "r1", bodies: [asked("c1"), { kind: "message", message: answer }] });
    await store.endRun({ key: "a", runId: "r1", status: "ok" });
    assert.deepEqual(words(await history(store, "a")), ["roll", "", "tool:c1", "end:ok"]);
  }),
  one("ends a run once, however often it is told", async (store) => {
    await store.beginRun({ key: "a", runId: "r1", message: user("hello") });
    await store.endRun({ key: "a", runId: "r1", status: "ok" });
    await store.endRun({ key: "a", runId: "r1", status: "ok" });
    assert.deepEqual(words(await history(store, "a")), ["hello", "end:ok"]);
  }),
  one("lists sessions, newest first, with what runs", async (store) => {
    await store.append({ key: "old", bodies: [said("one")] });
    await new Promise((resolve) => setTimeout(resolve, 5));
    await store.beginRun({ key: "new", runId: "r1", message: user("hello") });
    const output = await store.list({});
    await assertFits(ID, "list", "output", output);
    assert.deepEqual(
      output.sessions.map(({ key, running }) => [key, running]),
      [
        ["new", "r1"],
        ["old", undefined],
      ],
    );
    const earlier = await store.list({ before: output.sessions[0]!.updatedAt });
    assert.deepEqual(
      earlier.sessions.map(({ key }) => key),
      ["old"],
    );
    assert.equal((await store.list({ limit: 1 })).sessions.length, 1);
  }),
  one("keeps hostile session keys apart", async (store) => {
    const keys = ["__proto__", "constructor", "a/../b", "a'; DROP TABLE entries; --", "ключ", "a%"];
    for (const key of keys) await store.append({ key, bodies: [said(key)] });
    for (const key of keys) assert.deepEqual(words(await history(store, key)), [key]);
  }),
  {
    name: "says after a crash which run was interrupted, and frees its session",
    needs: ["openDurable"],
    run: ({ openDurable }) =>
      withOpened(openDurable!, async ({ store, crash }) => {
        await store.beginRun({ key: "a", runId: "r1", message: user("hello") });
        await store.append({ key: "a", runId: "r1", bodies: [asked("c1")] });
        const again = await crash();
        assert.deepEqual(words(await history(again, "a")), ["hello", "", "tool:c1", "end:interrupted"]);
        await again.beginRun({ key: "a", runId: "r2", message: user("go on") });
      }),
  },
];
