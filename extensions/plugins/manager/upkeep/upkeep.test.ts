import { RegistryTrust, roleKeysFromSeed } from "@plinth/registry";
import { defineExtension } from "@plinth/sdk";
import { describe, expect, it } from "vitest";
import { codeOf, diceManifest, openHouse } from "../manager.testing.ts";

type House = Awaited<ReturnType<typeof openHouse>>;
/** As `plinth.upkeep` calls it: as nobody in particular. */
const upkeep = (home: House, options: object) =>
  home.test
    .use("plinth.service")
    .get("plugin-upkeep")
    .start({ options: { ...options } });
interface Finding {
  extension: string;
  code: string;
  what: string;
  why: string;
}
/** Without what is said of the machine's walls. */
const findings = async (home: House): Promise<Finding[]> =>
  (await home.shell("doctor")).result.findings.filter(({ code }: Finding) => code !== "PLINTH_TIER");

describe("what the configuration names", () => {
  it("is installed with what its entry grants, pinned by the operator", async () => {
    const home = await openHouse();
    home.hostSays.config = { extensions: { "demo.dice": { version: "1.0.0", source: "registry:demo.dice", grants: {} } } };
    await upkeep(home, { setup: true });
    expect(home.installed.get("demo.dice")?.lock).toMatchObject({ pinnedBy: "operator", source: "registry:demo.dice@1.0.0" });
    expect(home.calls.filter(({ method }) => method === "install")).toHaveLength(1);
    await upkeep(home, { setup: true });
    expect(home.calls.filter(({ method }) => method === "install")).toHaveLength(1);
  });

  it("waits for consent without grants, and doctor says so", async () => {
    const home = await openHouse();
    home.hostSays.config = { extensions: { "demo.dice": "1.0.0" } };
    expect(await upkeep(home, { setup: true })).toEqual({ detail: { missing: ["demo.dice"] } });
    expect(home.installed.size).toBe(0);
    expect(await findings(home)).toMatchObject([
      { extension: "demo.dice", code: "PLINTH_CONSENT_NEEDED", what: "is named in the configuration and not installed" },
    ]);
  });

  it("needs no grants where the operator says that naming is consent", async () => {
    const other = await openHouse();
    const config = { registries: [{ name: "sample", url: other.registry }], release: { minimumAgeHours: 0 }, setup: { consent: "config" } };
    const home = await openHouse({ config });
    home.hostSays.config = { extensions: { "demo.dice": "1.0.0" } };
    await upkeep(home, { setup: true });
    expect(home.installed.has("demo.dice")).toBe(true);
  });

  it("brings nothing along that the configuration does not grant", async () => {
    const home = await openHouse();
    await home.publishAs("acme.cup", "1.0.0", { extensions: { "demo.dice": "^1" } });
    home.hostSays.config = { extensions: { "acme.cup": { version: "1.0.0", grants: {} } } };
    await upkeep(home, { setup: true });
    expect(home.installed.size).toBe(0);
    expect((await findings(home))[0]?.why).toContain("acme.cup brings demo.dice along");
    home.hostSays.config = { extensions: { "acme.cup": { version: "1.0.0", grants: {} }, "demo.dice": { version: "1.0.0", grants: {} } } };
    await upkeep(home, { setup: true });
    await upkeep(home, { setup: true });
    expect([...home.installed.keys()].sort()).toContain("demo.dice");
  });

  it("fails for one without the others, and is tried again when its entry changes", async () => {
    const home = await openHouse();
    const dice = { version: "1.0.0", grants: {} };
    home.hostSays.config = { extensions: { "acme.none": { version: "1.0.0", grants: {} }, "demo.dice": dice } };
    await upkeep(home, { setup: true });
    expect(home.installed.has("demo.dice")).toBe(true);
    expect(await findings(home)).toMatchObject([{ extension: "acme.none", code: "PLINTH_PACKAGE_UNKNOWN" }]);
    await home.publishAs("acme.none", "1.0.0");
    await upkeep(home, { setup: true });
    expect(home.installed.has("acme.none")).toBe(false);
    home.hostSays.config = { extensions: { "acme.none": { version: "^1", grants: {} }, "demo.dice": dice } };
    await upkeep(home, { setup: true });
    expect(home.installed.has("acme.none")).toBe(true);
    expect(await findings(home)).toEqual([]);
  });
});

