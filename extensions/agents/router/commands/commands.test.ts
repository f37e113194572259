import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Call, Context } from "@plinth/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RouterConfig } from "../decide.ts";
import { matchOf, matchText } from "./binding-text.ts";
import { findingsOf } from "./check.ts";
import { gatewayMethod } from "./gateway-methods.ts";
import { identityIn } from "./identity.ts";
import { Roster } from "./roster.ts";
import { shellCommand } from "./shell.ts";

const owner = { work: { principal: { role: "owner", via: "test" }, influences: [] } } as unknown as Call;
let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "plinth-agents-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** A roster over a configuration that changes as the host's does. `written` has the path of each change. */
function rosterOf(config: RouterConfig) {
  const written: string[] = [];
  const configSet = async ({ path, value }: { path: string; value?: unknown }) => {
    written.push(path.replace('extensions["plinth.router"].config.', ""));
    const keys = (written.at(-1) as string).split(".");
    const last = keys.pop() as string;
    let at: any = config;
    for (const key of keys) at = at[key] ??= {};
    if (value === undefined) delete at[last];
    else at[last] = value;
    return { generation: 1 };
  };
  const ctx = { config, use: () => ({ one: () => ({ configSet }) }) } as unknown as Context;
  const roster = new Roster(ctx, async ({ id, workspace }) => workspace ?? join(home, id));
  const shell = async (id: string, args: Record<string, string | string[]> = {}, options: Record<string, string | boolean> = {}, call = owner) => {
    const terminal = { cwd: home, json: true, tty: false, columns: 80, color: false, local: false };
    let result: any;
    for await (const item of shellCommand(id, { args, options, terminal }, roster, call)) if ("result" in item) result = item.result;
    return result;
  };
  return { config, written, roster, shell };
}

