import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Ledger } from "./ledger.ts";
import { isOver, type Status } from "./task.ts";
import { codeOf, openLedger, PRODUCT } from "./tasks.testing.ts";

const TTL = 60_000;
const UNCLAIMED = 300_000;

/** What the ledger should know of one task. */
interface Model {
  parent: string | undefined;
  status: Status;
  /** Who holds it: which of the two processes, and the fence that it was given. */
  holder: number | undefined;
  fence: number;
  expires: number;
  cancel: boolean;
  delivery: string;
}

const id = fc.constantFrom("a", "b", "c", "d");
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant("create" as const), id, parent: fc.option(id, { nil: undefined }) }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("claim" as const), id, again: fc.boolean() }) },
  {
    weight: 6,
    arbitrary: fc.record({
      ...{ op: fc.constant("update" as const), id, stale: fc.boolean(), fence: fc.integer({ min: 0, max: 1 }) },
      status: fc.constantFrom("running" as const, "waiting" as const, "done" as const, "failed" as const, "cancelled" as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("cancel" as const), id }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("delivered" as const),
      id,
      status: fc.constantFrom("sent" as const, "failed" as const, "unknown" as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 200_000 }) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("restart" as const) }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

it("keeps its invariants over any sequence of operations of two processes, pauses and restarts", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ host: fc.nat(1), what: operation }), { maxLength: 50 }), async (steps) => {
      const dir = mkdtempSync(join(tmpdir(), "plinth-tasks-"));
      let now = 1_000_000;
      const open = () => openLedger(dir, () => now);
      const hosts = [await open(), await open()];
      const models = new Map<string, Model>();
      const ended = new Map<string, Status>();
      try {
        for (const { host, what } of steps) {
          if (what.op === "wait") now += what.ms;
          else if (what.op === "restart") {
            hosts[host]!.close();
            hosts[host] = await open();
          }
          for (const model of models.values()) if (!isOver(model.status) && model.expires <= now) model.status = "lost";
          if (what.op !== "wait" && what.op !== "restart") await apply(hosts[host]!, host, what, models, now);
          await check(hosts[1 - host]!, models, ended);
        }
      } finally {
        for (const one of hosts) one.close();
        rmSync(dir, { recursive: true, force: true });
      }
    }),
    { numRuns: 100 },
  );
}, 120_000);

async function apply(
  ledger: Ledger,
  host: number,
  what: Exclude<Operation, { op: "wait" } | { op: "restart" }>,
  models: Map<string, Model>,
  now: number,
) {
  const model = models.get(what.id);
  switch (what.op) {
    case "create": {
      const parent = what.parent === undefined || what.parent === what.id ? undefined : what.parent;
      const made = ledger.create({ id: what.id, kind: "test", title: "T", deliverTo: "main", ...(parent === undefined ? {} : { parent }) }, PRODUCT);
      if (model !== undefined) return expect(await made).toMatchObject({ fresh: false, task: { status: model.status } });
      const above = parent === undefined ? undefined : models.get(parent);
      const why =
        parent !== undefined && above === undefined
          ? "PLINTH_TASK_UNKNOWN"
          : above && (isOver(above.status) || above.cancel)
            ? "PLINTH_TASK_OVER"
            : "ok";
      expect(await codeOf(made)).toBe(why);
      if (why === "ok")
        models.set(what.id, { parent, status: "queued", holder: undefined, fence: 0, expires: now + UNCLAIMED, cancel: false, delivery: "pending" });
      return;
    }
    case "claim": {
      const again = what.again && model?.holder === host ? { fence: model.fence } : {};
      const claimed = ledger.claim({ id: what.id, ttlMs: TTL, ...again }, PRODUCT);
      const why =
        model === undefined
          ? "PLINTH_TASK_UNKNOWN"
          : isOver(model.status)
            ? "PLINTH_TASK_OVER"
            : model.holder !== undefined && !("fence" in again)
              ? "PLINTH_TASK_FENCED"
              : "ok";
      expect(await codeOf(claimed)).toBe(why);
      if (why === "ok") Object.assign(model!, { holder: host, fence: (await claimed).fence, expires: now + TTL });
      return;
    }
    case "update": {
      const revision = model === undefined ? 1 : (await ledger.get({ id: what.id }, PRODUCT)).task.revision + (what.stale ? -1 : 0);
      const fence = Math.max(1, (model?.fence ?? 0) + what.fence);
      const why =
        model === undefined
          ? "PLINTH_TASK_UNKNOWN"
          : isOver(model.status)
            ? "PLINTH_TASK_OVER"
            : fence !== model.fence
              ? "PLINTH_TASK_FENCED"
              : what.stale
                ? "PLINTH_TASK_MOVED"
                : "ok";
      expect(await codeOf(ledger.update({ id: what.id, fence, revision, status: what.status }, PRODUCT))).toBe(why);
      if (why === "ok") model!.status = what.status;
      return;
    }
    case "cancel": {
      const asked = ledger.cancel({ id: what.id }, PRODUCT);
      if (model === undefined) return expect(await codeOf(asked)).toBe("PLINTH_TASK_UNKNOWN");
      expect(await asked).toEqual({ asked: !isOver(model.status) });
      if (isOver(model.status)) return;
      for (const [name, one] of models) {
        if (!isBelow(name, what.id, models) || isOver(one.status) || one.cancel) continue;
        one.cancel = true;
        if (one.holder === undefined) one.status = "cancelled";
      }
      return;
    }
    case "delivered":
      if (model === undefined)
        return expect(await codeOf(ledger.delivered({ id: what.id, status: what.status }, PRODUCT))).toBe("PLINTH_TASK_UNKNOWN");
      if (model.delivery === "pending" || model.delivery === "failed") model.delivery = what.status;
      expect((await ledger.delivered({ id: what.id, status: what.status }, PRODUCT)).task.delivery?.status).toBe(model.delivery);
  }
}

const isBelow = (name: string, top: string, models: Map<string, Model>): boolean => {
  for (let at: string | undefined = name; at !== undefined; at = models.get(at)?.parent) if (at === top) return true;
  return false;
};

/** As the other process reads it. */
async function check(ledger: Ledger, models: Map<string, Model>, ended: Map<string, Status>) {
  const { tasks } = await ledger.list({}, PRODUCT);
  expect(tasks.map(({ id }) => id).sort()).toEqual([...models.keys()].sort());
  for (const task of tasks) {
    const model = models.get(task.id)!;
    expect([task.status, task.cancel !== undefined, task.delivery?.status]).toEqual([model.status, model.cancel, model.delivery]);
    // What is over never changes.
    const before = ended.get(task.id);
    if (before !== undefined) expect(task.status).toBe(before);
    if (isOver(task.status)) ended.set(task.id, task.status);
  }
}
