import { type ModelsEvent, toolCallsOf, toolResultsOf } from "@plinth/sdk";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LoopItem, LoopParts } from "./loop.ts";
import { Rooms } from "./room.ts";
import { runLoop } from "./run-loop.ts";
import type { Tool } from "./tool.ts";
import { Words } from "./words.ts";

const limits = { maxRounds: 6, maxToolCalls: 8, toolTimeoutMs: 1_000, maxToolResultChars: 1_000 };
const input = {
  runId: "r",
  sessionKey: "s",
  workspace: "/w",
  model: "auto",
  system: [],
  history: [{ role: "user" as const, content: [{ type: "text" as const, text: "hi" }] }],
};
const tool = (name: string, effects: string[]): Tool => ({
  spec: { name, description: "", input: {} },
  effects,
  maker: `t/${name}`,
  parallel: name === "read",
  secrets: [],
});
const tools = new Map([tool("read", ["read"]), tool("write", ["write"])].map((one) => [one.spec.name, one]));

/** A loop without a host: `rounds` are the calls of each model answer; the abort comes at the given tool call. */
async function play(rounds: string[][], abortAt: number | undefined, sayAt?: number): Promise<{ items: LoopItem[]; error: unknown; said: string }> {
  const words = new Words();
  let said = "unsaid";
  const controller = new AbortController();
  let round = 0;
  let ran = 0;
  const parts: LoopParts = {
    async *stream(): AsyncGenerator<ModelsEvent> {
      yield { type: "model", provider: "p", model: "m", name: "p/m", maker: "x/p" };
      const names = rounds[round++] ?? [];
      for (const name of names) yield { type: "tool-call", call: { type: "tool-call", id: "call_0", name, args: {} } };
      if (names.length === 0) yield { type: "text", delta: "done" };
      yield { type: "end", reason: "stop" };
    },
    instructions: async () => ({ system: [], warnings: [] }),
    tools: async () => ({ all: tools, offered: [...tools.values()] }),
    room: new Rooms({ compactAt: 0.75, compactKeep: 0.3 }).of("s", "auto"),
    limit: async () => undefined,
    async *compact() {
      yield* [];
      return undefined;
    },
    callTool: async () => {
      if (ran === sayAt) said = words.add([{ type: "text", text: "wait" }], "now");
      if (ran++ === abortAt) controller.abort(new Error("stop"));
      await Promise.resolve();
      return { content: [] };
    },
    words,
  };
  const items: LoopItem[] = [];
  try {
    for await (const item of runLoop(input, parts, limits, controller.signal)) items.push(item);
    return { items, error: undefined, said };
  } catch (error) {
    return { items, error, said };
  }
}

const rounds = fc.array(fc.array(fc.constantFrom("read", "write", "nothing"), { minLength: 1, maxLength: 5 }), { maxLength: 8 });

describe("the model loop", () => {
  it("gives each announced call exactly one result and one end, in order, whatever it was aborted or limited by", async () => {
    await fc.assert(
      fc.asyncProperty(rounds, fc.option(fc.nat(10), { nil: undefined }), async (script, abortAt) => {
        const { items, error } = await play(script, abortAt, abortAt === undefined ? script.length % 4 : undefined);
        const announced = items.flatMap((item) => (item.type === "message" ? toolCallsOf(item.message.content) : []));
        const ids = announced.map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
        expect(items.flatMap((item) => (item.type === "message" ? toolResultsOf(item.message.content).map(({ callId }) => callId) : []))).toEqual(
          ids,
        );
        expect(items.flatMap((item) => (item.type === "tool-start" ? [item.callId] : []))).toEqual(ids);
        expect(items.flatMap((item) => (item.type === "tool-end" ? [item.callId] : []))).toEqual(ids);
        if (error === undefined) expect(items.at(-1)).toMatchObject({ type: "done", text: "done" });
      }),
      { numRuns: 300 },
    );
  });

  it("takes in what is said while tools run: those that have not begun are skipped, and the model hears it next", async () => {
    const { items, said, error } = await play([["write", "write", "write"]], undefined, 0);
    expect([said, error]).toEqual(["now", undefined]);
    const told = items.flatMap((item) => (item.type === "message" ? [item.message] : []));
    expect(told.map(({ role }) => role)).toEqual(["assistant", "tool", "tool", "tool", "user", "assistant"]);
    const results = told.flatMap(({ content }) => toolResultsOf(content));
    expect(results.map(({ isError }) => isError ?? false)).toEqual([false, true, true]);
    expect(JSON.stringify(results[1])).toContain("PLINTH_TOOL_SKIPPED");
    expect(items.at(-1)).toMatchObject({ type: "done", text: "done" });
  });

  it("runs no further tool once it is aborted", async () => {
    const { items, error } = await play([["write", "write", "write"]], 0);
    expect(error).toMatchObject({ message: "stop" });
    const failed = items.filter((item) => item.type === "message" && toolResultsOf(item.message.content).some(({ isError }) => isError));
    expect(failed).toHaveLength(2);
  });
});
