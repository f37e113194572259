import { defineExtension, PlinthError } from "@plinth/sdk";
import { createTestHost, type ScriptedProvider, type TestExtension, type TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import tools from "../../tools/catalog/index.ts";
import toolsManifest from "../../tools/catalog/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };
import { calls, knowsModels, runTurn, says, scriptedModel, scriptedTool, type TurnOptions, text } from "./scripted.testing.ts";

let host: TestHost | undefined;
afterEach(() => host?.close());

async function start(provide: ScriptedProvider[], config: object = {}, others: TestExtension[] = []): Promise<void> {
  const knows = knowsModels();
  host = await createTestHost({
    extensions: [{ manifest, extension, config }, { manifest: toolsManifest, extension: tools }, ...knows.extensions, ...others],
    provide: [...provide, ...knows.provide],
  });
}

const run = (options?: TurnOptions) => runTurn(host!, options);

const results = (items: any[]) =>
  items.flatMap(({ type, message }) => (type === "message" ? message.content.filter((part: any) => part.type === "tool-result") : []));
const done = (items: any[]) => items.at(-1);

/** An extension that subscribes to one hook. */
function subscriber(on: string, handler: (payload: any) => unknown): TestExtension {
  return {
    manifest: {
      id: "test.subscriber",
      version: "1.0.0",
      title: "Subscriber",
      description: "",
      engines: { plinth: "*" },
      entry: "./index.js",
      hooks: [{ on }],
    },
    extension: defineExtension({ activate: (ctx) => ctx.hooks.on(on as "tool.before", handler as never) }),
  };
}

describe("the native harness", () => {
  it("streams an answer, then says what it was, who gave it and what it cost", async () => {
    await start([scriptedModel([says("Hel", "lo")])]);
    expect(await run()).toEqual([
      { type: "text", delta: "Hel" },
      { type: "text", delta: "lo" },
      { type: "message", message: { role: "assistant", content: [{ type: "text", text: "Hello" }], model: "scripted/m" } },
      { type: "done", text: "Hello", model: "scripted/m", usage: { inputTokens: 10, outputTokens: 2 } },
    ]);
  });

  it("tells the model its instructions, the workspace and the day", async () => {
    const model = scriptedModel([says("ok")]);
    await start([model]);
    await run({ system: ["Be brief.", "Be kind."] });
    const [steady, changing] = model.seen[0]!.system!;
    expect(`${steady!.text}\n\n${changing!.text}`).toMatch(
      /Plinth[\s\S]*Be brief\.\n\nBe kind\.\n\nYour workspace is the folder \/w\.[\s\S]*Today is \d{4}-\d\d-\d\d/,
    );
  });

  it("lets extensions rebuild the instructions", async () => {
    const model = scriptedModel([says("ok")]);
    await start([model], {}, [
      subscriber("prompt.build", (payload) => ({
        ...payload,
        sections: [...payload.sections.slice(0, 1), { id: "x", text: "Speak like a sailor." }],
      })),
    ]);
    await run();
    expect(model.seen[0]!.system![0]!.text).toMatch(/^You are[\s\S]*\n\nSpeak like a sailor\.$/);
  });

  it("runs the tools that the model calls and tells it their results", async () => {
    const model = scriptedModel([calls(["c1", "add", { a: 2 }]), says("4")]);
    let seen: unknown;
    await start([
      model,
      scriptedTool("add", [], (input) => {
        seen = input;
        return text("sum 4");
      }),
    ]);
    const items = await run();
    expect(items.map(({ type }) => type)).toEqual(["message", "tool-start", "tool-end", "message", "text", "message", "done"]);
    expect(seen).toEqual({ args: { a: 2 }, callId: "c1", runId: "r", sessionKey: "s", workspace: "/w" });
    expect(model.seen[1]!.messages).toEqual([
      { role: "user", content: [{ type: "text", text: "hi" }] },
      { role: "assistant", content: [{ type: "tool-call", id: "c1", name: "add", args: { a: 2 } }], model: "scripted/m" },
      { role: "tool", content: [{ type: "tool-result", callId: "c1", name: "add", content: [{ type: "text", text: "sum 4" }] }] },
    ]);
    expect(done(items)).toMatchObject({ text: "4", usage: { inputTokens: 20, outputTokens: 6 } });
  });

  it("offers the tools in the order of their names", async () => {
    const model = scriptedModel([says("ok")]);
    await start([model, scriptedTool("zeta", [], () => text("")), scriptedTool("alpha", [], () => text(""))]);
    await run();
    expect(model.seen[0]!.tools!.map(({ name }) => name)).toEqual(["alpha", "zeta"]);
  });

  it("runs calls side by side when all of them only read, and one by one otherwise", async () => {
    let running = 0;
    let most = 0;
    const tool = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      return text("ok");
    };
    await start([
      scriptedModel([calls(["a", "look"], ["b", "look"], ["c", "look"]), calls(["d", "look"], ["e", "write"]), says("ok")]),
      scriptedTool("look", ["read"], tool),
      scriptedTool("write", ["write"], tool),
    ]);
    const items = await run();
    expect(most).toBe(3);
    expect(results(items).map(({ callId }) => callId)).toEqual(["a", "b", "c", "d", "e"]);
    const order = items.filter(({ type }) => type.startsWith("tool-")).map(({ type, callId }) => `${type.slice(5)} ${callId}`);
    expect(order.slice(0, 6)).toEqual(["start a", "start b", "start c", "end a", "end b", "end c"]);
    expect(order.slice(6)).toEqual(["start d", "end d", "start e", "end e"]);
  });

  it("keeps the results in the order of the calls, whichever finishes first", async () => {
    await start([
      scriptedModel([calls(["slow", "wait", { ticks: 5 }], ["fast", "wait", { ticks: 0 }]), says("ok")]),
      scriptedTool("wait", ["read"], async ({ args }) => {
        for (let tick = 0; tick < (args.ticks as number); tick++) await new Promise((resolve) => setImmediate(resolve));
        return text(`${args.ticks}`);
      }),
    ]);
    expect(results(await run()).map(({ callId, content }) => `${callId} ${content[0].text}`)).toEqual(["slow 5", "fast 0"]);
  });

  it("gives repeated call ids of a model one id each", async () => {
    await start([
      scriptedModel([calls(["call_0", "add"]), calls(["call_0", "add"], ["", "add"]), says("ok")]),
      scriptedTool("add", [], () => text("ok")),
    ]);
    expect(results(await run()).map(({ callId }) => callId)).toEqual(["call_0", "call_0-2", "call"]);
  });
});

