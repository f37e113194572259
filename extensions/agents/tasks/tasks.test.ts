import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Principal } from "@plinth/sdk";
import { createTestHost, type TestHost } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { audit } from "./audit.ts";
import { follow } from "./following.ts";
import extension from "./index.ts";
import type { Ledger } from "./ledger.ts";
import manifest from "./plinth.json" with { type: "json" };
import { codeOf, guestOf, openLedger, PRODUCT, strangerOf } from "./tasks.testing.ts";

const DAY = 86_400_000;
const work = { kind: "cron", title: "Work" };
let dir: string;
let ledger: Ledger;
let now: number;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "plinth-tasks-"));
  now = 1_000_000_000_000;
  ledger = await openLedger(dir, () => now);
});
afterEach(() => {
  ledger.close();
  rmSync(dir, { recursive: true, force: true });
});

const note = (id: string, more = {}, viewer = PRODUCT) => ledger.create({ id, ...work, ...more }, viewer);
const statusOf = async (id: string) => (await ledger.get({ id }, PRODUCT)).task.status;
const held = async (id: string, ttlMs = 60_000) => {
  const { fence, task } = await ledger.claim({ id, ttlMs }, PRODUCT);
  return { id, fence, revision: task.revision };
};

describe("whose a task is", () => {
  it("is what the host says: others' extensions have ids of their own, and see and change nothing else", async () => {
    const [one, other] = [strangerOf("acme.one"), strangerOf("acme.other")];
    await note("t");
    const { task, fresh } = await note("t", {}, one);
    expect([task.id, task.owner, fresh]).toEqual(["t", "acme.one", true]);
    expect((await ledger.list({}, one)).tasks.map(({ id }) => id)).toEqual(["t"]);
    expect((await ledger.list({}, PRODUCT)).tasks.map(({ id }) => id)).toEqual(["acme.one/t", "t"]);
    for (const act of [
      () => ledger.get({ id: "t" }, other),
      () => ledger.cancel({ id: "t" }, other),
      () => ledger.claim({ id: "t", ttlMs: 1_000 }, other),
      () => ledger.delivered({ id: "t", status: "sent" }, other),
      () => note("child", { parent: "t" }, other),
      () => ledger.get({ id: "acme.one/t" }, other),
    ])
      expect(await codeOf(act())).toBe("PLINTH_TASK_UNKNOWN");
    expect(await codeOf(ledger.claim({ id: "acme.one/t", ttlMs: 1_000 }, PRODUCT))).toBe("PLINTH_PERMISSION");
    expect(await ledger.cancel({ id: "acme.one/t" }, PRODUCT)).toEqual({ asked: true });
  });

  it("is a guest's where it was begun in a guest's work", async () => {
    await note("owners");
    await note("guests", {}, guestOf("irc:ann"));
    expect((await ledger.list({}, guestOf("irc:ann"))).tasks.map(({ id }) => id)).toEqual(["guests"]);
    expect((await ledger.list({}, guestOf("irc:bob"))).tasks).toEqual([]);
    expect(await codeOf(ledger.cancel({ id: "owners" }, guestOf("irc:ann")))).toBe("PLINTH_TASK_UNKNOWN");
    expect(await codeOf(note("owners", {}, guestOf("irc:ann")))).toBe("PLINTH_PERMISSION");
    expect((await ledger.get({ id: "guests" }, PRODUCT)).task.origin).toEqual({ by: "guest", via: "irc:ann" });
  });

  it("bounds how many others may have", async () => {
    const acme = strangerOf("acme.many");
    for (let n = 0; n < 1_000; n++) await note(`t${n}`, {}, acme);
    expect(await codeOf(note("more", {}, acme))).toBe("PLINTH_QUOTA");
    await note("mine");
  }, 60_000);
});

