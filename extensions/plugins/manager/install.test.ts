import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { defineExtension } from "@plinth/sdk";
import { afterEach, describe, expect, it, vi } from "vitest";
import { codeOf, diceManifest, dicePackage, guest, type HouseOptions, openHouse, owner } from "./manager.testing.ts";

afterEach(() => void vi.useRealTimers());

const codeIn = (text: string) => /confirm ([2-9A-Z]{8})/.exec(text)?.[1] ?? "none";
const market = (scheme: string) => ({
  contract: "plinth.plugin-source",
  id: "market",
  descriptor: { title: "The market", scheme, searchable: true },
  provider: { fetch: async () => ({ source: "market:x" }) },
});
const gate = (deny: string) => ({
  manifest: { ...diceManifest(), id: "acme.policy", entry: "./index.js", provides: [], hooks: [{ on: "install.before" }], tiers: ["host"] },
  extension: defineExtension({ activate: (ctx) => ctx.hooks.on("install.before", (payload) => (payload.signed ? undefined : { deny })) }),
});

describe("installing from a conversation", () => {
  it("shows what it may do, waits for the code, installs, and says how to use it", async () => {
    const home = await openHouse();
    const asked = await home.chat("install demo.dice");
    expect(asked.progress[0]).toBe("Fetching demo.dice …");
    expect(asked.text).toContain("Install `demo.dice` 1.0.0 (Dice)?");
    expect(asked.text).toMatch(/Signed by: demo, key [0-9a-f]{16}: first met now/);
    expect(asked.suggest).toEqual([{ label: "Install demo.dice 1.0.0", text: `/plugins confirm ${codeIn(asked.text)}` }]);
    expect(home.installed.size).toBe(0);
    expect(await home.staged()).toHaveLength(1);

    const done = await home.chat(`confirm ${codeIn(asked.text).toLowerCase()}`);
    expect(done.text).toContain("`demo.dice` 1.0.0 is installed and ready.");
    expect(done.text).toContain("tool dice: use it in your next message (such as “roll a die”)");
    expect(home.installed.get("demo.dice")?.lock).toMatchObject({
      source: "registry:demo.dice@1.0.0",
      pinnedBy: "operator",
      integrity: expect.stringMatching(/^sha512-/),
      signature: { keyId: home.key.keyId },
    });
    expect(await home.staged()).toEqual([]);
  });

  it("takes a code once", async () => {
    const home = await openHouse();
    const code = codeIn((await home.chat("install demo.dice")).text);
    await home.chat(`confirm ${code}`);
    expect(await codeOf(home.chat(`confirm ${code}`))).toBe("PLINTH_CONSENT_CODE");
    expect(home.calls.filter(({ method }) => method === "install")).toHaveLength(1);
  });

  it("takes a code from the one who was given it, where it was given, and only from there", async () => {
    const home = await openHouse();
    const code = codeIn((await home.chat("install demo.dice")).text);
    expect(await codeOf(home.chat(`confirm ${code}`, owner, "other"))).toBe("PLINTH_CONSENT_CODE");
    expect(await codeOf(home.chat(`confirm ${code}`, { role: "owner", via: "elsewhere" }))).toBe("PLINTH_CONSENT_CODE");
    expect(await codeOf(home.chat(`confirm ${code}`, guest))).toBe("PLINTH_NOT_OWNER");
    expect(await codeOf(home.shell("confirm", { code }))).toBe("PLINTH_CONSENT_CODE");
    expect(await codeOf(home.chat("confirm 22222222"))).toBe("PLINTH_CONSENT_CODE");
    expect(home.installed.size).toBe(0);
    await home.chat(`confirm ${code}`);
    expect(home.installed.size).toBe(1);
  });

  it("refuses a code after ten minutes and removes what waited", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const home = await openHouse();
    const code = codeIn((await home.chat("install demo.dice")).text);
    vi.setSystemTime(Date.now() + 10 * 60_000 + 1);
    expect(await codeOf(home.chat(`confirm ${code}`))).toBe("PLINTH_CONSENT_EXPIRED");
    expect(home.installed.size).toBe(0);
    expect(await home.staged()).toEqual([]);
  });

  it("keeps a bounded number of questions; the oldest gives way", async () => {
    const home = await openHouse();
    const codes: string[] = [];
    for (let at = 0; at < 10; at++) codes.push(codeIn((await home.chat("install demo.dice")).text));
    expect(await home.staged()).toHaveLength(8);
    expect(await codeOf(home.chat(`confirm ${codes[0]}`))).toBe("PLINTH_CONSENT_CODE");
    expect((await home.chat(`confirm ${codes[9]}`)).text).toContain("is installed");
  });

  it("refuses files that changed while they waited", async () => {
    const home = await openHouse();
    const code = codeIn((await home.chat("install demo.dice")).text);
    const [name] = await home.staged();
    await writeFile(join(home.test.home, "state", "plinth.plugins", "staging", name as string, "index.js"), "evil()");
    expect(await codeOf(home.chat(`confirm ${code}`))).toBe("PLINTH_DIGEST");
    expect(await home.staged()).toEqual([]);
  });

  it("does not ask again for what was consented to, nor install what is there", async () => {
    const home = await openHouse({ granted: true });
    expect((await home.chat("install demo.dice")).text).toContain("is installed and ready");
    expect((await home.chat("install demo.dice")).text).toBe("`demo.dice` 1.0.0 is installed already.");
    expect(await home.staged()).toEqual([]);
  });

  it("names both versions and what an update newly asks for", async () => {
    const home = await openHouse();
    await home.shell("install", { spec: "demo.dice@1.0.0" }, { yes: true });
    await home.publish("1.1.0", { permissions: { net: ["api.example.com"] } });
    const { text } = await home.chat("install demo.dice");
    expect(text).toContain("Change `demo.dice` from 1.0.0 to 1.1.0");
    expect(text).toContain("**New against the installed version**\n\n- reach api.example.com");
    expect((await home.chat(`confirm ${codeIn(text)}`)).text).toContain("in place of 1.0.0");
  });

  it("removes a package that nobody confirmed in time when the next one comes", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const home = await openHouse();
    await home.chat("install demo.dice");
    vi.setSystemTime(Date.now() + 11 * 60_000);
    await home.chat("install demo.dice");
    expect(await home.staged()).toHaveLength(1);
  });
});