describe("plinth agents", () => {
  it("adds an agent with what it answers, lists it, and deletes it with its bindings and nothing else", async () => {
    const { config, shell } = rosterOf({ bindings: [{ agent: "main", match: { channel: "mail" } }] });
    await shell("agents.add", { id: "desk" }, { model: "m/1", workspace: "desk-files", bind: "chat chat/default/group/kitchen" });
    expect(config.agents?.entries).toEqual({ desk: { model: "m/1", workspace: join(home, "desk-files") } });
    const { agents } = await shell("agents.list");
    expect(agents).toEqual(
      [
        { id: "main", title: "Main", model: "auto", harness: "native", workspace: join(home, "main"), bindings: [{ channel: "mail" }] },
        {
          ...{ id: "desk", title: "Desk", model: "m/1", harness: "native", workspace: join(home, "desk-files") },
          bindings: [{ channel: "chat" }, { channel: "chat", account: "default", peer: { kind: "group", id: "kitchen" } }],
        },
      ].sort((a, b) => (a.id < b.id ? -1 : 1)),
    );
    await expect(shell("agents.add", { id: "desk" })).rejects.toMatchObject({ code: "PLINTH_USAGE" });
    for (const id of ["Desk", "main", "none", "../x", "__proto__", "a".repeat(41)])
      await expect(shell("agents.add", { id })).rejects.toMatchObject({ code: "PLINTH_USAGE" });
    expect(await shell("agents.delete", { id: "desk" })).toMatchObject({ removed: [{ channel: "chat" }, { channel: "chat" }] });
    expect(config).toEqual({ agents: { entries: {} }, bindings: [{ agent: "main", match: { channel: "mail" } }] });
    await expect(shell("agents.delete", { id: "main" })).rejects.toMatchObject({ code: "PLINTH_USAGE" });
    await expect(shell("agents.delete", { id: "desk" })).rejects.toMatchObject({ code: "PLINTH_NO_AGENT" });
  });

  it("writes an explicit account into the binding that had none, where it stands, and leaves all others alone", async () => {
    const others = [
      { agent: "main", match: { channel: "chat", peer: { kind: "person" as const, id: "ada" } } },
      { agent: "desk", match: { channel: "mail" }, session: { dmScope: "per-peer" as const } },
    ];
    const { config, shell, written } = rosterOf({ agents: { entries: { desk: {} } }, bindings: [...others] });
    expect(await shell("agents.bind", { id: "desk", where: ["chat"] })).toEqual({
      agent: "desk",
      added: [{ channel: "chat" }],
      upgraded: [],
      kept: [],
    });
    config.bindings = [others[0]!, { agent: "desk", match: { channel: "chat" } }, others[1]!];
    expect(await shell("agents.bind", { id: "desk" }, { bind: "chat:ops" })).toMatchObject({
      upgraded: [{ channel: "chat", account: "ops" }],
      added: [],
    });
    expect(config.bindings).toEqual([others[0], { agent: "desk", match: { channel: "chat", account: "ops" } }, others[1]]);
    expect(await shell("agents.bind", { id: "desk", where: ["mail:work"] })).toMatchObject({ upgraded: [{ channel: "mail", account: "work" }] });
    expect(config.bindings?.[2]).toEqual({ agent: "desk", match: { channel: "mail", account: "work" }, session: { dmScope: "per-peer" } });
    // What is there is written no second time.
    const writes = written.length;
    expect(await shell("agents.bind", { id: "desk", where: ["mail:work"] })).toMatchObject({ kept: [{ channel: "mail", account: "work" }] });
    expect(written).toHaveLength(writes);
    expect(await shell("agents.bind", { id: "desk", where: ["chat:*"] })).toMatchObject({ added: [{ channel: "chat", account: "*" }] });
    expect(await shell("agents.unbind", { id: "desk", where: ["chat:ops"] })).toMatchObject({ removed: [{ channel: "chat", account: "ops" }] });
    await expect(shell("agents.unbind", { id: "desk", where: ["chat:ops"] })).rejects.toMatchObject({ code: "PLINTH_USAGE" });
    await expect(shell("agents.unbind", { id: "desk" })).rejects.toMatchObject({ code: "PLINTH_USAGE" });
    await shell("agents.unbind", { id: "desk" }, { all: true });
    expect(await shell("agents.bindings")).toEqual({ bindings: [others[0]] });
  });

  it("tells what another agent has already, and changes nothing then", async () => {
    const bindings = [{ agent: "main", match: { channel: "chat" } }];
    const { config, shell, written } = rosterOf({ agents: { entries: { desk: {} } }, bindings });
    for (const where of [["chat"], ["chat:default"], ["mail", "chat"]])
      await expect(shell("agents.bind", { id: "desk", where })).rejects.toMatchObject({
        code: "PLINTH_BINDING_TAKEN",
        next: expect.stringContaining("agents unbind main"),
      });
    await expect(shell("agents.add", { id: "other" }, { bind: "chat" })).rejects.toMatchObject({ code: "PLINTH_BINDING_TAKEN" });
    await expect(shell("agents.bind", { id: "gone", where: ["x"] })).rejects.toMatchObject({ code: "PLINTH_NO_AGENT" });
    expect(written).toEqual([]);
    expect(config.bindings).toBe(bindings);
  });

  it("makes one change after the other, however many are asked for at once", async () => {
    const { config, roster } = rosterOf({ agents: { entries: { desk: {} } } });
    await Promise.all(Array.from({ length: 20 }, (_, at) => roster.bind("desk", [{ channel: `c${at}` }])));
    expect(config.bindings).toHaveLength(20);
  });

  it("is for the owner, in the shell, on the gateway, and whatever is asked", async () => {
    const { shell, roster } = rosterOf({});
    const guest = { work: { principal: { role: "guest", via: "x" }, influences: [] } } as unknown as Call;
    const lowered = { work: { principal: { role: "owner", via: "x" }, influences: [{ party: "acme.x", how: "brought it in" }] } } as unknown as Call;
    for (const call of [guest, lowered, {} as Call]) {
      await expect(shell("agents.list", {}, {}, call)).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
      await expect(gatewayMethod("agents.add", { agent: "x" }, roster, call)).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    }
    expect(await gatewayMethod("agents.add", { agent: "desk", bind: ["chat:ops"] }, roster, owner)).toMatchObject({
      bindings: [{ channel: "chat", account: "ops" }],
    });
    expect(await gatewayMethod("route.explain", { channel: "chat", account: "ops", peer: "person:ada" }, roster, owner)).toMatchObject({
      agent: "desk",
      tier: "account",
    });
    for (const params of [{ agent: 1 }, { agent: "desk", bind: "chat" }, { agent: "" }])
      await expect(gatewayMethod("agents.bind", params, roster, owner)).rejects.toMatchObject({ code: "PLINTH_PARAMS" });
  });

  it("says which agent a message would go to and why no other", async () => {
    const { shell } = rosterOf({
      agents: { entries: { desk: {}, ops: {} } },
      bindings: [
        { agent: "ops", match: { channel: "chat", account: "*" } },
        { agent: "desk", match: { channel: "chat", peer: { kind: "group", id: "kitchen" } } },
        { agent: "desk", match: { channel: "mail" } },
      ],
    });
    expect(await shell("route.explain", { address: "chat/default/group/kitchen/T1" })).toEqual({
      ...{
        agent: "desk",
        sessionKey: "agent:desk:chat/default/group/kitchen/T1",
        tier: "parent",
        binding: 1,
        why: "Binding 2 fits (what the thread lies in).",
      },
      passed: [
        { binding: 0, agent: "ops", why: "it fits too (the channel), but binding 2 is more special (what the thread lies in)" },
        { binding: 2, agent: "desk", why: "it is for the channel mail" },
      ],
    });
    expect(await shell("route.explain", {}, { channel: "chat", peer: "person:ada" })).toMatchObject({ agent: "ops", tier: "channel" });
    expect(await shell("route.explain", {}, { session: "agent:ops:x" })).toMatchObject({ agent: "ops", tier: "session" });
    for (const options of [{ channel: "chat" }, { channel: "chat", peer: "ada" }] as Record<string, string>[])
      await expect(shell("route.explain", {}, options)).rejects.toMatchObject({ code: "PLINTH_USAGE" });
  });
});

