import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatLock, type parseLock, yank } from "@plinth/registry";
import { describe, expect, it } from "vitest";
import { codeOf, guest, openHouse } from "../manager.testing.ts";

type House = Awaited<ReturnType<typeof openHouse>>;
const version = (home: House, id: string) => home.installed.get(id)?.manifest.version;
async function updated(): Promise<House> {
  const home = await openHouse();
  await home.shell("install", { spec: "demo.dice" }, { yes: true });
  await home.publish("1.1.0", { permissions: { net: ["dice.example"] } });
  await home.shell("update", {}, { yes: true });
  return home;
}

describe("why and outdated", () => {
  it("tell who asked, who needs it and what holds it", async () => {
    const home = await openHouse();
    await home.publishAs("acme.cup", "1.0.0", { extensions: { "demo.dice": "^1" } });
    await home.shell("install", { spec: "acme.cup" }, { yes: true });
    home.hostSays.config = { extensions: { "demo.dice": "~1.0" } };
    const { result, out } = await home.shell("why", { id: "demo.dice" }, {}, guest);
    expect(result).toMatchObject({ pinnedBy: "resolver", pin: "~1.0", neededBy: [{ id: "acme.cup", version: "1.0.0", range: "^1" }] });
    expect(out).toContain("it came along");
    expect(out).toContain("acme.cup 1.0.0, which takes ^1");
  });

  it("compare with the registry, within pins, and tell what was withdrawn", async () => {
    const home = await openHouse();
    await home.shell("install", { spec: "demo.dice" }, { yes: true });
    expect((await home.chat("outdated")).text).toContain("up to date");
    await home.publish("1.0.5");
    await home.publish("2.0.0");
    await yank({ registry: home.registry, id: "demo.dice", version: "1.0.0", reason: "It loses dice", key: home.key });
    home.hostSays.config = { extensions: { "demo.dice": "^1" } };
    const { result } = await home.shell("outdated");
    expect(result.rows).toEqual([
      {
        id: "demo.dice",
        installed: "1.0.0",
        allowed: "1.0.5",
        newest: "2.0.0",
        notes: ["pinned to ^1", "the installed version was withdrawn: It loses dice"],
      },
    ]);
  });

  it("fit a conversation page by page", async () => {
    const home = await openHouse();
    for (let at = 0; at < 23; at++) {
      await home.publishAs(`many.n${at}`, "1.0.0");
      await home.shell("install", { spec: `many.n${at}` }, { yes: true });
      await home.publishAs(`many.n${at}`, "1.1.0");
    }
    const first = await home.chat("outdated");
    expect(first.text).toContain("Page 1 of 2: `/plugins outdated --page 2`");
    expect((await home.chat("outdated --page 2")).text.match(/many\.n\d+/g)).toHaveLength(3);
  });
});

describe("update", () => {
  it("shows versions, permissions, changelog and what starts anew, and changes nothing with --dry-run", async () => {
    const home = await openHouse();
    await home.publishAs("acme.geo", "1.0.0");
    await home.shell("install", { spec: "acme.geo" }, { yes: true });
    const changelog = "# Changelog\n\n## 1.1.0\n\n- Knows more places.\n\n## 1.0.0\n\n- First.\n";
    await home.publishAs("acme.geo", "1.1.0", { permissions: { net: ["maps.example"] } }, [["CHANGELOG.md", changelog]]);
    const status = { id: "acme.geo", version: "1.0.0", title: "Geo", bundled: false, tier: "isolate", state: "active", provides: [] } as const;
    home.said.set("acme.geo", { status: { ...status, provides: [] } });
    const { result, out } = await home.shell("update", {}, { "dry-run": true });
    const part = { id: "acme.geo", version: "1.1.0", replaces: "1.0.0", widens: ["reach maps.example"], restarts: true };
    expect(result).toMatchObject({ status: "preview", parts: [{ ...part, changelog: ["1.1.0", "- Knows more places."] }] });
    expect(out).toContain("Would be started anew: `acme.geo`");
    expect(version(home, "acme.geo")).toBe("1.0.0");
  });

  it("goes on by itself where nothing new is asked for, and waits where something is", async () => {
    const home = await openHouse();
    await home.shell("install", { spec: "demo.dice" }, { yes: true });
    await home.publish("1.1.0");
    expect((await home.chat("update")).text).toContain("demo.dice 1.1.0, in place of 1.0.0");
    await home.publish("1.2.0", { permissions: { net: ["dice.example"] } });
    const asked = await home.chat("update demo.dice");
    expect(asked.text).toContain("reach dice.example");
    expect(version(home, "demo.dice")).toBe("1.1.0");
    await home.chat(String(asked.suggest[0]?.text.replace("/plugins ", "")));
    expect(version(home, "demo.dice")).toBe("1.2.0");
  });

  it("leaves out what comes from elsewhere, and says so", async () => {
    const home = await openHouse();
    await mkdir(join(home.folder, "mine"));
    await writeFile(
      join(home.folder, "mine/plinth.json"),
      JSON.stringify({ id: "me.mine", version: "1.0.0", title: "Mine", description: "Mine.", engines: { plinth: "^0.1.0" } }),
    );
    await home.shell("install", { spec: "link:mine" }, { yes: true });
    expect(home.installed.get("me.mine")?.lock.source).toBe(`link:${join(home.folder, "mine")}`);
    const { result } = await home.shell("update");
    expect(result).toMatchObject({ status: "unchanged", skipped: [{ id: "me.mine", why: expect.stringContaining("link:") }] });
  });
});