describe("a tool call that goes wrong", () => {
  const one = async (provide: ScriptedProvider[], config: object = {}, others: TestExtension[] = [], args: Record<string, unknown> = {}) => {
    await start([scriptedModel([calls(["c1", "tool", args]), says("ok")]), ...provide], config, others);
    const items = await run();
    const [result] = results(items);
    expect(results(items)).toHaveLength(1);
    expect(done(items)).toMatchObject({ type: "done", text: "ok" });
    return result as { isError?: boolean; content: { text: string }[] };
  };

  it("is told which tools there are when it names none of them", async () => {
    const result = await one([scriptedTool("other", [], () => text(""))]);
    expect(result).toMatchObject({ isError: true, content: [{ text: expect.stringContaining("The tools are: other") }] });
  });

  it("is told what does not fit when the arguments are wrong, and nothing runs", async () => {
    let ran = false;
    const input = { type: "object", required: ["city"], properties: { city: { type: "string" } } };
    const result = await one(
      [
        scriptedTool(
          "tool",
          [],
          () => {
            ran = true;
            return text("");
          },
          input,
        ),
      ],
      {},
      [],
      { city: 7 },
    );
    expect(result).toMatchObject({ isError: true, content: [{ text: expect.stringMatching(/\/city.*string.*PLINTH_TOOL_INPUT/) }] });
    expect(ran).toBe(false);
  });

  it("is told the reason when a gate denies it, and nothing runs", async () => {
    let ran = false;
    const result = await one(
      [
        scriptedTool("tool", ["exec"], () => {
          ran = true;
          return text("");
        }),
      ],
      {},
      [subscriber("tool.before", () => ({ deny: "not on Sundays" }))],
    );
    expect(result).toMatchObject({ isError: true, content: [{ text: expect.stringMatching(/denied by test\.subscriber: not on Sundays/) }] });
    expect(ran).toBe(false);
  });

  it("does not run when the gate itself fails", async () => {
    let ran = false;
    const result = await one(
      [
        scriptedTool("tool", ["exec"], () => {
          ran = true;
          return text("");
        }),
      ],
      {},
      [
        subscriber("tool.before", () => {
          throw new Error("broken gate");
        }),
      ],
    );
    expect(result).toMatchObject({ isError: true, content: [{ text: expect.stringContaining("broken gate") }] });
    expect(ran).toBe(false);
  });

  it("withholds a result that cannot be checked", async () => {
    const result = await one([scriptedTool("tool", [], () => text("the secret"))], {}, [
      subscriber("tool.after", () => {
        throw new Error("broken check");
      }),
    ]);
    expect(result.isError).toBe(true);
    expect(JSON.stringify(result)).not.toContain("the secret");
  });

  it("gives the model the result that the check made of it", async () => {
    const result = await one([scriptedTool("tool", [], () => text("the secret"))], {}, [
      subscriber("tool.after", (payload) => ({ ...payload, result: text("[removed]") })),
    ]);
    expect(result.content).toEqual([{ type: "text", text: "[removed]" }]);
  });

  it("becomes an error result with its code when the tool throws", async () => {
    const result = await one([
      scriptedTool("tool", [], () => {
        throw new PlinthError("PLINTH_DISK", "The disk is full.", { next: "Make room." });
      }),
    ]);
    expect(result).toMatchObject({ isError: true, content: [{ text: expect.stringMatching(/The disk is full\. Make room\. \(PLINTH_DISK\)/) }] });
  });

  it("becomes an error result when the tool takes too long", async () => {
    const result = await one([scriptedTool("tool", [], () => new Promise(() => {}))], { toolTimeoutMs: 100 });
    expect(result).toMatchObject({ isError: true, content: [{ text: expect.stringContaining("PLINTH_DEADLINE") }] });
  });

  it("is cut in the middle, with a marker, when its result is too long", async () => {
    const result = await one([scriptedTool("tool", [], () => text(`<${"x".repeat(5_000)}>`))], { maxToolResultChars: 1_000 });
    expect(result.content[0]!.text).toMatch(/^<x+\n\[… 4002 characters were left out here …\]\nx+>$/);
  });
});

