import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { codeOf, guest, openHouse } from "../manager.testing.ts";
import { readDocument } from "./document.ts";

async function house(install = true) {
  const home = await openHouse();
  await home.publish("1.1.0", { permissions: { net: ["api.example.com"] } });
  if (install) await home.shell("install", { spec: "demo.dice" }, { yes: true });
  return home;
}

describe("grants list and show", () => {
  it("tell what holds where and until when, to everybody with an identity", async () => {
    const home = await house();
    await home.shell("grants.limit", { id: "demo.dice" }, { session: "main", expires: "7d" });
    const { out, result } = await home.shell("grants.list", {}, {}, guest);
    expect(out).toMatch(/^ID +VERSION +HOLDS IN +HOW LONG\ndemo\.dice +1\.1\.0 +session main +until \d{4}-/);
    expect(result.grants).toEqual([{ id: "demo.dice", grant: home.grants.get("demo.dice") }]);
    expect((await home.chat("grants", guest)).text).toContain("`demo.dice` · 1.1.0 · session main");
    expect((await home.chat("grants show demo.dice", guest)).text).toContain("reach api.example.com");
    expect(await home.api("grants.show", { id: "demo.dice" })).toMatchObject({ id: "demo.dice", grant: { version: "1.1.0" } });
  });

  it("name no condition that is met: what was chosen is chosen", async () => {
    const home = await house();
    const ask =
      "answer in place of your model and decide which tools are called, and see everything that you write, once you chose it (model-provider x)";
    const grant = home.grants.get("demo.dice")!;
    home.grants.set("demo.dice", { ...grant, asks: [ask] });
    const shown = async () => (await home.chat("grants show demo.dice")).text;
    expect(await shown()).toContain("once you chose it");
    home.grants.set("demo.dice", { ...grant, asks: [ask], chosen: ["plinth.model-provider"] });
    expect(await shown()).toContain("see everything that you write (model-provider x)");
  });

  it("say why there is none", async () => {
    const home = await house(false);
    expect((await home.chat("grants list")).text).toContain("Nothing is granted");
    expect(await codeOf(home.shell("grants.show", { id: "plinth.plugins" }))).toBe("PLINTH_BUNDLED");
    expect(await codeOf(home.shell("grants.show", { id: "acme.gone" }))).toBe("PLINTH_NOT_INSTALLED");
    await expect(home.chat("grants frobnicate")).rejects.toMatchObject({ code: "PLINTH_USAGE", next: expect.stringContaining("grants revoke") });
  });
});

describe("grants pin", () => {
  it("shows the program's bytes, pins them for secrets that are declared, is exported, and is taken back", async () => {
    const home = await house(false);
    await home.publish("1.2.0", { permissions: { exec: ["sh"], secrets: ["KEY"] } });
    await home.shell("install", { spec: "demo.dice" }, { yes: true });
    const pin = (options: Record<string, string | boolean>, program = "sh") => home.shell("grants.pin", { id: "demo.dice", program }, options);
    expect(await codeOf(pin({ secret: "OTHER" }))).toBe("PLINTH_USAGE");
    expect(await codeOf(pin({ secret: "KEY" }, "no-such-program"))).toBe("PLINTH_USAGE");
    const { out, confirm } = await pin({ secret: "KEY" });
    const sha256 = /[0-9a-f]{64}/.exec(out)?.[0];
    expect(out.replace(/\s+/g, " ")).toContain("demo.dice sees it too if the program shows it");
    expect(confirm?.argv).toEqual(["grants", "pin", "demo.dice", "/usr/bin/sh", "--secret", "KEY", "--sha256", sha256, "--yes"]);
    expect(home.grants.get("demo.dice")?.pins).toBeUndefined();
    expect(await codeOf(pin({ secret: "KEY", sha256: "0".repeat(64), yes: true }))).toBe("PLINTH_USAGE");
    await pin({ secret: "KEY", sha256: sha256!, yes: true });
    expect(home.grants.get("demo.dice")?.pins).toEqual([{ program: "/usr/bin/sh", sha256, secrets: ["KEY"] }]);
    const { out: exported } = await home.shell("grants.export");
    expect(readDocument(exported, "it").grants["demo.dice"]?.pins).toHaveLength(1);
    expect(await codeOf(pin({ secret: "OTHER=KEY" }))).toBe("PLINTH_USAGE");
    expect(await codeOf(pin({ secret: "KEY=1" }))).toBe("PLINTH_USAGE");
    const asked = await pin({ secret: "KEY=APP_KEY" });
    expect(asked.out.replace(/\s+/g, " ")).toContain("Let `demo.dice` hand `KEY` as `APP_KEY` to `/usr/bin/sh`, ");
    await pin({ secret: "KEY=APP_KEY", yes: true });
    expect(home.grants.get("demo.dice")?.pins).toEqual([{ program: "/usr/bin/sh", sha256, secrets: ["KEY=APP_KEY"] }]);
    expect((await home.shell("grants.show", { id: "demo.dice" })).out).toMatch(/Pinned +\/usr\/bin\/sh for .?KEY.? as .?APP_KEY/);
    await pin({ not: true });
    expect(home.grants.get("demo.dice")?.pins).toEqual([]);
  });
});

