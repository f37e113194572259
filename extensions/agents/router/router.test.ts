import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
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
    expect(await host.use("plinth.router").one().agents({})).toEqual({ agents: [{ id: "main", title: "Ada", model: "offline/auto" }] });
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