describe("the limits of a turn", () => {
  it("stop a model that never stops calling tools, each call answered", async () => {
    const model = scriptedModel([calls(["c", "tool"])]);
    let ran = 0;
    await start(
      [
        model,
        scriptedTool("tool", [], () => {
          ran++;
          return text("ok");
        }),
      ],
      { maxRounds: 3 },
    );
    const items: any[] = [];
    const input = {
      runId: "r",
      sessionKey: "s",
      workspace: "/w",
      model: "auto",
      system: [],
      history: [{ role: "user" as const, content: [{ type: "text" as const, text: "hi" }] }],
    };
    const failed = (async () => {
      for await (const item of host!.use("plinth.harness").get("native").run(input)) items.push(item);
    })();
    await expect(failed).rejects.toMatchObject({ code: "PLINTH_TURN_LIMIT", next: expect.any(String) });
    expect(model.seen).toHaveLength(3);
    expect(ran).toBe(2);
    expect(results(items).map(({ isError }) => isError ?? false)).toEqual([false, false, true]);
  });

  it("refuse further calls when too many were made, and let the model answer", async () => {
    let ran = 0;
    await start(
      [
        scriptedModel([calls(["a", "tool"], ["b", "tool"]), calls(["c", "tool"], ["d", "tool"]), says("ok")]),
        scriptedTool("tool", [], () => {
          ran++;
          return text("ok");
        }),
      ],
      { maxToolCalls: 3 },
    );
    const items = await run();
    expect(ran).toBe(3);
    expect(results(items).map(({ isError }) => isError ?? false)).toEqual([false, false, false, true]);
    expect(done(items).text).toBe("ok");
  });
});