describe("rollback and prune", () => {
  it("go back to what was consented to before, without asking again", async () => {
    const home = await updated();
    const { result } = await home.shell("rollback", { id: "demo.dice" });
    expect(result).toMatchObject({ status: "installed", version: "1.0.0", replaces: "1.1.0" });
    expect(home.installed.get("demo.dice")?.lock).toMatchObject({ source: "registry:demo.dice@1.0.0", signature: { keyId: home.key.keyId } });
    await home.shell("rollback", { id: "demo.dice", version: "1.1.0" });
    expect(version(home, "demo.dice")).toBe("1.1.0");
    await expect(home.shell("rollback", { id: "demo.dice", version: "0.1.0" })).rejects.toMatchObject({
      code: "PLINTH_VERSION_UNKNOWN",
      next: "There is 1.0.0.",
    });
  });

  it("take back with it what the older version cannot be with, and nothing else", async () => {
    const home = await openHouse();
    await home.shell("install", { spec: "demo.dice" }, { yes: true });
    await home.publish("1.1.0");
    await home.publishAs("acme.geo", "1.0.0");
    await home.publishAs("acme.map", "1.0.0", { extensions: { "acme.geo": "^1" } });
    await home.shell("install", { spec: "acme.map" }, { yes: true });
    await home.publishAs("acme.geo", "2.0.0");
    await home.publishAs("acme.map", "2.0.0", { extensions: { "acme.geo": "^2" } });
    await home.shell("update", {}, { yes: true });
    expect([version(home, "acme.map"), version(home, "acme.geo")]).toEqual(["2.0.0", "2.0.0"]);
    await home.shell("rollback", { id: "acme.map" });
    expect([version(home, "acme.map"), version(home, "acme.geo"), version(home, "demo.dice")]).toEqual(["1.0.0", "1.0.0", "1.1.0"]);
    await home.shell("update", {}, { yes: true });
    await home.shell("rollback", { id: "acme.geo" });
    expect([version(home, "acme.map"), version(home, "acme.geo")]).toEqual(["1.0.0", "1.0.0"]);
    expect(home.installed.get("acme.geo")?.lock.pinnedBy).toBe("resolver");
  });

  it("let go of what nobody can go back to", async () => {
    const home = await updated();
    expect((await home.shell("prune")).result).toMatchObject({ removed: 0, kept: 1 });
    expect((await home.shell("prune", {}, { all: true })).result).toMatchObject({ removed: 1, kept: 0 });
    expect(await codeOf(home.shell("rollback", { id: "demo.dice" }))).toBe("PLINTH_VERSION_UNKNOWN");
    await home.publish("1.2.0");
    await home.shell("update", {}, { yes: true });
    await home.shell("uninstall", { id: "demo.dice" }, { yes: true });
    expect((await home.shell("prune")).result).toMatchObject({ removed: 0, kept: 0 });
  });

  it("name what came along and nobody needs any more", async () => {
    const home = await openHouse();
    await home.publishAs("acme.cup", "1.0.0", { extensions: { "demo.dice": "^1" } });
    await home.shell("install", { spec: "acme.cup" }, { yes: true });
    const { text } = await home.chat("uninstall acme.cup");
    expect(text).toContain("Nobody needs `demo.dice` any more");
    expect((await home.shell("prune")).result.unneeded).toEqual(["demo.dice"]);
  });
});

describe("pin and unpin", () => {
  it("hold a version in the configuration and let it go", async () => {
    const home = await openHouse();
    await home.shell("install", { spec: "demo.dice" }, { yes: true });
    await home.publish("1.1.0");
    expect(await codeOf(home.chat("pin demo.dice ^2"))).toBe("PLINTH_PINNED");
    await home.chat("pin demo.dice");
    expect(home.hostSays.config).toEqual({ extensions: { "demo.dice": "1.0.0" } });
    expect((await home.shell("update")).result.status).toBe("unchanged");
    await home.chat("unpin demo.dice");
    expect((await home.shell("update")).result.status).toBe("updated");
    expect(await codeOf(home.chat("unpin demo.dice"))).toBe("PLINTH_PINNED");
  });
});

