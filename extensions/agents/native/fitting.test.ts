import { type ModelMessage, PlinthError, type ToolResultPart, textOf, toolResultsOf } from "@plinth/sdk";
import { createTestHost, type ScriptedProvider, type TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import catalog from "../../tools/catalog/index.ts";
import catalogManifest from "../../tools/catalog/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };
import { calls, knowsModels, runTurn, type Script, says, scriptedModel, scriptedTool, text } from "./scripted.testing.ts";

let host: TestHost;
afterEach(() => host.close());

const LIMIT = 8_192;
const user = (words: string): ModelMessage => ({ role: "user", content: [{ type: "text", text: words }] });
const answered = (words: string): ModelMessage => ({ role: "assistant", content: [{ type: "text", text: words }] });
const dug = (id: string, chars: number): ModelMessage[] => [
  { role: "assistant", content: [{ type: "tool-call", id, name: "dig", args: {} }] },
  { role: "tool", content: [{ type: "tool-result", callId: id, name: "dig", content: [{ type: "text", text: `begin ${"x".repeat(chars)} end` }] }] },
];

/** Sums up all but the last message, and counts how often. */
function compactor(): ScriptedProvider & { asked: any[] } {
  const asked: any[] = [];
  return {
    asked,
    contract: "plinth.compactor",
    id: "scripted",
    descriptor: { title: "Scripted" },
    provider: {
      async *compact(input: any) {
        asked.push(structuredClone(input));
        yield { type: "summary", content: [{ type: "text", text: "They talked." }], firstKept: input.history.at(-1).id, made: "rules" };
      },
    } as never,
  };
}

async function start(scripts: Script[], provide: ScriptedProvider[] = [], config: object = {}) {
  const model = scriptedModel(scripts);
  Object.assign(model.provider as object, { models: () => ({ models: [{ id: "m", contextTokens: LIMIT }] }) });
  const knows = knowsModels();
  host = await createTestHost({
    extensions: [{ manifest, extension, config }, { manifest: catalogManifest, extension: catalog }, ...knows.extensions],
    provide: [model, ...provide, ...knows.provide],
  });
  return model;
}

const results = (messages: readonly ModelMessage[]): ToolResultPart[] => messages.flatMap(({ content }) => toolResultsOf(content));
const long = (turns: number) => Array.from({ length: turns }, (_, at) => [user(`word ${at} `.repeat(100)), answered("answer ".repeat(100))]).flat();

describe("a conversation that comes near to its model's context", () => {
  it("is made short before it is sent, and who wrote the summary is told", async () => {
    const makes = compactor();
    const model = await start([says("fine")], [makes]);
    const items = await runTurn(host, { history: [...long(15), user("now")] });
    expect([model.seen.length, makes.asked.length]).toEqual([1, 1]);
    expect(makes.asked[0]).toMatchObject({ limitTokens: LIMIT, keepTokens: Math.floor(LIMIT * 0.3) });
    expect(items.find(({ type }) => type === "compaction")).toMatchObject({ summary: "They talked.", made: "rules", kept: 1 });
    const [first, ...rest] = model.seen[0]!.messages;
    expect(first!.origin).toMatchObject({ by: "system" });
    expect(rest).toEqual([user("now")]);
  });

  it("is sent as it is where that was set, or nothing can be made short, and where it is short nobody is asked anything", async () => {
    const makes = compactor();
    let model = await start([says("fine")], [makes], { compactAt: 0 });
    await runTurn(host, { history: [...long(15), user("now")] });
    expect([model.seen[0]!.messages.length, makes.asked.length]).toEqual([31, 0]);
    await host.close();
    model = await start([says("fine")]);
    expect((await runTurn(host, { history: [...long(15), user("now")] })).at(-1)).toMatchObject({ type: "done", text: "fine" });
    expect(model.seen[0]!.messages.length).toBe(31);
    await host.close();
    model = await start([says("fine")], [makes]);
    await runTurn(host, { history: [...long(2), user("now")] });
    expect(makes.asked.length).toBe(0);
  });

  it("loses the middle of old results of tools first, says so and how they are got, and no result of the last turns", async () => {
    const makes = compactor();
    const model = await start([says("fine")], [makes]);
    const old = [user("a"), ...dug("old", 16_000), answered("b")];
    const recent = [user("c"), ...dug("recent", 3_000), answered("d"), user("e"), answered("f"), user("now")];
    await runTurn(host, { history: [...old, ...recent] });
    const [first, second] = results(model.seen[0]!.messages).map((one) => textOf(one.content));
    expect(first).toMatch(
      /^begin x+\n\[… 15\d+ characters of this result left out; the tool recall gives them, with {"call":"old","of":16010} …\]\nx+ end$/,
    );
    expect(second!.length).toBeGreaterThan(3_000);
    expect(makes.asked.length).toBe(0);
    // What begins alike is kept by servers: it stays as it was sent.
    await runTurn(host, { history: [...old, ...recent.slice(0, -1), user("now"), answered("fine"), user("and now")] });
    const before = model.seen[0]!.messages;
    expect(model.seen[1]!.messages.slice(0, before.length)).toEqual(before);
  });

  it("is summed up where shorter results would not save enough", async () => {
    const makes = compactor();
    await start([says("fine")], [makes]);
    await runTurn(host, { history: [user("a"), ...dug("old", 2_000), answered("b"), ...long(15), user("now")] });
    expect(makes.asked.length).toBe(1);
  });

  it("goes on within a turn whose own results are too much: the question stays, and no tool runs twice", async () => {
    let ran = 0;
    const tool = scriptedTool("dig", ["read"], () => {
      ran++;
      return text(`${ran} ${"x".repeat(12_000)}`);
    });
    const tooLong = async function* (asked: { messages: ModelMessage[] }) {
      if (JSON.stringify(asked.messages).length > LIMIT * 4)
        throw new PlinthError("PLINTH_MODEL_CONTEXT", "too long", { details: { limitTokens: LIMIT } });
      yield* ran < 6 ? calls([`c${ran}`, "dig"]) : says("gold");
    };
    const makes = compactor();
    // It keeps a call with its result.
    (makes.provider as any).compact = async function* (input: any) {
      makes.asked.push(input);
      yield { type: "summary", content: [{ type: "text", text: "They dug." }], firstKept: input.history.at(-2).id };
    };
    const model = await start([tooLong], [tool, makes]);
    const items = await runTurn(host, { history: [user("dig for gold")] });
    expect([ran, items.at(-1).text, model.seen.length]).toEqual([6, "gold", 7]);
    expect(makes.asked.length).toBeGreaterThan(0);
    for (const { messages } of model.seen) expect(messages.some(({ content }) => textOf(content) === "dig for gold")).toBe(true);
  });

  it("one result that is longer than all that fits is sent without its middle", async () => {
    const tool = scriptedTool("dig", ["read"], () => text("x".repeat(60_000)));
    const model = await start([calls(["c1", "dig"]), says("gold")], [tool]);
    expect((await runTurn(host, { history: [user("dig")] })).at(-1)).toMatchObject({ text: "gold" });
    expect(JSON.stringify(model.seen[1]!.messages).length).toBeLessThan(LIMIT * 3);
    expect(textOf(results(model.seen[1]!.messages)[0]!.content)).toContain('with {"call":"c1","of":60000}');
  });
});