describe("installing from a shell", () => {
  it("asks with a confirm item, and installs at once with --yes", async () => {
    const home = await openHouse();
    const asked = await home.shell("install", { spec: "demo.dice" });
    expect(asked.result).toMatchObject({ status: "needs-consent", id: "demo.dice", version: "1.0.0" });
    expect(asked.confirm?.argv).toEqual(["plugins", "confirm", asked.result.code]);
    expect((await home.shell("confirm", { code: asked.result.code })).result).toMatchObject({ status: "installed", generation: 2 });
    await home.publish("1.0.1");
    expect((await home.shell("install", { spec: "demo.dice" }, { yes: true })).result).toMatchObject({
      status: "installed",
      version: "1.0.1",
      replaces: "1.0.0",
    });
  });

  it("installs a folder with a built entry, taking only what belongs into a package", async () => {
    const home = await openHouse();
    const dir = join(home.folder, "dice");
    await mkdir(join(dir, "assets"), { recursive: true });
    await writeFile(join(dir, "plinth.json"), JSON.stringify(diceManifest()));
    for (const name of ["index.js", "README.md", ".env", "assets/a.txt"]) await writeFile(join(dir, name), "x");
    const asked = await home.shell("install", { spec: "./dice" });
    expect(asked.out).toContain("nobody: unsigned");
    const [name] = await home.staged();
    const { readdir } = await import("node:fs/promises");
    expect((await readdir(join(home.test.home, "state/plinth.plugins/staging", name as string))).sort()).toEqual([
      "README.md",
      "assets",
      "index.js",
      "plinth.json",
    ]);
  });

  it("bundles a folder that has source only", async () => {
    const home = await openHouse();
    const dir = join(home.folder, "dice");
    await mkdir(join(dir, "src"), { recursive: true });
    await writeFile(join(dir, "plinth.json"), JSON.stringify(diceManifest()));
    await writeFile(join(dir, "src/sides.ts"), "export const sides: number = 6;\n");
    await writeFile(
      join(dir, "src/index.ts"),
      'import { defineExtension } from "@plinth/sdk";\nimport { sides } from "./sides.ts";\nexport default defineExtension({ activate(ctx) { ctx.log.info(String(sides)); } });\n',
    );
    await home.shell("install", { spec: dir });
    const [name] = await home.staged();
    const code = await readFile(join(home.test.home, "state/plinth.plugins/staging", name as string, "index.js"), "utf8");
    expect(code).toContain("sides = 6");
    expect(code).not.toMatch(/from "@plinth\/sdk"/);
  });

  it("installs an archive, unsigned, with its integrity in the lock", async () => {
    const home = await openHouse();
    await writeFile(join(home.folder, "dice.tgz"), await dicePackage());
    await home.shell("install", { spec: "dice.tgz" }, { yes: true });
    expect(home.installed.get("demo.dice")?.lock).toMatchObject({
      source: `archive:${join(home.folder, "dice.tgz")}`,
      integrity: expect.stringMatching(/^sha512-/),
    });
    expect(home.installed.get("demo.dice")?.lock.signature).toBeUndefined();
  });
});