describe("a lock for another host", () => {
  const write = async (home: House, file: string) => {
    const extensions = Object.fromEntries([...home.installed].map(([id, { lock }]) => [id, lock]));
    const text = formatLock({ lockfile: 1, extensions } as unknown as ReturnType<typeof parseLock>);
    await writeFile(file, text);
    return text;
  };
  const elsewhere = (home: House) => openHouse({ config: { registries: [{ name: "sample", url: home.registry }], release: { minimumAgeHours: 0 } } });

  it("is installed to the byte with --frozen, older versions and reasons included", async () => {
    const home = await openHouse();
    await home.publishAs("acme.cup", "1.0.0", { extensions: { "demo.dice": "^1" } });
    await home.shell("install", { spec: "acme.cup" }, { yes: true });
    await home.publish("1.1.0");
    const other = await elsewhere(home);
    const lock = await write(home, join(other.folder, "plinth.lock"));
    const { result } = await other.shell("install", { spec: "plinth.lock" }, { frozen: true });
    expect(result.status).toBe("needs-consent");
    await other.shell("confirm", { code: result.code });
    expect(await write(other, join(other.folder, "again.lock"))).toBe(lock);
    expect((await other.shell("install", { spec: "plinth.lock" }, { frozen: true })).result.status).toBe("unchanged-lock");
  });

  it("fails when the configuration, what is installed or the package's bytes say otherwise", async () => {
    const home = await openHouse();
    await home.shell("install", { spec: "demo.dice" }, { yes: true });
    const other = await elsewhere(home);
    const lock = await write(home, join(other.folder, "plinth.lock"));
    const frozen = () => codeOf(other.shell("install", { spec: "plinth.lock" }, { frozen: true, yes: true }));
    other.hostSays.config = { extensions: { "demo.dice": "^2" } };
    expect(await frozen()).toBe("PLINTH_LOCK_DIFFERS");
    other.hostSays.config = { extensions: { "acme.other": { version: "1.0.0" } } };
    expect(await frozen()).toBe("PLINTH_LOCK_DIFFERS");
    other.hostSays.config = {};
    await writeFile(join(other.folder, "plinth.lock"), lock.replace(/"digest": "..../, '"digest": "0000'));
    expect(await frozen()).toBe("PLINTH_LOCK_DIFFERS");
    expect(other.installed.size).toBe(0);
    await writeFile(join(other.folder, "plinth.lock"), '{ "lockfile": 1, "extensions": {} }');
    await other.shell("install", { spec: "demo.dice" }, { yes: true });
    expect(await frozen()).toBe("PLINTH_LOCK_DIFFERS");
  });

  it("goes with its grants as one document, which is shown before it is believed", async () => {
    const home = await updated();
    await home.shell("grants.limit", { id: "demo.dice" }, { session: "main" });
    await home.shell("export", { file: "set.json" });
    const other = await elsewhere(home);
    await writeFile(join(other.folder, "set.json"), await readFile(join(home.folder, "set.json"), "utf8"));
    const shown = await other.shell("import", { file: "set.json" });
    expect(shown.out).toContain("reach dice.example");
    expect(other.installed.size).toBe(0);
    expect(await codeOf(other.shell("import", { file: "set.json" }, { sha256: "0".repeat(16), yes: true }))).toBe("PLINTH_SET_FILE");
    const [sha256] = shown.confirm?.argv.slice(-2) ?? [];
    await other.shell("import", { file: "set.json" }, { sha256: String(sha256), yes: true });
    expect(version(other, "demo.dice")).toBe("1.1.0");
    expect(other.grants.get("demo.dice")?.scope).toEqual({ session: "main" });
  });
});

describe("info and verify", () => {
  it("tell what a registry knows before anything is installed", async () => {
    const home = await openHouse();
    await home.publish("1.1.0", { permissions: { net: ["dice.example"] } });
    const { text } = await home.chat("info demo.dice", guest);
    expect(text).toContain("connect to dice.example");
    expect(text).toContain(`key ${home.key.keyId}`);
    expect(text).toContain("Install it: `/plugins install demo.dice`");
    expect((await home.shell("info", { id: "demo.dice@1.0.0" })).result).toMatchObject({ version: "1.0.0", asks: ["provide tool dice"] });
  });

  it("find a changed byte in the store", async () => {
    const home = await openHouse();
    await home.shell("install", { spec: "demo.dice" }, { yes: true });
    expect((await home.shell("verify")).exit).toBe(0);
    await writeFile(join(home.storeOf("demo.dice"), "index.js"), "// changed\n");
    const { result, exit } = await home.shell("verify", { id: "demo.dice" }, { offline: true });
    expect(result.verified[0].broken).toMatchObject([{ code: "PLINTH_DIGEST" }]);
    expect(exit).toBe(1);
  });
});
