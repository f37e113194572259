import assert from "node:assert/strict";
import type { Client, TranscriptEntry } from "../../extension/index.ts";
import { assertCodedFailure, assertFits, type ConformanceCase, withOpened } from "./case.ts";
import type { SessionStoreSubject } from "./session-store.ts";

const ID = "plinth.session-store";
type Whole = Required<Client<"plinth.session-store">>;

const command = (words: string) => ({ kind: "command" as const, command: words, answer: "done" });
const wordsOf = (entries: readonly TranscriptEntry[]): string[] => entries.map(({ body }) => (body.kind === "command" ? body.command : body.kind));
const history = async (store: Whole, key: string): Promise<string[]> => wordsOf((await store.history({ key, limit: 1_000 })).entries);

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const one = (name: string, body: (store: Whole) => Promise<void>): ConformanceCase<SessionStoreSubject> => ({
  name,
  run: ({ open }) => withOpened(open, ({ store }) => body(store as Whole)),
});

/** What `plinth.session-store` asks, beside that, of a store that has the optional methods. */
export const wholeSessionStoreConformance: readonly ConformanceCase<SessionStoreSubject>[] = [
  one("makes a session once, with its facts", async (store) => {
    const made = await store.create({ key: "a", title: "Trip", labels: ["home"], agent: "main" });
    await assertFits(ID, "create", "output", made);
    assert.equal((await assertCodedFailure(store.create({ key: "a" }))).code, "PLINTH_SESSION_EXISTS");
    const got = await store.get({ key: "a" });
    await assertFits(ID, "get", "output", got);
    assert.deepEqual([got.session?.title, got.session?.labels, got.session?.agent], ["Trip", ["home"], "main"]);
    assert.deepEqual(await store.get({ key: "nowhere" }), {});
  }),
  one("renames, labels and archives, and lists accordingly", async (store) => {
    for (const key of ["work/1", "work/2", "home/1"]) await store.append({ key, bodies: [command(key)] });
    const named = await store.update({ key: "work/1", title: "Plan", labels: ["big", "big"] });
    await assertFits(ID, "update", "output", named);
    assert.deepEqual([named.session.title, named.session.labels], ["Plan", ["big"]]);
    await store.update({ key: "work/2", archived: true });
    const keys = async (input: Parameters<Whole["list"]>[0]) => (await store.list(input)).sessions.map(({ key }) => key);
    assert.deepEqual(await keys({}), ["work/1", "home/1"]);
    assert.deepEqual(await keys({ archived: true }), ["work/2"]);
    assert.deepEqual(await keys({ prefix: "work/" }), ["work/1"]);
    assert.deepEqual(await keys({ label: "big" }), ["work/1"]);
    const back = await store.update({ key: "work/2", archived: false, title: null });
    assert.equal(back.session.archivedAt, undefined);
    assert.deepEqual((await store.update({ key: "work/1", title: null })).session.labels, ["big"], "what is not given stays");
    assert.equal((await assertCodedFailure(store.update({ key: "nowhere", title: "x" }))).code, "PLINTH_SESSION_UNKNOWN");
  }),
  one("starts afresh with a reason, and keeps what was", async (store) => {
    await store.append({ key: "a", bodies: [command("before")] });
    const { head: from } = (await store.get({ key: "a" })).session!;
    await store.reset({ key: "a", reason: "idle" });
    const { entries } = await store.history({ key: "a" });
    assert.deepEqual(entries[0]!.body, { kind: "reset", reason: "idle", from: from! });
    assert.equal(entries[0]!.parent, null);
    await store.setHead({ key: "a", head: from });
    assert.deepEqual(await history(store, "a"), ["before"]);
  }),
  one("forks a conversation at an entry; each goes on by itself", async (store) => {
    await store.append({ key: "a", bodies: [command("one"), command("two"), command("three")] });
    const [, second] = (await store.history({ key: "a" })).entries;
    const forked = await store.fork({ key: "a", to: "b", at: second!.id, title: "Other" });
    await assertFits(ID, "fork", "output", forked);
    assert.deepEqual(forked.session.forkOf, { key: "a", entry: second!.id });
    await store.append({ key: "b", bodies: [command("else")] });
    assert.deepEqual(await history(store, "b"), ["one", "two", "else"]);
    assert.deepEqual(await history(store, "a"), ["one", "two", "three"]);
    assert.equal((await assertCodedFailure(store.fork({ key: "a", to: "b" }))).code, "PLINTH_SESSION_EXISTS");
  }),
  one("deletes for good and leaves a note; the key begins anew", async (store) => {
    await store.append({ key: "a", bodies: [command("secret word"), command("two")] });
    await store.append({ key: "b", bodies: [command("stays")] });
    await store.search({ text: "secret" });
    const gone = await store.delete({ key: "a", why: "asked" });
    await assertFits(ID, "delete", "output", gone);
    assert.deepEqual(gone, { entries: 2 });
    const { session, deleted } = await store.get({ key: "a" });
    assert.deepEqual([session, deleted?.why, deleted?.entries], [undefined, "asked", 2]);
    assert.deepEqual(await history(store, "a"), []);
    assert.deepEqual((await store.search({ text: "secret" })).hits, []);
    await store.append({ key: "a", bodies: [command("new")] });
    assert.deepEqual(await history(store, "a"), ["new"]);
    assert.deepEqual(await history(store, "b"), ["stays"]);
  }),
  one("does not delete what a run goes on in", async (store) => {
    await store.claim({ key: "a", runId: "r1", ttlMs: 60_000 });
    assert.equal((await assertCodedFailure(store.delete({ key: "a", why: "asked" }))).code, "PLINTH_SESSION_BUSY");
    assert.equal((await assertCodedFailure(store.reset({ key: "a", reason: "asked" }))).code, "PLINTH_SESSION_BUSY");
  }),
  one("prunes what was archived and has not changed, and says beforehand what that is", async (store) => {
    for (const key of ["a", "b"]) await store.append({ key, bodies: [command(key)] });
    await store.update({ key: "a", archived: true });
    const dry = await store.prune({ unchangedForMs: 0, dryRun: true });
    await assertFits(ID, "prune", "output", dry);
    assert.deepEqual(dry.keys, ["a"]);
    assert.deepEqual(await history(store, "a"), ["a"]);
    assert.deepEqual(await store.prune({ unchangedForMs: 0 }), dry);
    assert.deepEqual(await history(store, "a"), []);
    assert.deepEqual((await store.prune({ unchangedForMs: 3_600_000, archived: false })).keys, []);
  }),
  one("finds words, also the beginning of the last one, in one session or in all", async (store) => {
    await store.append({ key: "a", bodies: [command("the crimson kettle boils"), command("nothing here")] });
    await store.append({ key: "b", bodies: [command("a crimson kettledrum")] });
    const found = await store.search({ text: "crimson kettle" });
    await assertFits(ID, "search", "output", found);
    assert.deepEqual(found.hits.map(({ key }) => key).sort(), ["a", "b"]);
    assert.match(found.hits[0]!.excerpt, /crimson/);
    assert.deepEqual(
      (await store.search({ text: "kettle", key: "a" })).hits.map(({ key }) => key),
      ["a"],
    );
    assert.deepEqual((await store.search({ text: "kettle absent" })).hits, []);
    const first = await store.search({ text: "crimson", limit: 1 });
    const second = await store.search({ text: "crimson", limit: 1, cursor: first.next! });
    assert.notEqual(first.hits[0]!.entry, second.hits[0]!.entry);
    for (const hostile of ['"', "* OR x", "NEAR(", "a AND NOT", "text:crimson", "^", "—"]) await store.search({ text: hostile });
  }),
  one("gives a session away and takes it back with every branch, once", async (store) => {
    await store.append({ key: "a", bodies: [command("one"), command("two")] });
    const [first] = (await store.history({ key: "a" })).entries;
    await store.setHead({ key: "a", head: first!.id });
    await store.append({ key: "a", bodies: [command("other")] });
    const items = await all(store.export({ key: "a" }));
    for (const item of items) await assertFits(ID, "export", "item", item);
    const entries = items.flatMap((item) => (item.type === "entry" ? [item.entry] : []));
    assert.deepEqual(wordsOf(entries), ["one", "two", "other"]);
    const [session] = items.flatMap((item) => (item.type === "session" ? [item.session] : []));
    await store.import({ key: "copy", entries: entries.slice(0, 2) });
    const done = await store.import({ key: "copy", entries: entries.slice(2), head: session!.head! });
    await assertFits(ID, "import", "output", done);
    assert.equal(done.added, 1);
    assert.equal((await store.import({ key: "copy", entries })).added, 0, "what is there already is not added again");
    assert.deepEqual(await history(store, "copy"), ["one", "other"]);
    const forged = { ...entries[0]!, id: "forged", origin: { by: "owner" as const } };
    await store.import({ key: "copy", entries: [forged] });
    const [kept] = (await store.history({ key: "copy", limit: 1 })).entries;
    assert.ok(
      kept!.origin?.influences?.some(({ party }) => party === "outside"),
      "what a file says of who spoke is not believed",
    );
  }),
  one("sums up what runs used", async (store) => {
    for (const runId of ["r1", "r2"]) {
      const { fence } = await store.claim({ key: "a", runId, ttlMs: 60_000 });
      await store.release({ key: "a", runId, fence, status: "ok", usage: { inputTokens: 10, outputTokens: 3 } });
    }
    const total = await store.usage({});
    await assertFits(ID, "usage", "output", total);
    assert.deepEqual(total.usage, { runs: 2, tokens: { inputTokens: 20, outputTokens: 6 } });
    assert.deepEqual((await store.usage({ key: "a" })).usage, total.usage);
    assert.equal((await assertCodedFailure(store.usage({ key: "nowhere" }))).code, "PLINTH_SESSION_UNKNOWN");
  }),
  one("tells many watchers of every entry, from a cursor on", async (store) => {
    await store.append({ key: "a", bodies: [command("one"), command("two")] });
    const [first] = (await store.history({ key: "a" })).entries;
    const watch = (input: Parameters<Whole["follow"]>[0], count: number) =>
      take(store.follow(input), count, ({ key, entry }) => `${key}:${wordsOf([entry])[0]}`);
    const watchers = [watch({ key: "a", after: first!.seq }, 2), watch({ key: "a", after: 0 }, 3), watch({ after: first!.seq }, 3)];
    await store.append({ key: "b", bodies: [command("elsewhere")] });
    await store.append({ key: "a", bodies: [command("three")] });
    assert.deepEqual(await Promise.all(watchers), [
      ["a:two", "a:three"],
      ["a:one", "a:two", "a:three"],
      ["a:two", "b:elsewhere", "a:three"],
    ]);
  }),
  one("keeps a waiting input until the run that answers it claims the session", async (store) => {
    assert.deepEqual(await store.enqueue({ key: "a", id: "r1", input: { text: "hello" }, ttlMs: 60_000 }), { fresh: true });
    assert.deepEqual(await store.enqueue({ key: "a", id: "r1", input: { text: "hello" }, ttlMs: 60_000 }), { fresh: false });
    assert.equal((await store.get({ key: "a" })).session?.waiting, 1);
    const { fence } = await store.claim({ key: "a", runId: "r1", ttlMs: 60_000, inputs: ["r1"] });
    assert.equal((await store.get({ key: "a" })).session?.waiting, undefined);
    await store.release({ key: "a", runId: "r1", fence, status: "ok" });
    assert.deepEqual(await store.enqueue({ key: "a", id: "r1", input: { text: "hello" }, ttlMs: 60_000 }), { fresh: false }, "it ran already");
    const again = await assertCodedFailure(store.claim({ key: "a", runId: "r2", ttlMs: 60_000, inputs: ["r1"] }));
    assert.equal(again.code, "PLINTH_SESSION_TAKEN");
  }),
  one("gives an input that nobody holds any more to exactly one, in order", async (store) => {
    for (const id of ["r1", "r2"]) await store.enqueue({ key: "a", id, input: { text: id }, ttlMs: 100 });
    await store.enqueue({ key: "a", id: "r3", input: {}, ttlMs: 100 });
    await store.hold({ ids: ["r3", "unknown"], ttlMs: 60_000 });
    await new Promise((resolve) => setTimeout(resolve, 150));
    const takes = await Promise.all([store.take({ ttlMs: 60_000 }), store.take({ ttlMs: 60_000 })]);
    for (const taken of takes) await assertFits(ID, "take", "output", taken);
    assert.deepEqual(
      takes.flatMap(({ inputs }) => inputs.map(({ id, input }) => [id, input])),
      [
        ["r1", { text: "r1" }],
        ["r2", { text: "r2" }],
      ],
    );
    assert.deepEqual(await store.withdraw({ id: "r1" }), { withdrawn: true });
    assert.deepEqual(await store.withdraw({ id: "r1" }), { withdrawn: false });
  }),
];

/** The first `count` items of a stream that has no end. */
async function take<T, R>(items: AsyncIterable<T>, count: number, say: (item: T) => R): Promise<R[]> {
  const found: R[] = [];
  for await (const item of items) if (found.push(say(item)) === count) break;
  return found;
}
