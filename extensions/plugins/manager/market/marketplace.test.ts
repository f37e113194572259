import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { defineExtension } from "@plinth/sdk";
import { describe, expect, it } from "vitest";
import { codeOf, diceManifest, guest, openHouse } from "../manager.testing.ts";

const PATH = 'extensions["plinth.plugins"].config.registries';
const plugins = [
  { name: "mine", source: "./plugins/mine", description: "Here." },
  { name: "theirs", source: "./plugins/theirs", description: "Another kind." },
  { name: "out", source: "../../etc", description: "Outside." },
  { name: "hub", source: { source: "github", repo: "acme/hub", ref: "v1" }, description: "On GitHub." },
  { name: "link", source: { source: "url", url: "https://git.example/x.git" }, description: "In a repository." },
  { name: "npm", source: { source: "npm", package: "@acme/plinth-npm", version: "1.0.0" }, description: "On npm." },
  { name: "odd", source: { source: "carrier-pigeon" }, description: "Nobody knows." },
];

/** A folder with a marketplace.json, one Plinth package and one plugin of another kind. */
async function claudeFolder(folder: string): Promise<string> {
  const dir = join(folder, "market");
  await mkdir(join(dir, ".claude-plugin"), { recursive: true });
  await mkdir(join(dir, "plugins/mine"), { recursive: true });
  await mkdir(join(dir, "plugins/theirs/.claude-plugin"), { recursive: true });
  await writeFile(join(dir, ".claude-plugin/marketplace.json"), JSON.stringify({ name: "tools", owner: { name: "Acme" }, plugins }));
  await writeFile(join(dir, "plugins/mine/plinth.json"), JSON.stringify({ ...diceManifest(), id: "acme.mine", entry: undefined, provides: [] }));
  return dir;
}

describe("marketplaces", () => {
  it("are added with a priority and a fingerprint, listed and taken away, in the configuration", async () => {
    const home = await openHouse();
    const root = "a".repeat(64);
    const first = { name: "sample", url: home.registry };
    await home.chat(`marketplace add acme ${home.registry}`);
    expect(home.calls.at(-1)?.input).toEqual({ path: PATH, value: [first, { name: "acme", url: home.registry }] });
    const { text } = await home.chat(`marketplace add acme ${home.registry} --first --any-age`);
    expect(home.calls.at(-1)?.input).toEqual({ path: PATH, value: [{ name: "acme", url: home.registry, anyAge: true }, first] });
    expect(text).toContain("It signs nothing");
    expect(await codeOf(home.chat(`marketplace add acme ${home.registry} --root ${root}`))).toMatch(/^PLINTH_(TRUST|REGISTRY)/);
    expect((await home.chat("marketplace list", guest)).text).toContain("sample");
    await home.chat("marketplace remove sample");
    expect(home.calls.at(-1)?.input).toEqual({ path: PATH, value: [] });
  });

  it.each([
    ["a name that is there", "sample ."],
    ["a name of another form", "Acme! ."],
    ["an address without anything", "acme ./nothing"],
    ["what is not there", undefined],
  ])("are refused: %s", async (_what, args) => {
    const home = await openHouse();
    const wrong = args === undefined ? home.chat("marketplace remove acme") : home.chat(`marketplace add ${args}`);
    expect(await codeOf(wrong)).toMatch(/^PLINTH_/);
    expect(home.calls).toEqual([]);
  });

  it("are asked in their order: the first that knows a package decides", async () => {
    const other = await openHouse();
    await other.publish("9.0.0");
    const home = await openHouse();
    const config = {
      registries: [
        { name: "one", url: home.registry },
        { name: "two", url: other.registry },
      ],
      release: { minimumAgeHours: 0 },
    };
    const both = await openHouse({ config });
    expect((await both.shell("install", { spec: "demo.dice" })).result).toMatchObject({ version: "1.0.0" });
    expect((await both.shell("search", { query: "dice" })).result.hits).toMatchObject([{ id: "demo.dice", version: "1.0.0", source: "one" }]);
  });
});

describe("a marketplace.json of Claude's kind", () => {
  it("is recognised, and its plugins are listed with where they come from or why they cannot", async () => {
    const home = await openHouse();
    const dir = await claudeFolder(home.folder);
    await home.chat(`marketplace add tools ${dir}`);
    expect(home.calls.at(-1)?.input.value.at(-1)).toEqual({ name: "tools", url: dir, kind: "claude" });
    const there = await openHouse({ config: { registries: [{ name: "tools", url: dir, kind: "claude" }] } });
    const { result } = await there.shell("marketplace.list", { name: "tools" });
    const specs = Object.fromEntries(result.offers.map((one: { name: string; spec?: string; why?: string }) => [one.name, one.spec ?? one.why]));
    expect(specs).toEqual({
      mine: `folder:${join(dir, "plugins/mine")}`,
      theirs: "it is a plugin of another kind: there is no plinth.json in it",
      out: "its source lies outside the marketplace",
      hub: "git:https://github.com/acme/hub.git#v1",
      link: "git:https://git.example/x.git",
      npm: "npm:@acme/plinth-npm@1.0.0",
      odd: expect.stringContaining("nothing here installs from"),
    });
  });

  it("installs its packages through the same pipeline, from the place that it names", async () => {
    const npm = defineExtension({
      activate: (ctx) =>
        ctx.provide("plinth.plugin-source", "npm", {
          async fetch({ into }) {
            await writeFile(join(into, "plinth.json"), JSON.stringify({ ...diceManifest(), id: "acme.npm", entry: undefined, provides: [] }));
            return { source: "npm:@acme/plinth-npm@1.0.0" };
          },
        }),
    });
    const provides = [
      { contract: "plinth.plugin-source", version: "1.0.0", id: "npm", descriptor: { title: "npm", scheme: "npm", searchable: false } },
    ];
    const manifest = { ...diceManifest(), id: "acme.npm-source", provides, tiers: ["host"] };
    const first = await openHouse();
    const dir = await claudeFolder(first.folder);
    const home = await openHouse({
      config: { registries: [{ name: "tools", url: dir, kind: "claude" }] },
      extensions: [{ manifest, extension: npm }],
    });
    const { result } = await home.shell("install", { spec: "marketplace:tools/mine" });
    expect(result).toMatchObject({ status: "needs-consent", id: "acme.mine", source: `folder:${join(dir, "plugins/mine")}`, signedBy: null });
    await home.shell("install", { spec: "marketplace:tools/npm" }, { yes: true });
    expect(home.installed.get("acme.npm")?.lock.source).toBe("npm:@acme/plinth-npm@1.0.0");
    expect(await codeOf(home.shell("install", { spec: "marketplace:tools/theirs" }))).toBe("PLINTH_MARKETPLACE");
    expect(await codeOf(home.shell("install", { spec: "marketplace:tools/none" }))).toBe("PLINTH_MARKETPLACE");
  });
});
