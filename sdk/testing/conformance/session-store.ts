import assert from "node:assert/strict";
import { type Client, type ModelMessage, type TranscriptEntry, textOf, toolResultsOf } from "../../extension/index.ts";
import { assertCodedFailure, assertFits, type ConformanceCase, withOpened } from "./case.ts";

const ID = "plinth.session-store";
type StoreClient = Client<"plinth.session-store">;

export interface SessionStoreSubject {
  /** An empty store for each case. */
  open(): Promise<{ store: StoreClient; close?(): unknown }>;
  /** The same, and `crash` opens what was stored again without having closed it in good order. */
  openDurable?(): Promise<{ store: StoreClient; crash(): Promise<StoreClient>; close?(): unknown }>;
}

const user = (text: string): ModelMessage => ({ role: "user", content: [{ type: "text", text }] });
const said = (text: string) => ({ kind: "message" as const, message: { role: "assistant" as const, content: [{ type: "text" as const, text }] } });
const asked = (callId: string) => ({
  kind: "message" as const,
  message: { role: "assistant" as const, content: [{ type: "tool-call" as const, id: callId, name: "dice", args: {} }] },
});

const history = async (store: StoreClient, key: string, limit?: number): Promise<TranscriptEntry[]> => {
  const output = await store.history({ key, ...(limit ? { limit } : {}) });
  await assertFits(ID, "history", "output", output);
  return output.entries;
};
/** A little longer than a claim of `ms` holds. */
const expired = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms + 50));

