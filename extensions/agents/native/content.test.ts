import { defineExtension, type ModelEvent, type ModelMessage, messagesFrom, type Part } from "@plinth/sdk";
import { createTestHost, type ScriptedProvider, type TestExtension, type TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import tools from "../../tools/catalog/index.ts";
import toolsManifest from "../../tools/catalog/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };
import { calls, knowsModels, runTurn, says, scriptedModel, scriptedTool } from "./scripted.testing.ts";

let host: TestHost | undefined;
afterEach(() => host?.close());

async function start(provide: ScriptedProvider[], more: TestExtension[] = []): Promise<void> {
  const knows = knowsModels();
  const extensions = [{ manifest, extension }, { manifest: toolsManifest, extension: tools }, ...knows.extensions, ...more];
  host = await createTestHost({ extensions, provide: [...provide, ...knows.provide] });
}

const end: ModelEvent = { type: "end", reason: "stop" };
const later = (type: string) => ({ type, anything: 1 }) as unknown as ModelEvent & Part;
const messages = (items: any[]): ModelMessage[] => items.flatMap((item) => (item.type === "message" ? [item.message] : []));

describe("a model's answer", () => {
  it("is kept as its parts in order, and shown as they come", async () => {
    const image = { type: "image" as const, mimeType: "image/png", base64: "AAAA" };
    const cited = { type: "citation" as const, url: "https://a.example/", title: "A" };
    await start([
      scriptedModel([
        [
          { type: "reasoning", delta: "hm" },
          { type: "reasoning", part: { type: "reasoning", text: "hm", opaque: { data: "signed" } } },
          { type: "text", delta: "See " },
          { type: "text", delta: "this: " },
          { type: "part", part: image },
          { type: "part", part: cited },
          { type: "text", delta: "done." },
          { type: "warning", code: "SEED", message: "The seed was left out.", param: "seed" },
          { type: "usage", usage: { inputTokens: 4, outputTokens: 9, reasoningTokens: 2, cacheReadTokens: 1, cost: 0.5 } },
          end,
        ],
      ]),
    ]);
    const items = await runTurn(host!);
    expect(items.map(({ type }) => type)).toEqual(["reasoning", "text", "text", "part", "part", "text", "warning", "message", "done"]);
    expect(messages(items)).toEqual([
      {
        role: "assistant",
        model: "scripted/m",
        content: [
          { type: "reasoning", text: "hm", opaque: { by: "test.scripted/scripted", data: "signed" } },
          { type: "text", text: "See this: " },
          image,
          cited,
          { type: "text", text: "done." },
        ],
      },
    ]);
    expect(items.at(-1)).toMatchObject({
      text: "See this: done.",
      usage: { inputTokens: 4, outputTokens: 9, reasoningTokens: 2, cacheReadTokens: 1, cost: 0.5 },
    });
    expect(JSON.stringify(items.filter(({ type }) => type !== "message"))).not.toContain("signed");
  });

  it("passes over events and parts of a kind that is not known, and what comes after the end", async () => {
    await start([
      scriptedModel([
        [later("telepathy"), { type: "part", part: later("smell") }, { type: "text", delta: "ok" }, end, { type: "text", delta: "more" }, end],
      ]),
    ]);
    const items = await runTurn(host!);
    expect(items.map(({ type }) => type)).toEqual(["text", "message", "done"]);
    expect(messages(items)[0]!.content).toEqual([{ type: "text", text: "ok" }]);
  });

  it("may be a refusal, which is said, also when the model found no words for it", async () => {
    await start([scriptedModel([[{ type: "end", reason: "refusal" }]])]);
    const items = await runTurn(host!);
    expect(items.map(({ type }) => type)).toEqual(["text", "message", "done"]);
    expect(items.at(-1)).toMatchObject({ text: "scripted/m declined to answer.", content: [{ type: "refusal" }] });
  });

  it("goes on where a model paused", async () => {
    const model = scriptedModel([
      [
        { type: "part", part: { type: "opaque", opaque: { data: 7 } } },
        { type: "end", reason: "pause" },
      ],
      says("Done."),
    ]);
    await start([model]);
    expect((await runTurn(host!)).at(-1)).toMatchObject({ text: "Done." });
    expect(model.seen[1]!.messages.at(-1)).toMatchObject({ role: "assistant", content: [{ type: "opaque", opaque: { data: 7 } }] });
  });
});

describe("what is opaque", () => {
  const secret = (by?: string): Part => ({ type: "reasoning", text: "hm", opaque: { ...(by ? { by } : {}), data: { signature: "s3cret" } } });
  const history = (part: Part): ModelMessage[] => [
    { role: "user", content: [{ type: "text", text: "hi" }] },
    { role: "assistant", content: [part, { type: "text", text: "hello" }] },
    { role: "user", content: [{ type: "text", text: "and?" }] },
  ];

  it("goes back to the provider that made it, as it was, and to no other", async () => {
    const [mine, other] = [scriptedModel([says("a")], { id: "mine" }), scriptedModel([says("b")], { id: "other" })];
    await start([mine, other]);
    await runTurn(host!, { model: "mine/m", history: history(secret("test.scripted/mine")) });
    await runTurn(host!, { model: "other/m", history: history(secret("test.scripted/mine")) });
    expect(mine.seen[0]!.messages[1]!.content[0]).toEqual(secret("test.scripted/mine"));
    expect(other.seen[0]!.messages[1]!.content).toEqual([
      { type: "reasoning", text: "hm" },
      { type: "text", text: "hello" },
    ]);
    expect(JSON.stringify(other.seen)).not.toContain("s3cret");
  });

  it("is its maker's, whatever name its maker writes on it: a provider's, a tool's", async () => {
    const forged = { by: "test.scripted/victim", data: "ORDER" };
    const liar = scriptedModel(
      [
        [
          { type: "part", part: { type: "opaque", opaque: forged } },
          { type: "tool-call", call: { type: "tool-call", id: "c", name: "liar", args: {}, opaque: forged } },
          { type: "end", reason: "tool-calls" },
        ],
        says("ok"),
      ],
      { id: "liar" },
    );
    const victim = scriptedModel([says("ok")], { id: "victim" });
    const tool = scriptedTool("liar", [], () => ({
      content: [
        { type: "text", text: "x", opaque: forged, origin: { by: "owner" } },
        { type: "opaque", opaque: forged },
      ],
    }));
    await start([liar, victim, tool]);
    const said = messages(await runTurn(host!, { model: "liar/m" }));
    expect(said.flatMap(({ content }) => content)).toMatchObject([
      { type: "opaque", opaque: { by: "test.scripted/liar" } },
      { type: "tool-call", opaque: { by: "test.scripted/liar" } },
      { type: "tool-result", content: [{ opaque: { by: "test.scripted/liar" } }, { opaque: { by: "test.scripted/liar" } }] },
      { type: "text" },
    ]);
    await runTurn(host!, {
      model: "victim/m",
      history: [{ role: "user", content: [{ type: "text", text: "hi" }] }, ...said, ...history(secret()).slice(2)],
    });
    expect(JSON.stringify(victim.seen)).not.toContain("ORDER");
    expect(JSON.stringify(victim.seen)).not.toContain('"by":"owner"');
  });

  it("is shown to no gate, tool or follower of the turn", async () => {
    const signed = { type: "tool-call" as const, id: "c", name: "look", args: {}, opaque: { data: "s3cret" } };
    const model = scriptedModel([
      [
        { type: "tool-call", call: signed },
        { type: "end", reason: "tool-calls" },
      ],
      says("ok"),
    ]);
    const seen: unknown[] = [];
    const look = scriptedTool("look", ["read"], (input) => {
      seen.push(input);
      return { content: [{ type: "text", text: "ok", opaque: { data: "s3cret" } }] };
    });
    const watcher: TestExtension = {
      manifest: {
        id: "acme.watcher",
        version: "1.0.0",
        title: "Watcher",
        description: "",
        engines: { plinth: "*" },
        entry: "./index.js",
        hooks: [{ on: "tool.before" }],
      },
      extension: defineExtension({ activate: (ctx) => ctx.hooks.on("tool.before", (payload) => void seen.push(payload)) }),
    };
    await start([model, look], [watcher]);
    const items = await runTurn(host!);
    expect(seen).toHaveLength(2);
    expect(JSON.stringify([seen, items.filter(({ type }) => type !== "message")])).not.toContain("s3cret");
    expect(model.seen[1]!.messages.at(-2)!.content[0]).toMatchObject({ opaque: { data: "s3cret" } });
  });

  it("is a third party's own where it hands a conversation over", () => {
    expect(messagesFrom(history(secret("plinth.x/y")), "acme.x")[1]!.content[0]).toMatchObject({ opaque: { by: "acme.x" } });
    expect(messagesFrom(history(secret("plinth.x/y")), "plinth.runs")[1]!.content[0]).toEqual(secret("plinth.x/y"));
  });
});

describe("a tool's result", () => {
  it("may hold parts of a kind that is not known, and data instead of text", async () => {
    const model = scriptedModel([calls(["a", "odd"], ["b", "data"]), says("ok")]);
    await start([
      model,
      scriptedTool("odd", [], () => ({ content: [{ type: "text", text: "seen" }, later("smell")] })),
      scriptedTool("data", [], () => ({ content: [], structured: { degrees: 21 } })),
    ]);
    const items = await runTurn(host!);
    expect(items.filter(({ type }) => type === "tool-end").map(({ result }) => result.isError ?? false)).toEqual([false, false]);
    expect(model.seen[1]!.messages.at(-1)).toMatchObject({ content: [{ callId: "b", content: [{ type: "text", text: '{"degrees":21}' }] }] });
  });
});
