import type { Context } from "@plinth/sdk";
import { describe, expect, it } from "vitest";
import { descriptorsOf } from "./descriptors.ts";
import type { Installation } from "./installation.ts";
import { codeOf, guest, openHouse, owner } from "./manager.testing.ts";
import { idOf } from "./operation.ts";
import { operations } from "./operations.ts";
import manifest from "./plinth.json" with { type: "json" };
import type { Setup } from "./upkeep/setup.ts";

const table = operations({} as Context, {} as Installation, {} as Setup);
const writes = table.filter(({ access }) => access === "owner").map(idOf);
const example: Record<string, Record<string, string>> = {
  "plugins.install": { spec: "demo.dice" },
  "plugins.confirm": { code: "22222222" },
  "plugins.update": { ids: "demo.dice" },
  "plugins.rollback": { id: "demo.dice" },
  "plugins.verify": { id: "demo.dice" },
  "plugins.pin": { id: "demo.dice" },
  "plugins.unpin": { id: "demo.dice" },
  "plugins.doctor": { id: "demo.dice" },
  "plugins.enable": { id: "demo.dice" },
  "plugins.disable": { id: "demo.dice" },
  "plugins.uninstall": { id: "demo.dice" },
  "plugins.prune": {},
  "plugins.export": { file: "set.json" },
  "plugins.import": { file: "set.json" },
  "marketplace.add": { name: "acme", url: "https://plugins.acme.example" },
  "marketplace.remove": { name: "acme" },
  "trust.accept": { publisher: "demo" },
  "trust.compare": { name: "sample" },
  "trust.forget": { registry: "sample" },
  "grants.choose": { id: "demo.dice" },
  "grants.pin": { id: "demo.dice", program: "sh" },
  "grants.limit": { id: "demo.dice" },
  "grants.revoke": { id: "demo.dice" },
  "grants.export": { file: "grants.json" },
  "grants.import": { file: "grants.json" },
};

describe("the manifest", () => {
  it("states exactly what the operations are", () => {
    const stated = manifest.provides.filter(({ contract }) => !["plinth.check", "plinth.plugin-source", "plinth.service"].includes(contract));
    expect(stated).toEqual(JSON.parse(JSON.stringify(descriptorsOf(table))));
  });
});

describe("who may do what", () => {
  it("writes, and what reads more than states, are the owner's", () => {
    expect(writes).toEqual(Object.keys(example));
  });

  it.each(writes)("refuses a guest's %s from the conversation, the shell and the API", async (name) => {
    const home = await openHouse();
    const input = example[name] as Record<string, string>;
    const typed = name.replace("plugins.", "").replace(".", " ");
    // What is for a shell only does not exist in a conversation.
    const inChat = table.find((one) => idOf(one) === name)?.only === undefined ? "PLINTH_NOT_OWNER" : "PLINTH_USAGE";
    expect(await codeOf(home.chat([typed, ...Object.values(input)].join(" "), guest))).toBe(inChat);
    expect(await codeOf(home.shell(name, input, {}, guest))).toBe("PLINTH_NOT_OWNER");
    expect(await codeOf(home.api(name, input, guest))).toBe("PLINTH_NOT_OWNER");
    expect(await codeOf(home.shell(name, input, {}, { role: "system", via: "cron" }))).toBe("PLINTH_NOT_OWNER");
    expect(home.calls).toEqual([]);
  });

  it("lets a guest read, and nobody without an identity do anything", async () => {
    const home = await openHouse();
    expect((await home.chat("search dice", guest)).text).toContain("demo.dice");
    expect((await home.chat("list", guest)).text).toContain("Nothing is installed yet.");
    const method = home.test.use("plinth.gateway-method").get("plugins.list");
    expect(await codeOf(method.call({}))).toBe("PLINTH_NOT_AUTHENTICATED");
  });

  it("refuses to fetch for anybody but the owner, from every source", async () => {
    const home = await openHouse();
    for (const id of ["folder", "archive", "registry"]) {
      const fetch = () => home.test.use("plinth.plugin-source").get(id).fetch({ spec: "demo.dice", cwd: "/", into: home.folder });
      expect(await codeOf(home.test.as(guest, fetch))).toBe("PLINTH_NOT_OWNER");
    }
  });
});