/** One run that holds a session. */
interface Held {
  fence: number;
  head: string | null;
  append(...bodies: TranscriptEntry["body"][]): Promise<unknown>;
  end(status: "ok" | "error" | "aborted", ...bodies: TranscriptEntry["body"][]): Promise<unknown>;
}
const begin = async (store: StoreClient, key: string, runId: string, message?: ReturnType<typeof user>, ttlMs = 10_000): Promise<Held> => {
  const claimed = await store.claim({ key, runId, ttlMs, ...(message ? { message } : {}) });
  await assertFits(ID, "claim", "output", claimed);
  const { fence, head } = claimed;
  return {
    fence,
    head,
    append: (...bodies) => store.append({ key, runId, fence, bodies }),
    end: (status, ...bodies) => store.release({ key, runId, fence, status, ...(bodies.length === 0 ? {} : { bodies }) }),
  };
};
const words = (entries: TranscriptEntry[]): string[] =>
  entries.map(({ body }) => {
    if (body.kind === "run-end") return `end:${body.status}`;
    if (body.kind === "command") return body.command;
    if (body.kind !== "message") return body.kind;
    const { content } = body.message;
    const results = toolResultsOf(content).map(({ callId }) => `tool:${callId}`);
    return results.join(" ") || textOf(content);
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
    const run = await begin(store, "a", "r1", user("hello"));
    const appended = await run.append(said("one"), said("two"));
    await assertFits(ID, "append", "output", appended);
    await run.end("ok", said("last"));
    const entries = await history(store, "a");
    assert.deepEqual(words(entries), ["hello", "one", "two", "last", "end:ok"]);
    assert.deepEqual(
      entries.map(({ parent }) => parent),
      [null, ...entries.slice(0, -1).map(({ id }) => id)],
      "each entry's parent is the one before it",
    );
  }),
  one("lets one run at a time claim a session", async (store) => {
    const run = await begin(store, "a", "r1", user("first"));
    const error = await assertCodedFailure(begin(store, "a", "r2", user("second")));
    assert.equal(error.code, "PLINTH_SESSION_BUSY");
    assert.deepEqual(words(await history(store, "a")), ["first"], "the refused message is not stored");
    await begin(store, "b", "r2", user("elsewhere"));
    await run.end("ok");
    await begin(store, "a", "r3", user("third"));
  }),
  one("gives the claim to exactly one of many that ask at once", async (store) => {
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, (_, n) => begin(store, "a", `r${n}`, user(`${n}`))));
    assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
    assert.equal((await history(store, "a")).length, 1);
  }),
  one("refuses writes of a run that does not hold the claim", async (store) => {
    const run = await begin(store, "a", "r1", user("hello"));
    await run.end("aborted");
    const late = await assertCodedFailure(run.append(said("late")));
    assert.equal(late.code, "PLINTH_SESSION_FENCED");
    await begin(store, "a", "r2", user("again"));
    assert.equal((await assertCodedFailure(run.append(said("late")))).code, "PLINTH_SESSION_FENCED");
    assert.deepEqual(words(await history(store, "a")), ["hello", "end:aborted", "again"]);
  }),
  one("gives a higher fence with each claim, and refuses writes with an older one", async (store) => {
    const first = await begin(store, "a", "r1", user("hello"), 100);
    await expired(100);
    const second = await begin(store, "a", "r2", user("again"));
    assert.ok(second.fence > first.fence, "the fence rises");
    for (const stale of [
      first.append(said("late")),
      first.end("ok"),
      store.append({ key: "a", runId: "r2", fence: first.fence, bodies: [said("x")] }),
    ]) {
      const outcome = await stale.then(
        () => "ok",
        (error: { code: string }) => error.code,
      );
      assert.ok(outcome === "PLINTH_SESSION_FENCED" || outcome === "ok", "refused, or the end that it has had already");
    }
    assert.deepEqual(words(await history(store, "a")), ["hello", "end:interrupted", "again"]);
    await second.append(said("mine"));
  }),
  one("holds a claim for longer when it is renewed", async (store) => {
    const run = await begin(store, "a", "r1", user("hello"), 100);
    const renewed = await store.renew({ key: "a", runId: "r1", fence: run.fence, ttlMs: 60_000 });
    await assertFits(ID, "renew", "output", renewed);
    await expired(100);
    assert.equal((await assertCodedFailure(begin(store, "a", "r2", user("no")))).code, "PLINTH_SESSION_BUSY");
    await run.end("ok");
    assert.equal((await assertCodedFailure(store.renew({ key: "a", runId: "r1", fence: run.fence, ttlMs: 1_000 }))).code, "PLINTH_SESSION_FENCED");
  }),
  one("never lets a run that ended begin again", async (store) => {
    await (await begin(store, "a", "r1", user("hello"))).end("ok");
    assert.equal((await assertCodedFailure(begin(store, "a", "r1", user("hello")))).code, "PLINTH_SESSION_RAN");
    assert.deepEqual(words(await history(store, "a")), ["hello", "end:ok"]);
  }),
  one("appends once what comes twice with one idempotency key", async (store) => {
    const first = await store.append({ key: "a", bodies: [said("one")], idempotencyKey: "k" });
    await store.append({ key: "a", bodies: [said("two")] });
    assert.deepEqual(await store.append({ key: "a", bodies: [said("one")], idempotencyKey: "k" }), first);
    assert.deepEqual(words(await history(store, "a")), ["one", "two"]);
  }),
  one("refuses what was meant for another head", async (store) => {
    const { head } = await store.append({ key: "a", bodies: [said("one")], expectedHead: null });
    await store.append({ key: "a", bodies: [said("two")], expectedHead: head });
    const late = await assertCodedFailure(store.append({ key: "a", bodies: [said("three")], expectedHead: head }));
    assert.equal(late.code, "PLINTH_SESSION_MOVED");
    const claim = await assertCodedFailure(store.claim({ key: "a", runId: "r1", ttlMs: 1_000, message: user("x"), expectedHead: head }));
    assert.equal(claim.code, "PLINTH_SESSION_MOVED");
    assert.deepEqual(words(await history(store, "a")), ["one", "two"]);
    await begin(store, "a", "r1", user("the refused claim holds nothing"));
  }),
  one("numbers entries in the order of their writing", async (store) => {
    await store.append({ key: "a", bodies: [said("one"), said("two")] });
    await store.append({ key: "a", bodies: [said("three")] });
    const seqs = (await history(store, "a")).map(({ seq }) => seq);
    assert.deepEqual(
      seqs,
      [...seqs].sort((a, b) => a - b),
    );
    assert.equal(new Set(seqs).size, 3);
  }),
  one("gives the page before an entry", async (store) => {
    await store.append({ key: "a", bodies: [said("one"), said("two"), said("three"), said("four")] });
    const page = await history(store, "a", 2);
    const before = await store.history({ key: "a", limit: 2, before: page[0]!.id });
    assert.deepEqual(words(before.entries), ["one", "two"]);
    assert.deepEqual((await store.history({ key: "a", before: before.entries[0]!.id })).entries, []);
  }),
  one("keeps kinds of entries that it does not know", async (store) => {
    const later = { kind: "from-a-later-version", anything: [1, { two: true }] } as never;
    await store.append({ key: "a", bodies: [later, { kind: "custom", type: "note", data: { a: 1 } }] });
    const entries = await history(store, "a");
    assert.deepEqual(entries[0]!.body, later);
    const { body } = entries[1]!;
    assert.ok(body.kind === "custom" && body.type === "note" && typeof body.owner === "string", "the store notes whose a custom entry is");
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
    const run = await begin(store, "a", "r1", user("roll"));
    await run.append(asked("c1"));
    await run.end("aborted");
    const entries = await history(store, "a");
    assert.deepEqual(words(entries), ["roll", "", "tool:c1", "end:aborted"]);
    const { body } = entries[2]!;
    assert.equal(body.kind === "message" && toolResultsOf(body.message.content)[0]?.isError, true);
    await (await begin(store, "b", "r2", user("roll"))).end("aborted", asked("c2"));
    assert.deepEqual(words(await history(store, "b")), ["roll", "", "tool:c2", "end:aborted"], "also those of its last bodies");
  }),
  one("leaves answered tool calls alone when a run ends", async (store) => {
    const run = await begin(store, "a", "r1", user("roll"));
    const answer: ModelMessage = {
      role: "tool",
      content: [{ type: "tool-result", callId: "c1", name: "dice", content: [{ type: "text", text: "4" }] }],
    };
    await run.append(asked("c1"), { kind: "message", message: answer });
    await run.end("ok");
    assert.deepEqual(words(await history(store, "a")), ["roll", "", "tool:c1", "end:ok"]);
  }),
  one("ends a run once, however often it is told", async (store) => {
    const run = await begin(store, "a", "r1", user("hello"));
    await run.end("ok", said("answer"));
    await run.end("ok", said("answer"));
    assert.deepEqual(words(await history(store, "a")), ["hello", "answer", "end:ok"]);
  }),
  one("lists sessions, the one that changed last first, with what runs, a page at a time", async (store) => {
    await store.append({ key: "old", bodies: [said("one")] });
    await store.append({ key: "middle", bodies: [said("one")] });
    await begin(store, "new", "r1", user("hello"));
    await store.append({ key: "old", bodies: [said("two")] });
    const output = await store.list({});
    await assertFits(ID, "list", "output", output);
    assert.deepEqual(
      output.sessions.map(({ key, running }) => [key, running]),
      [
        ["old", undefined],
        ["new", "r1"],
        ["middle", undefined],
      ],
    );
    const first = await store.list({ limit: 2 });
    assert.deepEqual(
      first.sessions.map(({ key }) => key),
      ["old", "new"],
    );
    const second = await store.list({ limit: 2, cursor: first.next! });
    assert.deepEqual(
      second.sessions.map(({ key }) => key),
      ["middle"],
    );
    assert.equal(second.next, undefined, "there is no third page");
  }),
  one("keeps hostile session keys apart", async (store) => {
    const keys = ["__proto__", "constructor", "a/../b", "a'; DROP TABLE entries; --", "ключ", "a%"];
    for (const key of keys) await store.append({ key, bodies: [said(key)] });
    for (const key of keys) assert.deepEqual(words(await history(store, key)), [key]);
  }),
  {
    name: "ends what a crash interrupted when its claim expires, and frees its session",
    needs: ["openDurable"],
    run: ({ openDurable }) =>
      withOpened(openDurable!, async ({ store, crash }) => {
        const run = await begin(store, "a", "r1", user("hello"), 300);
        await run.append(asked("c1"));
        const again = await crash();
        await expired(300);
        await begin(again, "a", "r3", user("go on"));
        assert.deepEqual(words(await history(again, "a")), ["hello", "", "tool:c1", "end:interrupted", "go on"]);
        const late = await assertCodedFailure(again.append({ key: "a", runId: "r1", fence: run.fence, bodies: [said("late")] }));
        assert.equal(late.code, "PLINTH_SESSION_FENCED", "whoever slept through its claim writes nothing any more");
      }),
  },
];
