import { describe, expect, it } from "vitest";
import { defineExtension } from "../extension/index.ts";
import { createTestHost, type TestExtension } from "./index.ts";

const run = { sessionKey: "s", runId: "r" };

function subscriber(id: string, on: string, handler: (payload: any) => unknown, extra: object = {}): TestExtension {
  const manifest = {
    id,
    version: "1.0.0",
    title: id,
    description: "",
    engines: { plinth: "^0.1.0" },
    entry: "./index.js",
    hooks: [{ on, ...extra }],
  };
  return { manifest, extension: defineExtension({ activate: (ctx) => ctx.hooks.on(on as never, handler as never) }) };
}
const add = (word: string) => (payload: { text: string }) => ({ ...payload, text: `${payload.text}${word}` });
const sending = { ...run, text: "", surface: "test" };
const calling = { ...run, call: { type: "tool-call", id: "c", name: "exec", args: {} }, effects: ["exec"] };

describe("hooks in a test host", () => {
  it("chain transforms by stage, then before and after, then id", async () => {
    await using host = await createTestHost({
      extensions: [
        subscriber("demo.c", "message.sending", add("c")),
        subscriber("demo.late", "message.sending", add("z"), { stage: "late" }),
        subscriber("demo.a", "message.sending", add("a"), { after: ["demo.c"] }),
        subscriber("demo.early", "message.sending", add("0"), { stage: "early" }),
      ],
    });
    expect(await host.fire("message.sending", sending)).toMatchObject({ text: "0caz" });
  });

  it("end a gate at its first denial, and deny when a closed gate's subscriber fails", async () => {
    const asked: string[] = [];
    await using host = await createTestHost({
      extensions: [subscriber("demo.a", "tool.before", () => ({ deny: "not now" })), subscriber("demo.b", "tool.before", () => void asked.push("b"))],
    });
    expect(await host.fire("tool.before", calling)).toEqual({ allowed: false, reason: "not now", by: "demo.a" });
    expect(asked).toEqual([]);
    await using failing = await createTestHost({
      extensions: [
        subscriber("demo.a", "tool.before", () => {
          throw new Error("broken");
        }),
      ],
    });
    expect(await failing.fire("tool.before", calling)).toMatchObject({ allowed: false, by: "demo.a" });
    await using quiet = await createTestHost({ extensions: [subscriber("demo.a", "tool.before", () => undefined)] });
    expect(await quiet.fire("tool.before", calling)).toEqual({ allowed: true });
  });

  it("skip a failing subscriber where the hook fails open, and fail where it fails closed", async () => {
    const broken = () => {
      throw new Error("broken");
    };
    const prepare = { ...run, harness: "native", model: "auto", system: [] };
    await using host = await createTestHost({
      extensions: [subscriber("demo.a", "turn.prepare", broken), subscriber("demo.b", "turn.prepare", (payload) => ({ ...payload, model: "b/b" }))],
    });
    expect(await host.fire("turn.prepare", prepare)).toMatchObject({ model: "b/b" });
    expect(host.faults).toMatchObject([{ extension: "demo.a" }]);
    await using closed = await createTestHost({ extensions: [subscriber("demo.a", "message.sending", broken)] });
    await expect(closed.fire("message.sending", sending)).rejects.toMatchObject({ extension: "demo.a" });
    await using tightened = await createTestHost({
      extensions: [subscriber("demo.a", "turn.prepare", broken, { failure: "closed" })],
    });
    await expect(tightened.fire("turn.prepare", prepare)).rejects.toMatchObject({ extension: "demo.a" });
  });

  it("tell every observer, whatever one of them does", async () => {
    const told: string[] = [];
    await using host = await createTestHost({
      extensions: [
        subscriber("demo.a", "turn.end", () => {
          throw new Error("broken");
        }),
        subscriber("demo.b", "turn.end", () => void told.push("b")),
      ],
    });
    expect(await host.fire("turn.end", { ...run, status: "ok", durationMs: 1 })).toBeUndefined();
    expect(told).toEqual(["b"]);
  });

  it("take the first claim of a hook that an extension defines", async () => {
    const definition = {
      id: "demo.owner.thing",
      version: "1.0.0",
      title: "Thing",
      cardinality: "one",
      selection: "by-id",
      descriptor: {},
      methods: {},
      hooks: { "demo.claim": { mode: "claim", payload: {}, deadlineMs: 1000, failure: "open" } },
    };
    const definer = {
      manifest: {
        id: "demo.owner",
        version: "1.0.0",
        title: "",
        description: "",
        engines: { plinth: "^0.1.0" },
        defines: [definition],
      },
      extension: defineExtension({ activate() {} }),
    };
    (definer.manifest as { title: string }).title = "Owner";
    await using host = await createTestHost({
      extensions: [definer, subscriber("demo.a", "demo.claim", () => undefined), subscriber("demo.b", "demo.claim", () => "mine")],
    });
    expect(await host.fire("demo.claim" as never, {})).toEqual({ by: "demo.b", answer: "mine" });
  });

  it("deny through a gate whose subscriber answers too late", async () => {
    await using host = await createTestHost({
      extensions: [subscriber("demo.a", "tool.before", () => new Promise(() => {}), { deadlineMs: 20 })],
    });
    expect(await host.fire("tool.before", calling)).toMatchObject({
      allowed: false,
      reason: expect.stringContaining("PLINTH_DEADLINE"),
    });
  });

  it("run those whose order is a cycle after the others, as the host does, and say so", async () => {
    await using host = await createTestHost({
      extensions: [
        subscriber("demo.b", "message.sending", add("b"), { after: ["demo.c"] }),
        subscriber("demo.c", "message.sending", add("c"), { after: ["demo.b"] }),
        subscriber("demo.z", "message.sending", add("z")),
      ],
    });
    expect(await host.fire("message.sending", sending)).toMatchObject({ text: "zbc" });
    expect(host.faults).toMatchObject([{ code: "PLINTH_CYCLE" }]);
  });

  it("skip an answer of the wrong shape where a hook fails open, and fail where it fails closed", async () => {
    const prepare = { ...run, harness: "native", model: "auto", system: [] };
    await using host = await createTestHost({ extensions: [subscriber("demo.a", "turn.prepare", () => ({ system: "no list" }))] });
    expect(await host.fire("turn.prepare", prepare)).toEqual(prepare);
    expect(host.faults).toMatchObject([{ code: "PLINTH_PAYLOAD", extension: "demo.a" }]);
    await using closed = await createTestHost({ extensions: [subscriber("demo.a", "message.sending", () => "text")] });
    await expect(closed.fire("message.sending", sending)).rejects.toMatchObject({ code: "PLINTH_PAYLOAD", extension: "demo.a" });
  });
});
