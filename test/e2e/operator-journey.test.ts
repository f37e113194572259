import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { afterEach, expect, it } from "vitest";
import { cleanUp, connect, newHome, plinth, root, sleep, startGateway } from "./lab.ts";

afterEach(cleanUp);

it("an operator limits, revokes, carries over, audits, examines and watches what an extension may do", async () => {
  const home = await newHome();
  const dir = await demo(home);
  const client = await connect(await startGateway(home));
  const shell = async (...args: string[]) => {
    const outcome = await plinth(home, [...args, "--json"]);
    return { ...outcome, result: JSON.parse(outcome.stdout) };
  };
  const codeOf = (method: string) =>
    client.request(method).then(
      () => "none",
      (thrown) => thrown.code,
    );
  expect((await plinth(home, ["plugins", "install", dir, "--yes"])).code).toBe(0);

  // Granted everywhere, then for one session only: elsewhere it is refused, and not offered.
  expect((await shell("grants", "list")).result.grants).toMatchObject([{ id: "test.errand", grant: { version: "1.0.0" } }]);
  expect(await codeOf("errand.run")).toBe("none");
  expect(await codeOf("errand.stray")).toBe("PLINTH_PERMISSION");
  const errandIn = async (session: string) => (await client.turn("go for an errand", session)).at(-1).text;
  expect(await errandIn("other")).toContain("errand is done");
  expect((await shell("grants", "limit", "test.errand", "--session", "main", "--expires", "7d")).result.grant.scope).toEqual({ session: "main" });
  expect(await codeOf("errand.run")).toBe("PLINTH_GRANT_SCOPE");
  expect(await errandIn("main")).toContain("errand is done");
  expect(await errandIn("other")).not.toContain("errand");
  const shown = (await plinth(home, ["plugins", "inspect", "test.errand"])).stdout;
  expect(shown).toMatch(/Grant +holds in session main only, until/);

  // What it does and costs.
  const { result: tick } = await shell("top", "--once");
  expect(tick.host).toMatchObject({ pid: expect.any(Number), memory: { rss: expect.any(Number) } });
  expect(tick.extensions.find(({ id }: { id: string }) => id === "test.errand")).toMatchObject({ state: "active", tier: "isolate", bundled: false });
  const printed = (await plinth(home, ["top", "--once"])).stdout;
  expect(printed).toMatch(/^test\.errand +isol +active/m);

  // Revoked while a call runs: the call ends with its code, the extension waits for consent.
  const file = join(home, "exported.json");
  expect((await shell("grants", "limit", "test.errand", "--everywhere")).code).toBe(0);
  expect((await shell("grants", "export", file)).result.exported).toEqual(["test.errand"]);
  const waiting = codeOf("errand.wait");
  await until(async () => (await client.request("host.usage")).extensions.some((one: any) => one.id === "test.errand" && one.inFlight > 0));
  expect((await shell("grants", "revoke", "test.errand")).code).toBe(0);
  expect(await waiting).toBe("PLINTH_GRANT_REVOKED");
  expect((await shell("grants", "list")).result.grants).toEqual([]);
  const sick = await plinth(home, ["plugins", "doctor", "test.errand"]);
  expect(sick).toMatchObject({ code: 1, stdout: expect.stringContaining("waits for consent") });
  expect(sick.stdout).toContain(`plinth plugins install folder:${dir}`);

  // What it tried is on record.
  const refused = async () => (await shell("audit", "--denied", "--extension", "test.errand")).result.records;
  await until(async () => (await refused()).length > 0);
  expect(await refused()).toContainEqual(
    expect.objectContaining({ kind: "net", allowed: false, code: "PLINTH_PERMISSION", what: "GET https://example.com/" }),
  );
  expect((await plinth(home, ["audit", "--denied", "--since", "1h"])).stdout).toMatch(/refused +test\.errand/);

  // Put in force again here by what was exported; on another host only for the same bytes.
  const asked = await shell("grants", "import", file);
  expect(asked.result).toMatchObject({ status: "needs-confirmation", accepted: [{ id: "test.errand" }], skipped: [] });
  expect(await codeOf("errand.run")).not.toBe("none");
  expect((await shell("grants", "import", file, "--yes")).result.status).toBe("imported");
  expect(await codeOf("errand.run")).toBe("none");
  expect((await plinth(home, ["plugins", "doctor", "test.errand"])).code).toBe(0);

  const second = await newHome();
  const there = async () => JSON.parse((await plinth(second, ["grants", "import", file, "--yes", "--json"])).stdout);
  expect(await there()).toMatchObject({ status: "nothing", skipped: [{ id: "test.errand", why: "it is not installed here" }] });
  expect((await plinth(second, ["plugins", "install", dir, "--yes"])).code).toBe(0);
  expect((await plinth(second, ["grants", "revoke", "test.errand"])).code).toBe(0);
  expect(await there()).toMatchObject({ status: "imported", accepted: [{ id: "test.errand" }], skipped: [] });
  expect((await plinth(second, ["plugins", "doctor", "test.errand"])).code).toBe(0);
  expect((await plinth(second, ["plugins", "install", await demo(second, "1.1.0"), "--yes"])).code).toBe(0);
  expect(await there()).toMatchObject({ status: "nothing", skipped: [{ why: "other bytes are installed here, version 1.1.0" }] });
}, 180_000);

/** A package with a tool and methods: one that answers, one that asks for what it has not, one that never ends. */
async function demo(home: string, version = "1.0.0"): Promise<string> {
  const dir = join(home, `errand-${version}`);
  await mkdir(dir);
  const contents = `
    import { defineExtension } from "@plinth/sdk";
    export default defineExtension({
      activate(ctx) {
        ctx.provide("plinth.tool", "errand", { call: () => ({ content: [{ type: "text", text: "The errand is done." }] }) });
        ctx.provide("plinth.gateway-method", "errand.run", { call: () => ({ version: ${JSON.stringify(version)} }) });
        ctx.provide("plinth.gateway-method", "errand.stray", { call: () => ctx.fetch("https://example.com/") });
        ctx.provide("plinth.gateway-method", "errand.wait", { call: () => ctx.clock.sleep(60_000) });
      },
    });`;
  await build({
    stdin: { contents, resolveDir: root, loader: "ts" },
    outfile: join(dir, "index.js"),
    bundle: true,
    format: "esm",
    logLevel: "error",
  });
  const method = (id: string) => ({ contract: "plinth.gateway-method", version: "1.0.0", id, descriptor: { summary: "An errand", scope: "owner" } });
  const tool = { description: "Runs an errand.", input: { type: "object" }, effects: [], say: ["go for an errand"] };
  const manifest = {
    id: "test.errand",
    version,
    title: "Errand",
    description: "Made by a test.",
    engines: { plinth: "^0.1.0" },
    entry: "./index.js",
    provides: [
      { contract: "plinth.tool", version: "1.0.0", id: "errand", descriptor: tool },
      method("errand.run"),
      method("errand.stray"),
      method("errand.wait"),
    ],
  };
  await writeFile(join(dir, "plinth.json"), JSON.stringify(manifest));
  return dir;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await holds()) return;
    await sleep(50);
  }
  throw new Error("it never came to that");
}
