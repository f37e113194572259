import assert from "node:assert/strict";
import type { Client } from "../../extension/index.ts";
import { assertCode, type ConformanceCase, casesOf, type Opening } from "./case.ts";

type Tasks = Client<"plinth.tasks">;
type EventLog = Client<"plinth.event-log">;

export type TasksSubject = Opening<Tasks>;
export type EventLogSubject = Opening<EventLog>;

const task = casesOf<Tasks>("plinth.tasks");
const log = casesOf<EventLog>("plinth.event-log");
const work = { id: "t", kind: "cron", title: "Work" };

/** What `plinth.tasks` asks of a ledger. */
export const tasksConformance: readonly ConformanceCase<TasksSubject>[] = [
  task("notes a task once", async (tasks) => {
    const first = await tasks.create(work);
    assert.deepEqual([first.fresh, first.task.status], [true, "queued"]);
    const again = await tasks.create({ ...work, title: "Other" });
    assert.deepEqual([again.fresh, again.task.title], [false, "Work"]);
    await assertCode(tasks.get({ id: "none" }), "PLINTH_TASK_UNKNOWN");
  }),
  task("lets only who holds it change it, and only as it was read", async (tasks) => {
    await tasks.create(work);
    const held = await tasks.claim({ id: "t", ttlMs: 60_000 });
    const { task: running } = await tasks.update({ id: "t", fence: held.fence, revision: held.task.revision, status: "running" });
    await assertCode(tasks.update({ id: "t", fence: held.fence, revision: held.task.revision, status: "done" }), "PLINTH_TASK_MOVED");
    await assertCode(tasks.update({ id: "t", fence: held.fence + 1, revision: running.revision, status: "done" }), "PLINTH_TASK_FENCED");
    await assertCode(tasks.claim({ id: "t", ttlMs: 60_000 }), "PLINTH_TASK_FENCED");
  }),
  task("lets nothing change what is over", async (tasks) => {
    await tasks.create(work);
    const { fence, task: read } = await tasks.claim({ id: "t", ttlMs: 60_000 });
    const { task: over } = await tasks.update({ id: "t", fence, revision: read.revision, status: "done", result: [{ type: "text", text: "it" }] });
    assert.equal(over.status, "done");
    await assertCode(tasks.update({ id: "t", fence, revision: over.revision, status: "failed" }), "PLINTH_TASK_OVER", "PLINTH_TASK_FENCED");
    assert.deepEqual(await tasks.cancel({ id: "t" }), { asked: false });
    assert.equal((await tasks.get({ id: "t" })).task.status, "done");
  }),
  task("does not begin again what was lost", async (tasks) => {
    await tasks.create(work);
    await tasks.claim({ id: "t", ttlMs: 1_000 });
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    assert.equal((await tasks.get({ id: "t" })).task.status, "lost");
    await assertCode(tasks.claim({ id: "t", ttlMs: 1_000 }), "PLINTH_TASK_OVER");
  }),
  task("holds a claim for longer by its fence", async (tasks) => {
    await tasks.create(work);
    const { fence, task: read } = await tasks.claim({ id: "t", ttlMs: 1_000 });
    const again = await tasks.claim({ id: "t", ttlMs: 60_000, fence });
    assert.deepEqual([again.fence, again.task.revision], [fence, read.revision]);
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    assert.notEqual((await tasks.get({ id: "t" })).task.status, "lost");
  }),
  task("cancels with all that it began, for good", async (tasks) => {
    await tasks.create(work);
    const { fence, task: read } = await tasks.claim({ id: "t", ttlMs: 60_000 });
    await tasks.create({ ...work, id: "child", parent: "t" });
    assert.deepEqual(await tasks.cancel({ id: "t", why: "enough" }), { asked: true });
    assert.equal((await tasks.get({ id: "child" })).task.status, "cancelled");
    const { task: asked } = await tasks.get({ id: "t" });
    assert.deepEqual([asked.status, asked.cancel?.why], [read.status, "enough"]);
    await assertCode(tasks.create({ ...work, id: "late", parent: "t" }), "PLINTH_TASK_OVER");
    const { task: over } = await tasks.update({ id: "t", fence, revision: asked.revision, status: "cancelled" });
    assert.equal(over.status, "cancelled");
  }),
  task("keeps what came of telling, and an `unknown` for good", async (tasks) => {
    await tasks.create({ ...work, deliverTo: "session:main" });
    assert.equal((await tasks.get({ id: "t" })).task.delivery?.status, "pending");
    await tasks.delivered({ id: "t", status: "unknown" });
    assert.equal((await tasks.delivered({ id: "t", status: "sent" })).task.delivery?.status, "unknown");
  }),
  task("lists what changed last first, by status and parent", async (tasks) => {
    await tasks.create(work);
    await tasks.create({ ...work, id: "child", parent: "t" });
    assert.deepEqual(
      (await tasks.list({})).tasks.map(({ id }) => id),
      ["child", "t"],
    );
    assert.deepEqual(
      (await tasks.list({ parent: "t" })).tasks.map(({ id }) => id),
      ["child"],
    );
    assert.deepEqual((await tasks.list({ status: ["done"] })).tasks, []);
  }),
];

const family = "test.things";
const define = (events: EventLog) => events.define({ family, scope: "owner" });

/** What `plinth.event-log` asks of a log. */
export const eventLogConformance: readonly ConformanceCase<EventLogSubject>[] = [
  log("keeps events in order, and reads on after a cursor", async (events) => {
    await define(events);
    const { ids } = await events.append({ family, events: [1, 2, 3].map((data) => ({ type: "thing", data })) });
    assert.deepEqual([...ids].sort(), ids, "ids sort in their order");
    const all = (await events.read({ families: [family] })).events;
    assert.deepEqual(
      all.map(({ data }) => data),
      [1, 2, 3],
    );
    assert.deepEqual(
      (await events.read({ families: [family], after: ids[1]! })).events.map(({ id }) => id),
      [ids[2]],
    );
  }),
  log("adds what has one key once", async (events) => {
    await define(events);
    const input = { family, events: [{ type: "thing", data: 1 }], idempotencyKey: "k" };
    assert.deepEqual(await events.append(input), await events.append(input));
    assert.equal((await events.read({ families: [family] })).events.length, 1);
  }),
  log("follows from a cursor, then as they come", async (events) => {
    await define(events);
    const { ids } = await events.append({ family, events: [1, 2].map((data) => ({ type: "thing", data })) });
    const items = events.follow({ families: [family], after: ids[0]! })[Symbol.asyncIterator]();
    const next = async () => (await items.next()).value?.data;
    assert.equal(await next(), 2);
    const waiting = next();
    await events.append({ family, events: [{ type: "thing", data: 3 }] });
    assert.equal(await waiting, 3);
    await items.return?.();
  }),
  log("says that a cursor is gone, and knows no family that nobody defined", async (events) => {
    await assertCode(events.append({ family: "nobodys", events: [{ type: "thing", data: 1 }] }), "PLINTH_FAMILY_UNKNOWN");
    await events.define({ family, scope: "owner", keepEvents: 2 });
    const { ids } = await events.append({ family, events: [1, 2, 3, 4].map((data) => ({ type: "thing", data })) });
    assert.deepEqual(
      (await events.read({ families: [family] })).events.map(({ data }) => data),
      [3, 4],
    );
    await assertCode(events.read({ families: [family], after: ids[0]! }), "PLINTH_CURSOR_GONE");
  }),
];