describe("plinth doctor", () => {
  it("says what is bound to nobody, what never decides, and whose folder lies in another's", async () => {
    const { config, roster } = rosterOf({
      fallback: "lost",
      agents: { entries: { desk: { workspace: join(home, "main/desk") }, far: { workspace: join(home, "mainland") } } },
      bindings: [
        { agent: "desk", match: { channel: "chat" } },
        { agent: "gone", match: { channel: "mail" } },
        { agent: "far", match: { channel: "chat" } },
      ],
    });
    const findings = findingsOf(config, await roster.list());
    expect(findings.map(({ code, what }) => [code, what])).toEqual([
      ["PLINTH_NO_AGENT", "has binding 2, mail, of gone, which is not there"],
      ["PLINTH_NO_AGENT", "has lost as `fallback`, which is not there"],
      ["PLINTH_BINDING_UNUSED", "never uses binding 3, chat for far"],
      ["PLINTH_WORKSPACE_SHARED", "has desk work within the folder of main"],
    ]);
    expect(findingsOf({}, await rosterOf({}).roster.list())).toEqual([]);
  });
});

describe("what is typed for a binding", () => {
  it("is shown as it was typed", () => {
    for (const text of ["chat", "chat:ops", "chat:*", "chat/default/group/kitchen", "chat/*/person/*", "chat/a%2Fb/group/x/T1"])
      expect(matchText(matchOf(text))).toBe(text);
    for (const text of ["", ":", "chat:", "chat/", "chat/x/room/y", "a b", "chat/default/person/a/b/c"]) expect(() => matchOf(text)).toThrow();
  });
});

