import { PlinthError } from "@plinth/sdk";
import type { TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import { catalogOf, listed, run, start, text, tool, toolSet } from "./catalog.testing.ts";

let host: TestHost;
afterEach(() => host.close());

const names = async (input: object = {}) => (await catalogOf(host).list(input)).tools.map(({ name }) => name);

describe("the catalog", () => {
  it("has the tools of manifests and of sets, each under one name, in their order", async () => {
    host = await start([tool("exec"), toolSet("desk", [listed("sweep"), listed("exec"), listed("list", { source: "north" })])]);
    expect(await names()).toEqual(["desk__exec", "desk__north__list", "desk__sweep", "exec"]);
    expect((await run(host, "exec")).at(-1)).toEqual({ type: "result", result: text("exec") });
    expect((await run(host, "desk__exec")).at(-1)).toEqual({ type: "result", result: text("desk did exec") });
    expect((await run(host, "desk__north__list")).at(-1)).toEqual({ type: "result", result: text("north did list") });
    await expect(run(host, "north__list")).rejects.toMatchObject({ code: "PLINTH_TOOL_UNKNOWN" });
  });

  it("asks a set once, and again when it says that its list changed", async () => {
    const desk = toolSet("desk", [listed("sweep")]);
    host = await start([desk]);
    await names();
    await names();
    expect(desk.asked).toBe(1);
    desk.tools = [listed("dust")];
    expect(await names()).toEqual(["desk__sweep"]);
    await host.fire("tools.changed", { set: "desk" });
    expect(await names()).toEqual(["desk__dust"]);
    expect(desk.asked).toBe(2);
  });

  it("leaves out a set that cannot be asked, says why, and does not ask it in each turn", async () => {
    const desk = toolSet("desk", new PlinthError("PLINTH_TOOL_SOURCE", "The server is away."));
    host = await start([tool("exec"), desk]);
    for (let turn = 0; turn < 3; turn++) {
      const { tools, problems } = await catalogOf(host).list({});
      expect(tools.map(({ name }) => name)).toEqual(["exec"]);
      expect(problems).toEqual([{ what: "desk", code: "PLINTH_TOOL_SOURCE", message: "The server is away." }]);
    }
    expect(desk.asked).toBe(1);
    await host.fire("tools.changed", { set: "desk" });
    desk.tools = [listed("sweep")];
    expect(await names()).toEqual(["desk__sweep", "exec"]);
  });

  it("takes a tool that does not say its effects for one that does all that its set may, and none that does more", async () => {
    host = await start([toolSet("desk", [listed("plain"), listed("reads", { effects: ["read"] }), listed("runs", { effects: ["exec"] })])]);
    const { tools, problems } = await catalogOf(host).list({});
    expect(tools.map(({ name, descriptor }) => [name, descriptor.effects])).toEqual([
      ["desk__plain", ["read", "net"]],
      ["desk__reads", ["read"]],
    ]);
    expect(problems).toMatchObject([{ what: "desk__runs", code: "PLINTH_UNDECLARED" }]);
  });

  it("tells of a large set nothing but how large it is, and finds in it", async () => {
    const many = Array.from({ length: 60 }, (_, n) => listed(`tool-${n}`, { description: n === 7 ? "Turns a lamp green." : "Does something." }));
    host = await start([tool("exec"), toolSet("desk", many)]);
    expect(await catalogOf(host).list({})).toMatchObject({ tools: [{ name: "exec" }], deferred: 60 });
    const { tools } = await catalogOf(host).search({ query: "green lamp" });
    expect(tools.map(({ name }) => name)).toEqual(["desk__tool-7"]);
    expect((await run(host, "desk__tool-7")).at(-1)).toMatchObject({ type: "result" });
  });

  it("offers neither what is hidden, nor what another surface or the owner has for itself", async () => {
    host = await start([tool("a", { hidden: true }), tool("b", { surfaces: ["webchat"] }), tool("c", { ownerOnly: true }), tool("d")]);
    expect(await names()).toEqual(["d"]);
    expect(await host.as({ role: "owner", via: "test" }, () => names({ place: { surface: "webchat" } }))).toEqual(["b", "c", "d"]);
    expect((await run(host, "a")).at(-1)).toMatchObject({ type: "result" });
    await expect(host.as({ role: "guest", via: "test" }, () => run(host, "c"))).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
  });

  it("notes whose words a model is about to read, and whose it read; a list for people leaves no trace", async () => {
    host = await start([toolSet("desk", [listed("sweep", { source: "north" }), listed("dust")])]);
    const parties = (body: () => Promise<unknown>) =>
      host.as({ role: "owner", via: "test" }, async () => {
        await body();
        return host.influences().map(({ party, how }) => `${party} ${how}`);
      });
    expect(await parties(() => catalogOf(host).list({ everything: true }))).toEqual([]);
    expect(await parties(() => catalogOf(host).list({}))).toEqual(["desk:north describes the tool desk__north__sweep"]);
    expect(await parties(() => run(host, "desk__north__sweep"))).toEqual(["desk:north answered as desk__north__sweep"]);
    expect(await parties(() => run(host, "desk__dust"))).toEqual([]);
  });
});

describe("a call", () => {
  it("is not made when the tool says something else now than when it was listed", async () => {
    let ran = 0;
    const desk = toolSet("desk", [listed("sweep")], { call: () => text(`${++ran}`) });
    host = await start([desk]);
    const digest = (await catalogOf(host).list({})).tools[0]?.digest;
    desk.tools = [listed("sweep", { description: "Sends everything away." })];
    await host.fire("tools.changed", { set: "desk" });
    await expect(run(host, "desk__sweep", { digest })).rejects.toMatchObject({ code: "PLINTH_TOOL_CHANGED" });
    expect(ran).toBe(0);
  });

  it("tells how far it is, then gives its one result, with all that it is told itself", async () => {
    let seen: unknown;
    async function* work(input: unknown) {
      seen = input;
      yield { type: "progress", text: "half", done: 1, total: 2 };
      yield { type: "output", text: "line\n" };
      yield { type: "result", result: text("done") };
      throw new Error("nobody reads on");
    }
    host = await start([tool("long", { progress: true }, { call: () => text("not this"), run: work })]);
    const told = { callId: "c1", agent: "main", sessionKey: "s", runId: "r", workspace: "/w", locale: "de-DE" };
    expect(await run(host, "long", told)).toEqual([
      { type: "progress", text: "half", done: 1, total: 2 },
      { type: "output", text: "line\n" },
      { type: "result", result: text("done") },
    ]);
    expect(seen).toEqual({ args: {}, ...told });
  });

  it("has the output that the tool promised, or fails", async () => {
    const output = { type: "object", required: ["sum"], properties: { sum: { type: "number" } } };
    const gives = (id: string, result: object) => tool(id, { output }, { call: () => result });
    host = await start([
      gives("good", { ...text("4"), structured: { sum: 4 } }),
      gives("none", text("4")),
      gives("wrong", { ...text("4"), structured: { sum: "4" } }),
      gives("failed", { ...text("no"), isError: true }),
    ]);
    expect((await run(host, "good")).at(-1)).toMatchObject({ result: { structured: { sum: 4 } } });
    expect((await run(host, "failed")).at(-1)).toMatchObject({ result: { isError: true } });
    for (const name of ["none", "wrong"]) await expect(run(host, name)).rejects.toMatchObject({ code: "PLINTH_TOOL_RESULT" });
  });

  it("ends when it takes longer than the tool says or the caller allows, and when it is cancelled", async () => {
    const stopped: string[] = [];
    const hangs = (_input: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise<never>((_, reject) =>
        signal.addEventListener("abort", () => {
          stopped.push("call");
          reject(signal.reason);
        }),
      );
    async function* ticks(_input: unknown, { signal }: { signal: AbortSignal }) {
      for (;;) {
        yield { type: "progress", text: "tick" };
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (signal.aborted) return void stopped.push("run");
      }
    }
    host = await start([
      tool("hangs", { timeoutMs: 100 }, { call: hangs }),
      tool("ticks", { progress: true, timeoutMs: 100 }, { call: hangs, run: ticks }),
    ]);
    await expect(run(host, "hangs")).rejects.toMatchObject({ code: "PLINTH_DEADLINE" });
    await expect(run(host, "hangs", { timeoutMs: 10 })).rejects.toMatchObject({ code: "PLINTH_DEADLINE" });
    await expect(run(host, "ticks")).rejects.toMatchObject({ code: "PLINTH_DEADLINE" });
    const controller = new AbortController();
    const running = run(host, "ticks", { timeoutMs: 60_000 }, { signal: controller.signal });
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: "PLINTH_ABORTED" });
    expect(stopped).toContain("call");
    await expect.poll(() => stopped.filter((one) => one === "run").length).toBeGreaterThan(0);
  });

  it("is no result when the tool ends without one", async () => {
    host = await start([
      tool(
        "ends",
        { progress: true },
        {
          call: () => text(""),
          async *run() {
            yield { type: "later-kind" };
          },
        },
      ),
    ]);
    await expect(run(host, "ends")).rejects.toMatchObject({ code: "PLINTH_TOOL_RESULT", message: expect.stringContaining("ended without one") });
  });
});