describe("a model that fails", () => {
  it("is asked again where its provider says that this may help, but not when that would take long", async () => {
    const failing = (details: object) => new PlinthError("PLINTH_MODEL_STREAM", "It broke.", { details });
    const model = scriptedModel([failing({ retryable: true, retryAfterMs: 5 }), says("ok")]);
    await start([model], { retryBaseMs: 1 });
    expect(done(await run()).text).toBe("ok");
    await start([scriptedModel([failing({ retryable: true, retryAfterMs: 3_600_000 })])], { retryBaseMs: 1 });
    await expect(run()).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    await start([scriptedModel([failing({ retryable: false }), says("ok")])], { retryBaseMs: 1 });
    await expect(run()).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
  });

  const rate = new PlinthError("PLINTH_MODEL_RATE", "Too many requests.");

  it("is asked again when it was only busy", async () => {
    const model = scriptedModel([rate, new PlinthError("PLINTH_MODEL_SERVER", "Down."), says("ok")]);
    await start([model], { retryBaseMs: 1 });
    const items = await run();
    expect(done(items).text).toBe("ok");
    expect(items.filter(({ type }) => type === "progress")).toHaveLength(2);
  });

  it("is asked no more often than configured", async () => {
    const model = scriptedModel([rate]);
    await start([model], { retryBaseMs: 1, retries: 2 });
    await expect(run()).rejects.toMatchObject({ code: "PLINTH_MODEL_RATE" });
    expect(model.seen).toHaveLength(3);
  });

  it("is not asked again once it has said something, or when asking again cannot help", async () => {
    const broken = scriptedModel([
      async function* () {
        yield { type: "text", delta: "Hel" };
        throw rate;
      },
    ]);
    await start([broken], { retryBaseMs: 1 });
    await expect(run()).rejects.toMatchObject({ code: "PLINTH_MODEL_RATE" });
    expect(broken.seen).toHaveLength(1);
    await host!.close();
    const refused = scriptedModel([new PlinthError("PLINTH_MODEL_AUTH", "Wrong key.")]);
    await start([refused], { retryBaseMs: 1 });
    await expect(run()).rejects.toMatchObject({ code: "PLINTH_MODEL_AUTH" });
    expect(refused.seen).toHaveLength(1);
  });

  it("is reported when its stream stops without an end", async () => {
    await start([scriptedModel([[{ type: "text", delta: "Hel" }]])]);
    await expect(run()).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
  });

  it("is not waited for when the turn is aborted", async () => {
    const controller = new AbortController();
    await start([scriptedModel([rate])], { retryBaseMs: 60_000, retries: 5 });
    const running = run({ signal: controller.signal });
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: "PLINTH_ABORTED" });
  });
});

describe("what tools say of themselves", () => {
  const said = (id: string, descriptor: object, provider: object): ScriptedProvider => ({
    contract: "plinth.tool",
    id,
    descriptor: { description: `Does ${id}.`, input: { type: "object" }, effects: [], ...descriptor },
    provider: provider as never,
  });
  const neverCalled = () => {
    throw new Error("`run` is there");
  };

  it("shows how far a call is and what it writes while it runs, made visible, and gives the model its result", async () => {
    const model = scriptedModel([calls(["c1", "build"]), says("ok")]);
    async function* work() {
      yield { type: "progress", done: 1, total: 4 };
      yield { type: "progress", text: "half \u001b[2J" };
      yield { type: "later-kind" };
      yield { type: "output", text: "compiled\n" };
      yield { type: "result", result: text("built") };
    }
    await start([model, said("build", { progress: true }, { call: neverCalled, run: work })]);
    const items = await run();
    expect(items.slice(1, 6)).toEqual([
      { type: "tool-start", callId: "c1", name: "build", args: {} },
      { type: "progress", callId: "c1", text: "build: 1 of 4", done: 1, total: 4 },
      { type: "progress", callId: "c1", text: "build: half ␛[2J" },
      { type: "tool-output", callId: "c1", text: "compiled\n" },
      expect.objectContaining({ type: "tool-end", callId: "c1" }),
    ]);
    expect(results(items)).toMatchObject([{ content: [{ text: "built" }] }]);
  });

  it("shows progress of calls that run side by side as it comes, and bounds what one call can tell", async () => {
    async function* floods() {
      for (let n = 0; n < 5_000; n++) yield { type: "progress", text: `${n}` };
      for (let n = 0; n < 100; n++) yield { type: "output", text: "x".repeat(10_000) };
      yield { type: "result", result: text("ok") };
    }
    await start([
      scriptedModel([calls(["a", "flood"], ["b", "flood"]), says("ok")]),
      said("flood", { progress: true }, { call: neverCalled, run: floods }),
    ]);
    const items = await run();
    const of = (callId: string) => items.filter((one) => one.callId === callId && (one.type === "progress" || one.type === "tool-output"));
    expect(of("a").length).toBeLessThanOrEqual(500);
    expect(of("b").length).toBeLessThanOrEqual(500);
    expect(JSON.stringify(of("a")).length).toBeLessThan(200_000);
    expect(results(items).map(({ callId }) => callId)).toEqual(["a", "b"]);
  });

  it("decides which calls run beside others", async () => {
    let running = 0;
    const most: Record<string, number> = {};
    const tool = (id: string, descriptor: object) =>
      said(id, descriptor, {
        call: async () => {
          most[id] = Math.max(most[id] ?? 0, ++running);
          await new Promise((resolve) => setImmediate(resolve));
          running--;
          return text("ok");
        },
      });
    await start([
      scriptedModel([calls(["a", "send"], ["b", "send"], ["c", "look"], ["d", "look"]), says("ok")]),
      tool("send", { effects: ["send"], parallel: true }),
      tool("look", { effects: ["read"], parallel: false }),
    ]);
    const items = await run();
    expect(most).toEqual({ send: 2, look: 1 });
    expect(results(items).map(({ callId }) => callId)).toEqual(["a", "b", "c", "d"]);
  });

  it("masks arguments that the tool calls secret where people and logs see them, and gives the tool their values", async () => {
    let seen: unknown;
    const login = said(
      "login",
      { secretsInArgs: ["password"] },
      {
        call: ({ args }: { args: unknown }) => {
          seen = args;
          return text("in");
        },
      },
    );
    await start([scriptedModel([calls(["c1", "login", { user: "ada", password: "hunter2" }]), says("ok")]), login]);
    const items = await run();
    expect(items.find(({ type }) => type === "tool-start").args).toEqual({ user: "ada", password: "•••" });
    expect(seen).toEqual({ user: "ada", password: "hunter2" });
    expect(JSON.stringify(host!.log)).not.toContain("hunter2");
  });

  it("ends a call that takes longer than the tool says, and one that breaks its promise of output", async () => {
    const output = { type: "object", required: ["sum"], properties: { sum: { type: "number" } } };
    await start([
      scriptedModel([calls(["a", "hangs"], ["b", "sums"]), says("ok")]),
      said("hangs", { timeoutMs: 100 }, { call: () => new Promise(() => {}) }),
      said("sums", { output }, { call: () => ({ ...text("4"), structured: { sum: "4" } }) }),
    ]);
    const words = results(await run()).map(({ content }) => content[0].text);
    expect(words[0]).toContain("PLINTH_DEADLINE");
    expect(words[1]).toContain("PLINTH_TOOL_RESULT");
  });
});

