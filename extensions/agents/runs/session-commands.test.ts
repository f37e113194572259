import type { TestHost } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { knowsModels } from "../native/scripted.testing.ts";
import { end, type HarnessInput, owner, shout, startTurns, transcript, words } from "./turns.testing.ts";

/** Before anything takes it: how far ahead the clock is. */
const clock = vi.hoisted(() => {
  const now = Date.now;
  const shift = { ms: 0 };
  Date.now = () => now() + shift.ms;
  return shift;
});

let host: TestHost;
const kept: string[] = [];
let shown: HarnessInput[] = [];
const artifacts = {
  contract: "plinth.artifacts",
  id: "kept",
  descriptor: { title: "kept", durable: false },
  provider: {
    put: ({ base64 }: { base64: string }) => {
      kept.push(Buffer.from(base64, "base64").toString());
      return { artifact: { id: "a1", sha256: "0".repeat(64), bytes: 1, mimeType: "application/jsonl", createdAt: 0 } };
    },
  } as never,
};
const models = {
  contract: "plinth.model-provider",
  id: "acme",
  descriptor: { title: "Acme", priority: 1, models: [{ id: "big" }] },
  provider: { status: () => ({ ready: true, defaultModel: "big" }), models: () => ({ models: [{ id: "big" }] }), async *stream() {} } as never,
};
const run = (input: HarnessInput) => {
  shown.push(input);
  return shout(input);
};
beforeEach(async () => {
  const { extensions, provide } = knowsModels();
  host = await startTurns({ run, extensions, provide: [...provide, models, artifacts] });
});
afterEach(async () => {
  clock.ms = 0;
  await host.close();
  kept.length = 0;
  shown = [];
});
const say = (text: string, sessionKey = "main") => host.as(owner, () => end(host, text, { sessionKey }));
const store = () => host.use("plinth.session-store").one();
const session = async (key = "main") => (await store().get({ key })).session;
const call = (id: string, input: object) => host.as(owner, () => host.use("plinth.gateway-method").get(id).call(input)) as Promise<any>;

describe("in a conversation", () => {
  it("its title is its first words, until /rename gives it another or none", async () => {
    await say("/help");
    expect((await session())?.title).toBeUndefined();
    await say("Plan a trip. We are two.");
    expect((await session())?.title).toBe("Plan a trip");
    expect((await say("/rename A week  in Oslo")).text).toBe("This conversation is called “A week in Oslo” now.");
    await say("something else");
    expect((await session())?.title).toBe("A week in Oslo");
    await say("/rename");
    await say("something else");
    expect((await session())?.title).toBeUndefined();
  });

  it("/reset starts afresh and notes why", async () => {
    await say("one");
    await say("/reset the task is done");
    await say("two");
    expect(shown.at(-1)!.history).toHaveLength(1);
    expect(await words(host)).toEqual([undefined, expect.stringContaining("/reset the task is done"), "user: two", "assistant: TWO", "ok"]);
    expect((await transcript(host))[0]).toMatchObject({ kind: "reset", reason: "the task is done" });
  });

  it("/fork makes a second one, which goes on with what was said and chosen", async () => {
    await say("/model acme/big");
    await say("one");
    const { text } = await say("/fork By train");
    const key = /`(fork-[^`]+)`/.exec(text)![1]!;
    expect((await session(key))?.title).toBe("By train");
    await say("two", key);
    expect(shown.at(-1)!.history).toHaveLength(3);
    expect(shown.at(-1)!.model).toBe("acme/big");
    await say("three");
    expect(shown.at(-1)!.history).toHaveLength(3);
  });

  it("/sessions lists conversations, or finds words in them", async () => {
    await say("a crimson kettle", "tea");
    await say("hello");
    expect((await say("/sessions")).text.split("\n")[1]).toBe("- `tea`: a crimson kettle");
    expect((await say("/sessions kettle")).text).toContain("- `tea`: ");
    expect((await say("/sessions absent")).text).toContain("Nothing");
  });

  it("/export keeps it as JSON lines", async () => {
    await say("one");
    expect((await say("/export")).text).toContain("/artifacts/a1");
    const items = kept
      .join("")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(items.map(({ type }) => type)).toEqual(["session", "entry", "entry", "entry"]);
  });

  it.each(["/rename x", "/reset", "/fork", "/sessions", "/export"])("nobody but the owner may %s", async (text) => {
    await say("one");
    const answered = await host.as({ role: "guest", via: "test" }, () => end(host, text));
    expect(answered.text).toContain("is for the owner");
  });
});

describe("the gateway's methods", () => {
  it("label, reset, fork, export, import and clean up", async () => {
    await say("one");
    expect((await call("sessions.update", { sessionKey: "main", labels: ["a"] })).session.labels).toEqual(["a"]);
    const items: any[] = [];
    await host.as(owner, async () => {
      for await (const item of host.use("plinth.gateway-method").get("sessions.export").open({ sessionKey: "main" })) items.push(item);
    });
    const entries = items.slice(1).map(({ entry }) => entry);
    expect(await call("sessions.import", { sessionKey: "copy", entries, head: items[0].session.head, title: "Copy" })).toMatchObject({ added: 3 });
    expect((await session("copy"))?.title).toBe("Copy");
    expect((await call("sessions.fork", { sessionKey: "main", to: "branch" })).session.forkOf.key).toBe("main");
    await call("sessions.reset", { sessionKey: "main", reason: "done" });
    expect((await transcript(host))[0]).toMatchObject({ kind: "reset", reason: "done" });
    clock.ms = 3 * 86_400_000;
    const wanted = { days: 2, all: true };
    const told = await call("sessions.cleanup", wanted);
    expect(told.keys.sort()).toEqual(["branch", "copy", "main"]);
    expect((await store().list({})).sessions).toHaveLength(3);
    const done = await call("sessions.cleanup", { ...wanted, enforce: true });
    expect({ ...done, keys: done.keys.sort() }).toEqual(told);
    expect((await store().list({})).sessions).toEqual([]);
  });

  it("forget what was chosen for a session that is cleaned up", async () => {
    await say("/model acme/big");
    await say("one");
    clock.ms = 3 * 86_400_000;
    await call("sessions.cleanup", { days: 2, all: true, enforce: true });
    await say("two");
    expect(shown.at(-1)!.model).toBe("auto");
  });

  it.each([
    ["sessions.reset", { sessionKey: "main", reason: "" }],
    ["sessions.fork", {}],
    ["sessions.import", { sessionKey: "main", entries: "x" }],
    ["sessions.update", { sessionKey: "main", labels: [7] }],
    ["sessions.cleanup", { days: 0 }],
    ["sessions.cleanup", { enforce: "yes" }],
  ])("refuse parameters of %s that make no sense: %j", async (id, params) => {
    await expect(call(id, params)).rejects.toMatchObject({ code: "PLINTH_PARAMS" });
  });

  it.each(["reset", "fork", "import", "cleanup", "update"])(
    "change nothing for an extension that calls sessions.%s past the gateway",
    async (name) => {
      await say("one");
      const params = { sessionKey: "main", to: "x", entries: [], enforce: true, title: "x" };
      const guest = { role: "guest", via: "acme.x" } as const;
      const method = host.use("plinth.gateway-method").get(`sessions.${name}`);
      await expect(host.as(guest, () => method.call(params))).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
      const exported = host.use("plinth.gateway-method").get("sessions.export");
      const first = () => exported.open(params)[Symbol.asyncIterator]().next();
      await expect(host.as(guest, first)).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    },
  );
});