describe("a task", () => {
  it("is lost when its runner is not heard of, or nobody begins it; and is told to who follows", async () => {
    await note("t");
    await note("waits");
    const seen: string[] = [];
    const stop = new AbortController();
    const following = (async () => {
      for await (const task of follow(ledger, { ids: ["t"] }, PRODUCT, stop.signal)) {
        seen.push(task.status);
        if (task.status === "lost") return;
      }
    })();
    await ledger.update({ ...(await held("t")), status: "running" }, PRODUCT);
    now += 60_001;
    await following;
    expect(seen).toEqual(["queued", "running", "lost"]);
    expect(await statusOf("waits")).toBe("queued");
    now += 300_000;
    const { task, changes } = await ledger.get({ id: "waits" }, PRODUCT);
    expect([task.status, (changes.at(-1) as { why?: string }).why]).toEqual(["lost", "Nobody began it."]);
  });

  it("is cancelled with all below it; what runs is asked, and begins nothing more", async () => {
    await note("t");
    const top = await held("t");
    for (const [id, parent] of [
      ["a", "t"],
      ["b", "a"],
      ["c", "b"],
      ["beside", undefined],
    ] as const)
      await note(id, parent ? { parent } : {});
    await held("b");
    expect(await ledger.cancel({ id: "t", why: "enough" }, PRODUCT)).toEqual({ asked: true });
    expect(await Promise.all(["t", "a", "b", "c", "beside"].map(statusOf))).toEqual(["queued", "cancelled", "queued", "cancelled", "queued"]);
    expect((await ledger.get({ id: "b" }, PRODUCT)).task.cancel).toMatchObject({ by: "owner", why: "enough" });
    expect(await codeOf(note("late", { parent: "b" }))).toBe("PLINTH_TASK_OVER");
    expect(await codeOf(ledger.update({ ...top, status: "done" }, PRODUCT))).toBe("PLINTH_TASK_MOVED");
    const { task } = await ledger.update({ ...top, revision: top.revision + 1, status: "done" }, PRODUCT);
    expect([task.status, task.cancel?.why]).toEqual(["done", "enough"]);
  });

  it("tells what came of telling: what failed may be tried again, what was sent or is not known may not", async () => {
    await note("t", { deliverTo: "main" });
    const told = async (status: "sent" | "failed" | "unknown" | "suppressed") =>
      (await ledger.delivered({ id: "t", status }, PRODUCT)).task.delivery?.status;
    expect([await told("failed"), await told("sent"), await told("failed"), await told("unknown")]).toEqual(["failed", "sent", "sent", "sent"]);
    await note("nobody");
    expect((await ledger.delivered({ id: "nobody", status: "sent" }, PRODUCT)).task.delivery).toBeUndefined();
  });

  it("keeps no more than a quarter of a mebibyte of what came of it", async () => {
    await note("t");
    const result = [{ type: "text" as const, text: "x".repeat(300_000) }];
    expect(await codeOf(ledger.update({ ...(await held("t")), result }, PRODUCT))).toBe("PLINTH_TASK_TOO_LARGE");
  });

  it("goes when it is old, unless something that goes on hangs on it", async () => {
    await note("parent");
    const parent = await held("parent");
    await note("child", { parent: "parent" });
    await note("old");
    await ledger.update({ ...parent, status: "done" }, PRODUCT);
    await ledger.update({ ...(await held("old")), status: "failed", error: { code: "X", message: "no" } }, PRODUCT);
    await ledger.claim({ id: "child", ttlMs: 20 * DAY }, PRODUCT);
    now += 8 * DAY;
    for (let n = 0; n < 64; n++) await note(`n${n}`);
    expect(await codeOf(ledger.get({ id: "old" }, PRODUCT))).toBe("PLINTH_TASK_UNKNOWN");
    expect(await statusOf("parent")).toBe("done");
  });
});

it("finds what is wrong, the gravest first", async () => {
  for (const id of ["queues", "runs", "stuck", "told", "maybe"]) await note(id, { deliverTo: "main" });
  await note("lost");
  for (const id of ["queues", "stuck"]) await ledger.claim({ id, ttlMs: DAY }, PRODUCT);
  const { fence, task } = await ledger.claim({ id: "runs", ttlMs: DAY }, PRODUCT);
  await ledger.update({ id: "runs", fence, revision: task.revision, status: "running" }, PRODUCT);
  await ledger.cancel({ id: "stuck" }, PRODUCT);
  for (const id of ["told", "maybe"]) await ledger.update({ ...(await held(id)), status: "done" }, PRODUCT);
  await ledger.delivered({ id: "told", status: "failed" }, PRODUCT);
  await ledger.delivered({ id: "maybe", status: "unknown" }, PRODUCT);
  now += 31 * 60_000;
  ledger.db.run("UPDATE tasks SET created = updated + 10 WHERE id = 'told'");
  const { findings } = await audit(ledger, 7, PRODUCT);
  expect(findings.map(({ severity, code, task }) => `${severity} ${code} ${task}`)).toEqual([
    "error stale_running runs",
    "error cancel_stuck stuck",
    "error lost lost",
    "warning stale_queued stuck",
    "warning stale_queued queues",
    "warning delivery_failed told",
    "warning delivery_unknown maybe",
    "warning inconsistent_timestamps told",
  ]);
  expect((await audit(ledger, 7, strangerOf("acme.one"))).findings).toEqual([]);
  now += 9 * DAY;
  expect((await audit(ledger, 7, PRODUCT)).findings.map(({ code }) => code)).toContain("missing_cleanup");
});