describe("the tools of sets", () => {
  const set = (many: number): ScriptedProvider => ({
    contract: "plinth.tool-set",
    id: "desk",
    descriptor: { title: "Desk", effects: ["read"] },
    provider: {
      list: () => ({
        tools: Array.from({ length: many }, (_, n) => ({
          name: `t${n}`,
          source: "north",
          description: n === 7 ? "Lights a lamp." : "Does.",
          input: { type: "object" },
        })),
      }),
      call: ({ tool }: { tool: string }) => text(`did ${tool}`),
    } as never,
  });

  it("are called by their names, and what they say is their source's word", async () => {
    const model = scriptedModel([calls(["c1", "desk__north__t0"]), says("ok")]);
    await start([model, set(2)]);
    const items = await host!.as({ role: "owner", via: "test" }, async () => {
      const all = await run();
      expect(host!.influences()).toMatchObject([{ party: "desk:north" }]);
      return all;
    });
    expect(model.seen[0]!.tools!.map(({ name }) => name)).toEqual(["desk__north__t0", "desk__north__t1"]);
    expect(results(items)).toMatchObject([{ from: "desk:north", content: [{ text: "did t0" }] }]);
  });

  it("are searched for where there are many, and offered once they were found", async () => {
    const model = scriptedModel([calls(["c1", "tool_search", { query: "lamp" }]), calls(["c2", "desk__north__t7"]), says("ok")]);
    await start([model, set(900)]);
    const items = await run();
    expect(model.seen.map(({ tools = [] }) => tools.map(({ name }) => name))).toEqual([
      ["tool_search"],
      ["desk__north__t7", "tool_search"],
      ["desk__north__t7", "tool_search"],
    ]);
    expect(results(items)).toMatchObject([
      { from: "outside", content: [{ text: expect.stringContaining("desk__north__t7: Lights") }] },
      { content: [{ text: "did t7" }] },
    ]);
  });
});

describe("a turn that asks for less", () => {
  it("has fewer rounds and calls than the harness allows, thinks as it is told, and says why it ended", async () => {
    const model = scriptedModel([
      calls(["a", "tool"], ["b", "tool"]),
      [
        { type: "text", delta: "cut" },
        { type: "end", reason: "length" },
      ],
    ]);
    await start([model, scriptedTool("tool", [], () => text("ok"))]);
    const items: any[] = [];
    const history = [{ role: "user" as const, content: [{ type: "text" as const, text: "hi" }] }];
    const input = { runId: "r", sessionKey: "s", workspace: "/w", model: "auto", system: [], history, limits: { toolCalls: 1 } };
    for await (const item of host!
      .use("plinth.harness")
      .get("native")
      .run({ ...input, thinking: { effort: "low" } }))
      items.push(item);
    expect(results(items).map(({ isError }) => isError ?? false)).toEqual([false, true]);
    expect(done(items)).toMatchObject({ text: "cut", reason: "length" });
    expect(model.seen[0]).toMatchObject({ thinking: { effort: "low" }, onUnsupported: "drop" });
  });
});