describe("IDENTITY.md", () => {
  it("is read in each of its forms", () => {
    const ada = { name: "Ada", theme: "calm owl", emoji: "🦉" };
    const forms = [
      "# IDENTITY.md\n\n- **Name:** Ada\n- **Vibe:** calm owl\n- **Emoji:** 🦉\n",
      "**Name**: Ada\n**Theme**: calm owl\n**Emoji**: 🦉\n",
      "* Name: Ada\n* Theme: calm owl\n* Emoji: 🦉\n",
      "name:Ada\r\nTHEME :  calm owl\r\nemoji: 🦉\r\n",
      "Name：Ada\nVibe：calm owl\nEmoji：🦉",
      "1 not this: x\n- __Name:__ **Ada**\n- __Vibe__: _calm owl_\n- __Emoji:__ `🦉`\nName: Second\n",
    ];
    for (const text of forms) expect(identityIn(text)).toEqual(ada);
    const template =
      "- **Name:**\n  _(pick something you like)_\n- **Vibe:** _(how do you come across?)_\n- **Emoji:** [your emoji]\n- **Avatar:** <path>\n- Theme: TODO\n";
    expect(identityIn(template)).toEqual({});
    expect(identityIn(`Name: ${"x".repeat(81)}\nEmoji: ...\nAvatar: me.png`)).toEqual({ avatar: "me.png" });
    // Nothing that an agent writes there holds up the host.
    expect(identityIn(`- ${" ".repeat(60_000)}**${"*".repeat(5_000)}`)).toEqual({});
    expect(identityIn(`Avatar: ${"*".repeat(65_000)}x`)).toHaveProperty("avatar");
  });

  it("names an agent, and options go before it; an avatar outside the workspace or behind a link is refused", async () => {
    const { config, shell } = rosterOf({ agents: { entries: { desk: {} } } });
    await mkdir(join(home, "desk/pictures"), { recursive: true });
    await writeFile(join(home, "desk/pictures/me.png"), "x");
    await writeFile(join(home, "secret.png"), "x");
    await symlink(join(home, "secret.png"), join(home, "desk/link.png"));
    await symlink(home, join(home, "desk/out"));
    await writeFile(join(home, "desk/IDENTITY.md"), "- **Name:** Ada\n- **Avatar:** pictures/me.png\n");
    expect(await shell("agents.set-identity", {}, { agent: "desk" })).toEqual({
      agent: "desk",
      identity: { name: "Ada", avatar: "pictures/me.png" },
    });
    expect(await shell("agents.set-identity", {}, { workspace: "desk", emoji: "🦉" })).toMatchObject({ identity: { name: "Ada", emoji: "🦉" } });
    const before = structuredClone(config);
    for (const avatar of [
      "../../etc/passwd",
      "/etc/passwd",
      "..",
      "link.png",
      "out/secret.png",
      "pictures",
      "gone.png",
      "file:///etc/passwd",
      "data:text/html,x",
      "javascript:1",
    ])
      await expect(shell("agents.set-identity", {}, { agent: "desk", avatar })).rejects.toMatchObject({ code: "PLINTH_IDENTITY" });
    await expect(shell("agents.set-identity", {}, { name: "X" })).rejects.toMatchObject({
      code: "PLINTH_USAGE",
      next: expect.stringContaining("--agent"),
    });
    await expect(shell("agents.set-identity", {}, { agent: "main" })).rejects.toMatchObject({ code: "PLINTH_IDENTITY" });
    expect(config).toEqual(before);
    for (const avatar of ["https://example.com/a.png", "data:image/png;base64,eA=="])
      expect(await shell("agents.set-identity", {}, { agent: "desk", avatar })).toMatchObject({ identity: { avatar } });
    await rm(join(home, "desk/IDENTITY.md"));
    await symlink(join(home, "secret.png"), join(home, "desk/IDENTITY.md"));
    await expect(shell("agents.set-identity", {}, { agent: "desk" })).rejects.toMatchObject({ code: "PLINTH_IDENTITY" });
  });

  it("of a workspace that two agents share is nobody's until one is named", async () => {
    const shared = { workspace: join(home, "both") };
    const { shell } = rosterOf({ agents: { entries: { a: shared, b: shared } } });
    await expect(shell("agents.set-identity", {}, { workspace: "both", name: "X" })).rejects.toMatchObject({
      code: "PLINTH_USAGE",
      message: expect.stringContaining("a and b"),
    });
    expect(await shell("agents.set-identity", {}, { workspace: "both", agent: "b", name: "X" })).toMatchObject({ agent: "b" });
  });
});