describe("grants limit", () => {
  it("narrows to a session, to an agent, to a time, and takes either away again", async () => {
    const home = await house();
    const limit = async (options: Record<string, string | boolean>) => {
      await home.shell("grants.limit", { id: "demo.dice" }, options);
      const { scope, expiresAt } = home.grants.get("demo.dice")!;
      return { scope, hours: expiresAt === undefined ? undefined : Math.round((expiresAt - Date.now()) / 3_600_000) };
    };
    expect(await limit({ session: "main" })).toEqual({ scope: { session: "main" }, hours: undefined });
    expect(await limit({ expires: "12h" })).toEqual({ scope: { session: "main" }, hours: 12 });
    expect(await limit({ agent: "scout", session: "trip" })).toEqual({ scope: { agent: "scout", session: "trip" }, hours: 12 });
    expect(await limit({ everywhere: true })).toEqual({ scope: undefined, hours: 12 });
    expect(await limit({ expires: "never" })).toEqual({ scope: undefined, hours: undefined });
    expect((await home.chat("grants limit demo.dice --session main")).text).toBe(
      "The grant of `demo.dice` holds in `session main` now, until it is revoked. Other calls of it are refused.",
    );
  });

  it.each([
    [{}],
    [{ everywhere: true, session: "main" }],
    [{ session: "" }],
    [{ expires: "soon" }],
    [{ expires: "2001-01-01" }],
    [{ expires: "0h" }],
    [{ expires: "99999w" }],
  ] as Record<string, string | boolean>[][])("refuses %j and changes nothing", async (options = {}) => {
    const home = await house();
    await expect(home.shell("grants.limit", { id: "demo.dice" }, options)).rejects.toMatchObject({ code: "PLINTH_USAGE", next: expect.any(String) });
    expect(home.calls.map(({ method }) => method)).toEqual(["install"]);
  });
});

it("grants revoke takes it away at once and says how to consent again", async () => {
  const home = await house();
  const { text } = await home.chat("grants revoke demo.dice");
  expect(home.calls.at(-1)).toEqual({ method: "revoke", input: { id: "demo.dice" } });
  expect(text).toContain("Consent again: `/plugins install registry:demo.dice@1.1.0`");
  expect(await codeOf(home.chat("grants revoke demo.dice"))).toBe("PLINTH_CONSENT_NEEDED");
});

describe("grants export", () => {
  it("prints JSON with a format, a version and the digests, or writes it to a new file of the owner's", async () => {
    const home = await house();
    const { out, result } = await home.shell("grants.export");
    expect(JSON.parse(out)).toEqual(result);
    expect(result).toMatchObject({
      format: "plinth-grants",
      version: 1,
      grants: { "demo.dice": { digest: expect.stringMatching(/^[0-9a-f]{128}$/) } },
    });
    const told = await home.shell("grants.export", { file: "grants.json" });
    const file = join(home.folder, "grants.json");
    expect(told.result).toEqual({ file, exported: ["demo.dice"] });
    expect(JSON.parse(await readFile(file, "utf8")).grants).toEqual(result.grants);
    expect((await stat(file)).mode & 0o077).toBe(0);
    expect(await codeOf(home.shell("grants.export", { file: "grants.json" }))).toBe("PLINTH_GRANTS_FILE");
  });
});

