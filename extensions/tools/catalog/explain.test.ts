import type { Principal } from "@plinth/sdk";
import type { ScriptedProvider, TestHost } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import policy from "../policy/index.ts";
import policyManifest from "../policy/plinth.json" with { type: "json" };
import { start, tool } from "./catalog.testing.ts";

const owner: Principal = { role: "owner", via: "test" };
const config = { deny: ["wipe"], channels: { telegram: { deny: ["group:exec"] } } };
let host: TestHost;
const routed: unknown[] = [];
const router: ScriptedProvider = {
  contract: "plinth.router",
  descriptor: { title: "x" },
  provider: {
    route(input: { agent?: string; sessionKey?: string }) {
      routed.push(input);
      const { agent = "main", sessionKey = "main" } = input;
      const tools = agent === "guide" ? { tools: { allow: ["look"] } } : {};
      return { agent, sessionKey, harness: "native", model: "auto", workspace: "/w", system: [], ...tools };
    },
    agents: () => ({ agents: [] }),
  } as never,
};

beforeEach(async () => {
  routed.length = 0;
  const tools = [
    tool("exec", { effects: ["exec"], title: "Run a command" }),
    tool("look", { effects: ["read"] }),
    tool("wipe"),
    tool("secret", { hidden: true }),
    tool("page", { surfaces: ["webchat"] }),
    tool("rare", { deferred: true }),
  ];
  host = await start([...tools, router], {}, [{ manifest: policyManifest, extension: policy, config }]);
});
afterEach(() => host.close());

async function shell(id: string, args: Record<string, string | string[]> = {}, options: Record<string, string | boolean> = {}) {
  let out = "";
  let result: any;
  const terminal = { cwd: "/", json: false, tty: false, columns: 80, color: false, local: false };
  for await (const item of host.use("plinth.cli-command").get(id).run({ args, options, terminal })) {
    if ("out" in item) out += item.out;
    if ("result" in item) result = item.result;
  }
  return { out, result };
}

describe("in a shell", () => {
  it("the list is of all tools, and says what becomes of each where somebody is named", async () => {
    expect((await shell("tools.list")).out).toContain("rare    Does rare.  [test.scripted, searched for]");
    expect(routed).toEqual([]);
    const { out, result } = await shell("tools.list", {}, { channel: "telegram", sender: "7" });
    expect(out).toMatch(/exec +Run a command +\[.*, not offered, channel telegram: deny group:exec\]/);
    expect(out).toMatch(/page .*not offered, the tool itself: it is for webchat only/);
    expect(out).toMatch(/look +Does look\. +\[[^,]*\]/);
    expect(result.place).toEqual({ agent: "main", sessionKey: "main", model: "auto", surface: "telegram", sender: "7" });
    expect(result.tools.find(({ name }: any) => name === "wipe")).toMatchObject({ offered: false, level: "house", rule: "deny wipe" });
  });

  it("only what is offered is shown where that is asked for", async () => {
    const { result } = await shell("tools.list", {}, { offered: true, agent: "guide" });
    expect(result.tools.map(({ name }: any) => name)).toEqual(["look"]);
  });

  it("why says what each level says", async () => {
    const { out, result } = await shell("tools.why", { name: ["exec", "look"] }, { agent: "guide", channel: "telegram" });
    expect(out.split("\n").slice(0, 6)).toEqual([
      "exec: not offered, channel telegram: deny group:exec",
      "  where       agent guide, model auto, channel telegram, session main",
      "  provided by test.scripted",
      "  leaves it   house: nothing there denies it",
      "  takes it    channel telegram: deny group:exec",
      "  takes it    route: not in allow",
    ]);
    expect(result.tools[1]).toMatchObject({
      name: "look",
      offered: true,
      levels: expect.arrayContaining([{ level: "route", offered: true, rule: "allow look" }]),
    });
    await expect(shell("tools.why", { name: ["exce"] })).rejects.toMatchObject({ code: "PLINTH_TOOL_UNKNOWN", next: "Is it exec?" });
  });
});

describe("elsewhere", () => {
  const method = (id: string, input: object, principal = owner) =>
    host.as(principal, () => host.use("plinth.gateway-method").get(id).call!(input)) as Promise<any>;
  const chat = async (args: string, scope: Record<string, string> = {}) => {
    const texts: string[] = [];
    await host.as({ ...owner, scope }, async () => {
      for await (const item of host.use("plinth.chat-command").get("tools").run({ args, sessionKey: "s" })) if ("text" in item) texts.push(item.text);
    });
    return texts.join("\n");
  };

  it("the gateway tells owners the same, and nobody else", async () => {
    const { tools } = await method("tools.list", { channel: "telegram" });
    expect(tools.find(({ name }: any) => name === "exec")).toMatchObject({ extension: "test.scripted", offered: false, level: "channel telegram" });
    expect(await method("tools.why", { name: "rare" })).toMatchObject({ name: "rare", offered: true, searched: true, levels: [{ level: "house" }] });
    await expect(method("tools.list", {}, { role: "guest", via: "test" })).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
  });

  it("a conversation is told of its own tools, as its channel and its sender have them", async () => {
    expect(await chat("", { surface: "telegram", sender: "7" })).toContain("- `exec`: channel telegram: deny group:exec");
    expect(await chat("")).toMatch(/^Offered here: `exec`, `look`, `page`, `rare`\./);
    expect(await chat("why wipe")).toContain("wipe: not offered, house: deny wipe");
    await expect(chat("dance")).rejects.toMatchObject({ code: "PLINTH_USAGE" });
  });
});