describe("the surfaces", () => {
  const owner: Principal = { role: "owner", via: "test" };
  const out = async (host: TestHost, id: string, input: object): Promise<string> => {
    let text = "";
    const run = host
      .use("plinth.cli-command")
      .get(id)
      .run({ args: {}, options: {}, terminal: { cwd: "/", json: false, tty: false, color: false, columns: 80, local: true } as never, ...input });
    for await (const item of run) text += "out" in item ? item.out : "exit" in item ? `exit ${item.exit}\n` : "";
    return text;
  };
  const chat = async (host: TestHost, args: string): Promise<string> => {
    let text = "";
    for await (const item of host.use("plinth.chat-command").get("tasks").run({ args, sessionKey: "main" })) text += "text" in item ? item.text : "";
    return text;
  };

  it("list, show, cancel and audit", async () => {
    await using host = await createTestHost({ extensions: [{ manifest, extension }] });
    await host.as(owner, async () => {
      expect(await chat(host, "")).toBe("Nothing runs beside this conversation, and nothing did lately.");
      const tasks = host.use("plinth.tasks").one();
      await tasks.create({ id: "t", kind: "cron", title: "Look at\u001b[31m [this]", sessionKey: "main" });
      expect(await out(host, "tasks.list", {})).toMatch(/^t {2}queued {2}cron: Look at.*\(\d s ago\)\n$/);
      expect(await out(host, "tasks.list", {})).not.toContain("\u001b");
      expect(await chat(host, "")).toMatch(/^- `t` queued, cron: Look at.*\\\[this\\\]/);
      expect(await out(host, "tasks.show", { args: { id: "t" } })).toMatch(/Asked by\s+owner via test[\s\S]*queued {2}by host/);
      expect(await out(host, "tasks.cancel", { args: { id: "t" }, options: { why: "no need" } })).toBe("t is cancelled.\n");
      expect(await chat(host, "cancel t")).toBe("`t` is over.");
      expect(await out(host, "tasks.audit", {})).toBe("Nothing is wrong with the tasks.\n");
      await expect(out(host, "tasks.list", { options: { status: "odd" } })).rejects.toMatchObject({ code: "PLINTH_USAGE" });
      expect(await host.use("plinth.gateway-method").get("tasks.list").call!({ status: ["cancelled"] })).toMatchObject({ tasks: [{ id: "t" }] });
    });
  });

  it("cancel by the owner's own word alone", async () => {
    await using host = await createTestHost({ extensions: [{ manifest, extension }] });
    await host.as(owner, async () => {
      await host.use("plinth.tasks").one().create({ id: "t", kind: "cron", title: "T" });
      host.lower("acme.one", "changed message.received");
      expect(await codeOf(chat(host, "cancel t"))).toBe("PLINTH_PERMISSION");
      expect(await codeOf(out(host, "tasks.cancel", { args: { id: "t" } }))).toBe("PLINTH_PERMISSION");
    });
    await host.as({ role: "guest", via: "irc:ann" }, async () => {
      expect(await codeOf(chat(host, "cancel t"))).toBe("PLINTH_TASK_UNKNOWN");
      expect(await out(host, "tasks.list", {})).toBe("There are no tasks.\n");
    });
  });

  it("load nothing before somebody asks", async () => {
    await using host = await createTestHost({ extensions: [{ manifest, extension }] });
    expect(host.activated()).toEqual([]);
  });
});