describe("a failed installation leaves nothing behind", () => {
  const broken = {
    contract: "plinth.plugin-source",
    id: "loose",
    descriptor: { title: "Loose", scheme: "loose", searchable: false },
    provider: {
      async fetch({ into }: { into: string }) {
        await writeFile(join(into, "half"), "x");
        throw new Error("cut");
      },
    },
  };

  it.each([
    ["an unknown package", "demo.none", {}, "PLINTH_PACKAGE_UNKNOWN"],
    ["an unknown version", "demo.dice@^7", {}, "PLINTH_VERSION_UNKNOWN"],
    ["a missing archive", "none.tgz", {}, "PLINTH_ARCHIVE_FORMAT"],
    ["a folder without a manifest", "./none", {}, "PLINTH_MANIFEST_MISSING"],
    ["an unknown scheme", "npm:x", {}, "PLINTH_SPEC"],
    ["a source that fails half-way", "loose:x", { provide: [broken] }, "PLINTH_EXTENSION_FAILED"],
    ["an unsigned package of a market", "market:x", { provide: [market("market")] }, "PLINTH_UNSIGNED"],
    ["a refused inspection", "demo.dice", { failing: { inspect: "PLINTH_CONFLICT" } }, "PLINTH_CONFLICT"],
    ["a failed commit", "demo.dice", { failing: { install: "PLINTH_ACTIVATE" } }, "PLINTH_ACTIVATE"],
  ] satisfies [string, string, HouseOptions, string][])("after %s", async (_name, spec, options, code) => {
    const home = await openHouse(options);
    expect(await codeOf(home.shell("install", { spec }, { yes: true }))).toBe(code);
    expect(await home.staged()).toEqual([]);
    expect(home.installed.size).toBe(0);
  });

  it("after a gate's no, with its reason and its owner", async () => {
    const home = await openHouse({ extensions: [gate("unsigned code is not allowed here")] });
    await writeFile(join(home.folder, "dice.tgz"), await dicePackage());
    await expect(home.shell("install", { spec: "dice.tgz" }, { yes: true })).rejects.toMatchObject({
      code: "PLINTH_INSTALL_DENIED",
      extension: "acme.policy",
      message: "acme.policy does not allow demo.dice 1.0.0: unsigned code is not allowed here",
    });
    expect(await home.staged()).toEqual([]);
    expect((await home.shell("install", { spec: "demo.dice" }, { yes: true })).result.status).toBe("installed");
  });

  it("after a tarball that is not the published one", async () => {
    const home = await openHouse();
    await writeFile(join(home.registry, "blobs/demo/dice/dice-1.0.0.tgz"), await dicePackage("6.6.6"));
    expect(await codeOf(home.chat("install demo.dice"))).toBe("PLINTH_INTEGRITY");
    expect(await home.staged()).toEqual([]);
  });

  it("after a folder with a link in it", async () => {
    const home = await openHouse();
    const dir = join(home.folder, "linked");
    await mkdir(dir);
    await writeFile(join(dir, "plinth.json"), JSON.stringify(diceManifest()));
    await symlink("/etc/passwd", join(dir, "index.js"));
    expect(await codeOf(home.shell("install", { spec: dir }, { yes: true }))).toBe("PLINTH_ARCHIVE_LINK");
    expect(await home.staged()).toEqual([]);
  });

  it("and the next start removes what a dead process left and what is old, but nothing that is at work or waited for", async () => {
    const [dead, old, young] = ["4194999.dead", `${process.pid}.old`, `${process.pid}.young`];
    const home = await openHouse({ leftovers: { [dead]: 1, [old]: 120, [young]: 1 } });
    const code = codeIn((await home.chat("install demo.dice")).text);
    expect(await home.staged()).toEqual(expect.arrayContaining([young]));
    for (const gone of [dead, old]) expect(await home.staged()).not.toContain(gone);
    expect((await home.chat(`confirm ${code}`)).text).toContain("is installed");
  });
});

describe("who vouches for a package", () => {
  it("is the key first seen: a registry with another key for the publisher is refused", async () => {
    const home = await openHouse();
    await home.shell("install", { spec: "demo.dice" }, { yes: true });
    const { keyFromSeed, publish } = await import("@plinth/registry");
    const { rm } = await import("node:fs/promises");
    await rm(home.registry, { recursive: true });
    await publish({ registry: home.registry, tarball: await dicePackage("2.0.0"), key: keyFromSeed("demo", Buffer.alloc(32, 9)) });
    expect(await codeOf(home.chat("install demo.dice"))).toBe("PLINTH_KEY_CHANGED");
  });

  it("cannot be replaced by another source that claims the registry's scheme", async () => {
    const home = await openHouse({ provide: [market("registry")] });
    expect((await home.chat("install registry:demo.dice")).text).toMatch(/Signed by: demo, key/);
  });
});
