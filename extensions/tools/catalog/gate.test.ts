import type { CallOptions, Principal, ToolPlace } from "@plinth/sdk";
import type { ScriptedProvider, TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import policy from "../policy/index.ts";
import policyManifest from "../policy/plinth.json" with { type: "json" };
import { catalogOf, listed, run, start as startWith, tool, toolSet } from "./catalog.testing.ts";

let host: TestHost;
afterEach(() => host.close());

const TOOLS = [
  tool("exec", { effects: ["exec"] }),
  tool("look", { effects: ["read"] }),
  tool("deep", { effects: ["read"], deferred: true }),
  tool("pipeline", { optional: true }),
  toolSet("desk", [listed("open", { effects: ["read"] })]),
];

const said: { config: object | undefined; asked: number } = { config: {}, asked: 0 };
const kernel: ScriptedProvider = {
  contract: "plinth.kernel",
  descriptor: { title: "Scripted" },
  provider: {
    snapshot() {
      said.asked++;
      return { config: { version: 1, extensions: said.config === undefined ? {} : { "plinth.tool-policy": { config: said.config } } } } as never;
    },
  },
};

async function start(config: object | undefined, more: ScriptedProvider[] = []): Promise<void> {
  Object.assign(said, { config, asked: 0 });
  host = await startWith([...TOOLS, kernel, ...more], {}, [{ manifest: policyManifest, extension: policy, config: config ?? {} }]);
}

const names = async (place: ToolPlace = {}): Promise<string[]> => (await catalogOf(host).list({ place })).tools.map(({ name }) => name);
const turn = (scope: Record<string, string>): Principal => ({ role: "owner", via: "test", scope });
const called = (name: string, options?: CallOptions) => run(host, name, {}, options);

describe("where nothing is configured", () => {
  it("nothing is asked and no code of the policy runs, however often tools are listed and called", async () => {
    await start(undefined);
    expect(await names()).toEqual(["desk__open", "exec", "look"]);
    await called("look");
    await catalogOf(host).search({ query: "deep" });
    await host.as(turn({ session: "s", agent: "main", run: "r", surface: "telegram", sender: "1" }), () => names());
    expect(host.activated()).not.toContain("plinth.tool-policy");
    expect(said.asked).toBe(1);
  });

  it("a tool that has to be turned on is neither listed nor called", async () => {
    await start(undefined);
    await expect(called("pipeline")).rejects.toMatchObject({
      code: "PLINTH_TOOL_DENIED",
      message: expect.stringContaining("optional: not turned on"),
    });
    expect((await catalogOf(host).list({})).withheld).toEqual([{ name: "pipeline", why: "optional: not turned on" }]);
  });
});

describe("where something is configured", () => {
  it("what is taken away is neither listed, nor found, nor called, and who calls it hears why", async () => {
    await start({ deny: ["exec", "deep"] });
    expect(await catalogOf(host).list({})).toMatchObject({
      deferred: 0,
      withheld: [
        { name: "deep", why: "house: deny deep" },
        { name: "exec", why: "house: deny exec" },
        { name: "pipeline", why: "optional: not turned on" },
      ],
    });
    expect((await catalogOf(host).search({ query: "deep exec", among: ["exec"] })).tools).toEqual([]);
    for (const name of ["exec", "deep"]) await expect(called(name)).rejects.toMatchObject({ code: "PLINTH_TOOL_DENIED" });
    expect(await called("look")).toHaveLength(1);
  });

  it("holds for what the work says of itself, whatever the caller says of the place", async () => {
    await start({
      channels: { telegram: { deny: ["exec"] } },
      senders: { "telegram/7": { deny: ["look"] } },
      models: { local: { deny: ["desk__*"] } },
    });
    const work = turn({ session: "s", agent: "main", run: "r", surface: "telegram", sender: "7" });
    expect(await names({ surface: "webchat" })).toEqual(["desk__open", "exec", "look"]);
    await host.as(work, async () => {
      expect(await names({ surface: "webchat" })).toEqual(["desk__open"]);
      await expect(called("exec")).rejects.toMatchObject({ message: expect.stringContaining("channel telegram: deny exec") });
    });
  });

  it("is asked again when the host has another configuration", async () => {
    await start(undefined);
    expect(await names()).toContain("exec");
    said.config = { deny: ["exec"] };
    await host.fire("generation.ready", { generation: 2, added: [], removed: [] });
    await names();
    expect(said.asked).toBe(2);
    expect(host.activated()).toContain("plinth.tool-policy");
  });

  it("there are no tools where the policy fails", async () => {
    host = await startWith([
      ...TOOLS,
      kernel,
      {
        contract: "plinth.tool-policy",
        descriptor: { title: "x" },
        provider: {
          decide: () => {
            throw new Error("broken");
          },
        } as never,
      },
    ]);
    await expect(names()).rejects.toMatchObject({ code: "PLINTH_TOOL_POLICY" });
    await expect(called("look")).rejects.toMatchObject({ code: "PLINTH_TOOL_POLICY" });
  });
});

describe("what a turn brings along", () => {
  const tools = (held: object) => turn({ session: "s", agent: "main", run: "r", tools: JSON.stringify({ places: [], rules: [], ...held }) });

  it("its router's rules hold, with nothing configured", async () => {
    await start(undefined);
    await host.as(tools({ rules: [{ level: "route", allow: ["look"] }] }), async () => {
      expect(await names()).toEqual(["look"]);
      await expect(called("exec")).rejects.toMatchObject({ message: expect.stringContaining("route: not in allow") });
    });
  });

  it("what is taken away from the turn that asked for it is taken away from it as well", async () => {
    await start({ channels: { telegram: { deny: ["exec"] } } });
    await host.as(tools({ places: [{ surface: "telegram" }] }), async () => expect(await names()).toEqual(["desk__open", "look"]));
  });
});