describe("grants import", () => {
  async function exported(change: (grants: Record<string, any>) => void = () => {}) {
    const home = await house();
    await home.shell("grants.export", { file: "grants.json" });
    const file = join(home.folder, "grants.json");
    const document = JSON.parse(await readFile(file, "utf8"));
    change(document.grants);
    await writeFile(file, JSON.stringify(document));
    const importing = (options: Record<string, string | boolean> = {}) => home.shell("grants.import", { file: "grants.json" }, options);
    return { home, file, document, importing };
  }

  it("shows what would be put in force, asks, and does exactly what was shown", async () => {
    const { home, file, document, importing } = await exported();
    home.grants.clear();
    const asked = await importing();
    expect(asked.result.status).toBe("needs-confirmation");
    expect(asked.out).toContain("reach api.example.com");
    expect(home.grants.size).toBe(0);
    const [, , , , hash, ...rest] = asked.confirm!.argv;
    expect(rest).toEqual(["--yes"]);
    await writeFile(file, JSON.stringify({ ...document, exportedAt: "later" }));
    expect(await codeOf(importing({ sha256: hash!, yes: true }))).toBe("PLINTH_GRANTS_FILE");
    await writeFile(file, JSON.stringify(document));
    const done = await importing({ sha256: hash!, yes: true });
    expect(done.result).toMatchObject({ status: "imported", accepted: [{ id: "demo.dice" }], skipped: [] });
    expect(home.grants.get("demo.dice")).toEqual(document.grants["demo.dice"]);
  });

  it("takes the words from the package, never from the file", async () => {
    const { home, importing } = await exported((grants) => (grants["demo.dice"].asks = ["do nothing at all"]));
    expect((await importing()).out).toContain("reach api.example.com");
    await importing({ yes: true });
    expect(home.grants.get("demo.dice")?.asks).toEqual(["reach api.example.com"]);
  });

  it.each([
    ["what is not installed", (grants: any) => (grants["acme.gone"] = grants["demo.dice"]), "acme.gone: it is not installed here"],
    ["other bytes", (grants: any) => (grants["demo.dice"].digest = "0".repeat(128)), "other bytes are installed here, version 1.1.0"],
    ["a wider consent", (grants: any) => (grants["demo.dice"].consent = "0".repeat(64)), "the consent was for other permissions"],
    ["what has ended", (grants: any) => (grants["demo.dice"].expiresAt = 1_000), "it ended at 1970-01-01"],
    ["the product's own", (grants: any) => (grants["plinth.plugins"] = grants["demo.dice"]), "it belongs to the product"],
  ])("leaves out %s and says so", async (_name, change, why) => {
    const { importing } = await exported(change);
    expect((await importing()).out.replace(/\s+/g, " ")).toContain(why);
  });

  it("says when it would lift a limit that holds here", async () => {
    const { home, importing } = await exported();
    await home.shell("grants.limit", { id: "demo.dice" }, { session: "main", expires: "1h" });
    expect((await importing()).out.replace(/\s+/g, " ")).toMatch(/lifts a limit that holds here now: session main, until 2/);
  });

  it.each([
    ["no JSON", "grants", "it is not JSON"],
    ["another format", '{"format":"x"}', "its format is another one"],
    ["a later version", '{"format":"plinth-grants","version":2,"grants":{}}', "its version is 2"],
    ["an id that is none", '{"format":"plinth-grants","version":1,"grants":{"../x":{}}}', "is no grant"],
    ["half a grant", '{"format":"plinth-grants","version":1,"grants":{"demo.dice":{"consent":"00"}}}', "is no grant"],
  ])("refuses a file with %s as a whole", async (_name, text, why) => {
    const { home, file, importing } = await exported();
    await writeFile(file, text);
    await expect(importing({ yes: true })).rejects.toMatchObject({ code: "PLINTH_GRANTS_FILE", message: expect.stringContaining(why) });
    expect(home.calls.map(({ method }) => method)).toEqual(["install"]);
  });

  it("refuses what is no file", async () => {
    const home = await house();
    for (const file of [".", "gone.json"]) expect(await codeOf(home.shell("grants.import", { file }))).toBe("PLINTH_GRANTS_FILE");
  });
});
