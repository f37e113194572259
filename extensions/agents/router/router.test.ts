import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestHost, type TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

let host: TestHost;
afterEach(() => host.close());

async function start(config: object = {}): Promise<TestHost> {
  host = await createTestHost({ extensions: [{ manifest, extension, config }] });
  return host;
}
const route = (input: { sessionKey?: string; model?: string } = {}) =>
  host
    .use("plinth.router")
    .one()
    .route({ surface: "test", ...input });

describe("the router", () => {
  it("uses the caller's session key and model verbatim, and its own defaults without them", async () => {
    await start();
    expect(await route()).toEqual({
      agent: "main",
      sessionKey: "main",
      harness: "native",
      model: "auto",
      workspace: join(host.home, "workspace"),
      system: [],
    });
    expect(await route({ sessionKey: "team/Ä 1", model: "x/y" })).toMatchObject({ sessionKey: "team/Ä 1", model: "x/y" });
  });

  it("takes the agent from the configuration", async () => {
    await start({ title: "Ada", model: "offline/auto", harness: "other", system: "Be brief." });
    expect(await route()).toMatchObject({ model: "offline/auto", harness: "other", system: ["Be brief."] });
    expect(await host.use("plinth.router").one().agents({})).toEqual({
      agents: [{ id: "main", title: "Ada", model: "offline/auto", harness: "other", workspace: join(host.home, "workspace") }],
    });
  });

  it("gives each agent a workspace of its own and what was set for it", async () => {
    const entry = { model: "m/2", fallbacks: ["m/3"], thinking: "high", tools: { allow: ["files_*"] } };
    await start({
      model: "m/1",
      agents: { defaults: { tools: { deny: ["exec"] } }, entries: { desk: entry, far: { workspace: join(tmpdir(), "far-desk") } } },
    });
    expect(await route({ sessionKey: "agent:desk:x" })).toEqual({
      agent: "desk",
      sessionKey: "agent:desk:x",
      harness: "native",
      model: "m/2",
      fallbacks: ["m/3"],
      thinking: "high",
      tools: { allow: ["files_*"], deny: ["exec"] },
      workspace: join(host.home, "workspaces/desk"),
      system: [],
    });
    expect(await readFile(join(host.home, "workspaces/desk/README.md"), "utf8")).toContain("agents.entries.desk.workspace");
    expect(await route()).toMatchObject({ agent: "main", model: "m/1", tools: { deny: ["exec"] }, workspace: join(host.home, "workspace") });
    // Whoever names a model means that one, and none that it falls back to.
    expect(await route({ sessionKey: "agent:desk:x", model: "m/9" })).toMatchObject({ model: "m/9", thinking: "high" });
    expect(await route({ sessionKey: "agent:desk:x", model: "m/9" })).not.toHaveProperty("fallbacks");
    const { agents } = await host.use("plinth.router").one().agents({});
    expect(agents.map(({ id, workspace }) => [id, workspace])).toContainEqual(["far", join(tmpdir(), "far-desk")]);
  });

  it("answers where no binding fits with the agent that was set for it, or not at all", async () => {
    const address = { channel: "chat", account: "ops", peer: { kind: "person" as const, id: "1" } };
    await start({
      fallback: "none",
      agents: { entries: { desk: {} } },
      bindings: [
        { agent: "desk", match: { channel: "chat" } },
        { agent: "gone", match: { channel: "mail" } },
      ],
    });
    const at = (place: typeof address) => host.use("plinth.router").one().route({ surface: place.channel, address: place });
    expect(await at(address)).toMatchObject({ action: "ignore" });
    expect(await at({ ...address, account: "default" })).toMatchObject({ agent: "desk", sessionKey: "agent:desk:chat/default/person/1" });
    expect(await at({ ...address, channel: "mail", account: "default" })).toMatchObject({ action: "refuse", why: expect.stringContaining("gone") });
    expect(await route()).toMatchObject({ agent: "main", sessionKey: "main" });
    const explained = await host.use("plinth.router").one().explain({ surface: "chat", address });
    expect(explained).toEqual({
      agent: "main",
      sessionKey: "chat/ops/person/1",
      tier: "fallback",
      action: "ignore",
      why: "No binding fits, and nobody answers then.",
      passed: [
        { binding: 0, agent: "desk", why: "it is for the default account, default" },
        { binding: 1, agent: "gone", why: "it is for the channel mail" },
      ],
    });
  });

  it("makes the workspace with a README once, and never brings the README back", async () => {
    await start();
    const { workspace } = await route();
    expect(await readFile(join(workspace, "README.md"), "utf8")).toContain("Workspace");
    await writeFile(join(workspace, "notes.txt"), "mine");
    await rm(join(workspace, "README.md"));
    await route();
    expect(await readdir(workspace)).toEqual(["notes.txt"]);
  });

  it("leaves a folder that holds something alone", async () => {
    await start();
    await mkdir(join(host.home, "workspace"));
    await writeFile(join(host.home, "workspace", "notes.txt"), "mine");
    const { workspace } = await route();
    expect(await readdir(workspace)).toEqual(["notes.txt"]);
  });

  it("says what to do when the workspace cannot be made, and works once it can", async () => {
    await start();
    await writeFile(join(host.home, "workspace"), "a file");
    await expect(route()).rejects.toMatchObject({ code: "PLINTH_WORKSPACE", extension: "plinth.router", next: expect.any(String) });
    await rm(join(host.home, "workspace"));
    expect(await route()).toMatchObject({ sessionKey: "main" });
  });
});