it("is done for the host only: an extension has no say in it", async () => {
  const nosy = defineExtension({
    activate: (ctx) =>
      ctx.provide("plinth.service", "nosy", {
        start: () =>
          ctx
            .use("plinth.service")
            .get("plugin-upkeep")
            .start({ options: { setup: true } }),
        stop: () => ({}),
      }),
  });
  const provides = [{ contract: "plinth.service", version: "1.0.0", id: "nosy", descriptor: { title: "Nosy" } }];
  const uses = [{ contract: "plinth.service", range: "^1" }];
  const home = await openHouse({
    extensions: [{ manifest: { ...diceManifest(), id: "acme.nosy", provides, uses, tiers: ["host"] }, extension: nosy }],
  });
  home.hostSays.config = { extensions: { "demo.dice": { version: "1.0.0", grants: {} } } };
  expect(await codeOf(home.test.use("plinth.service").get("nosy").start({}))).toBe("PLINTH_PERMISSION");
  expect(home.installed.size).toBe(0);
});

describe("advisories", () => {
  async function advised(action: "warn" | "disable" | "remove", policy: object = {}) {
    const first = await openHouse();
    const trust = await RegistryTrust.open(first.registry, roleKeysFromSeed("test"), { origin: "test" });
    const config = { registries: [{ name: "sample", url: first.registry }], release: { minimumAgeHours: 0 }, advisories: policy };
    const home = await openHouse({ config });
    await home.shell("install", { spec: "demo.dice" }, { yes: true });
    const at = new Date().toISOString();
    const advisory = { id: "PLA-1", package: "demo.dice", affected: "<1.1.0", severity: "high" as const, title: "It loads the dice", action, at };
    await trust.commit({ type: "advisory", advisory });
    return home;
  }

  it("are believed from a registry that signs, whose log the lock names", async () => {
    const home = await advised("warn");
    expect(home.installed.get("demo.dice")?.lock.log).toEqual(expect.any(Number));
    const { result } = await home.shell("verify");
    expect(result.verified[0]).toMatchObject({ broken: [], unchecked: [] });
    expect((await home.shell("outdated")).result.advisories).toMatchObject([{ action: "warn" }]);
  });

  it("disable what is affected, once: an owner who enables it again has decided", async () => {
    const home = await advised("disable");
    await upkeep(home, { advisories: true });
    expect(home.calls.at(-1)).toEqual({ method: "enable", input: { id: "demo.dice", enabled: false } });
    const before = home.calls.length;
    await upkeep(home, { advisories: true });
    expect(home.calls).toHaveLength(before);
    expect(await findings(home)).toMatchObject([
      { code: "PLINTH_ADVISORY", what: "was disabled because of an advisory", why: expect.stringContaining("It loads the dice") },
    ]);
  });

  it("do no more than the operator allows", async () => {
    const home = await advised("remove", { disableFrom: "never" });
    await upkeep(home, { advisories: true });
    expect(home.calls.filter(({ method }) => method !== "install")).toEqual([]);
    expect(await findings(home)).toMatchObject([{ code: "PLINTH_ADVISORY", what: "has an advisory" }]);
  });

  it("uninstall only where the operator says so, and keep the data", async () => {
    const home = await advised("remove", { removeFrom: "high" });
    await upkeep(home, { advisories: true });
    expect(home.calls.at(-1)).toEqual({ method: "uninstall", input: { id: "demo.dice", keepData: true } });
  });
});