describe("/plugins", () => {
  it("explains itself without an argument, and answers wrong usage with the right one", async () => {
    const home = await openHouse();
    for (const args of ["", "help"]) expect((await home.chat(args)).text).toContain("`/plugins install SPEC`: Install or update");
    await expect(home.chat("instal x")).rejects.toMatchObject({ code: "PLINTH_USAGE", next: expect.stringContaining("install") });
    await expect(home.chat("install")).rejects.toMatchObject({ code: "PLINTH_USAGE", next: "Type it like this: /plugins install SPEC" });
    expect(await codeOf(home.chat("install demo.dice --yes"))).toBe("PLINTH_USAGE");
    expect(await codeOf(home.chat("inspect a b"))).toBe("PLINTH_USAGE");
  });

  it("finds packages and offers to install them", async () => {
    const home = await openHouse({ signed: true });
    const found = await home.chat("search rolls dice");
    expect(found.text).toContain("- `demo.dice` · 1.0.0 · Dice");
    expect(found.suggest).toEqual([{ label: "Install demo.dice", text: "/plugins install demo.dice" }]);
    expect((await home.chat("search zebra")).text).toContain("Nothing fits “zebra”");
  });

  it("removes an extension and says what became of its data", async () => {
    const home = await openHouse();
    await home.shell("install", { spec: "demo.dice" }, { yes: true });
    expect((await home.chat("uninstall demo.dice --keep-data")).text).toBe("`demo.dice` is uninstalled. What it stored is kept.");
    expect(home.calls.at(-1)).toEqual({ method: "uninstall", input: { id: "demo.dice", keepData: true } });
    expect(await codeOf(home.chat("uninstall demo.dice"))).toBe("PLINTH_NOT_INSTALLED");
    expect(await codeOf(home.chat("uninstall plinth.plugins"))).toBe("PLINTH_BUNDLED");
  });
});

describe("plinth plugins", () => {
  it("lists every extension as a table and as data", async () => {
    const home = await openHouse();
    await home.shell("install", { spec: "demo.dice" }, { yes: true });
    const { out, result } = await home.shell("list");
    expect(out).toMatch(/^ID +VERSION +TIER +STATE +FROM +TITLE\n/);
    expect(out).toMatch(/demo\.dice +1\.0\.0 +isolate +ready +Dice/);
    expect(result.extensions.map(({ id }: { id: string }) => id)).toEqual(["plinth.plugins", "demo.dice"]);
  });

  it("inspects an extension in words", async () => {
    const home = await openHouse();
    await home.publish("1.1.0", {
      permissions: { net: ["api.example.com"] },
      config: { type: "object", properties: { sides: {} } },
      budgets: { heapMb: 32 },
    });
    await home.shell("install", { spec: "demo.dice" }, { yes: true });
    const { out } = await home.shell("inspect", { id: "demo.dice" });
    for (const part of [
      "plinth.tool: dice",
      "may reach: api.example.com",
      "sides",
      "heapMb 32",
      "enforced here in part",
      "registry:demo.dice@1.1.0",
      `key ${home.key.keyId}`,
    ]) {
      expect(out.replace(/\s+/g, " ")).toContain(part);
    }
  });

  it("asks before it removes, unless told --yes", async () => {
    const home = await openHouse();
    await home.shell("install", { spec: "demo.dice" }, { yes: true });
    const asked = await home.shell("uninstall", { id: "demo.dice" });
    expect(asked).toMatchObject({ result: { status: "needs-confirmation" }, confirm: { argv: ["plugins", "uninstall", "demo.dice", "--yes"] } });
    expect(home.installed.size).toBe(1);
    expect((await home.shell("uninstall", { id: "demo.dice" }, { yes: true })).result).toMatchObject({ status: "uninstalled" });
    expect(home.installed.size).toBe(0);
  });

  it("enables and disables", async () => {
    const home = await openHouse();
    expect((await home.shell("disable", { id: "demo.dice" })).out).toContain("is disabled");
    await home.shell("enable", { id: "demo.dice" });
    expect(home.calls.map(({ input }) => input.enabled)).toEqual([false, true]);
  });
});

describe("plugins.* of the gateway", () => {
  it("takes parameters by name and answers with data", async () => {
    const home = await openHouse();
    const asked = await home.api("install", { spec: "demo.dice" });
    expect(asked).toMatchObject({ status: "needs-consent", asks: [], source: "registry:demo.dice@1.0.0" });
    expect(await home.api("confirm", { code: asked.code }, owner)).toMatchObject({ status: "installed" });
    expect(await home.api("uninstall", { id: "demo.dice", keepData: true })).toMatchObject({ status: "uninstalled", keepData: true });
  });

  it.each([[{}], [{ spec: 1 }], [{ spec: "x", nope: true }], [[]], ["x"]])("refuses the parameters %j", async (params) => {
    const home = await openHouse();
    expect(await codeOf(home.api("install", params))).toBe("PLINTH_USAGE");
  });
});
