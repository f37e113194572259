import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateRoleKeys, RegistryTrust } from "@plinth/registry";
import { type RegistryServer, startRegistryServer } from "@plinth/registry/server";
import { createTestHost, type TestHost } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import extension from "../index.ts";
import manifest from "../plinth.json" with { type: "json" };

let base: string;
let registry: RegistryServer;
let host: TestHost;
const open: TestHost[] = [];

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), "plinth-market-")));
  const dir = join(base, "public");
  await mkdir(dir);
  const trust = await RegistryTrust.open(dir, generateRoleKeys(), { origin: "test" });
  registry = await startRegistryServer({ dir, dataDir: join(base, "data"), name: "test", registration: "open", trust });
  host = await author();
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  await registry.close();
  await rm(base, { recursive: true, force: true });
});

/** Somebody with a home of their own. */
async function author(env: Record<string, string> = {}): Promise<TestHost> {
  const made = await createTestHost({ extensions: [{ manifest, extension, env }], principal: { role: "owner", via: "test" } });
  open.push(made);
  return made;
}

async function run(id: string, args: Record<string, string> = {}, options: Record<string, string | boolean> = {}, who = host): Promise<any> {
  const terminal = { cwd: base, json: true, tty: false, columns: 80, color: false, local: true };
  for await (const item of who.use("plinth.cli-command").get(id).run({ args, options, terminal })) if ("result" in item) return item.result;
}

const keyFolder = (who = host) => join(who.home, "state/plinth.author");
const login = (who = host, publisher = "acme") => run("registry.login", { url: registry.url }, { publisher }, who);
async function published(version = "0.1.0"): Promise<any> {
  const { dir } = await run("create", { name: "acme.weather" }, { dir: `weather-${version}` });
  const file = join(dir, "plinth.json");
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace('"0.1.0"', JSON.stringify(version)));
  return run("publish", { package: dir });
}

describe("an account at a registry", () => {
  it("is told how to come by one where nobody is registered without a token, and makes no key for nothing", async () => {
    const dir = join(base, "closed");
    await mkdir(dir);
    const trust = await RegistryTrust.open(dir, generateRoleKeys(), { origin: "test" });
    const closed = await startRegistryServer({ dir, dataDir: join(base, "closed-data"), name: "closed", trust });
    try {
      const failure = run("registry.login", { url: closed.url }, { publisher: "acme" });
      await expect(failure).rejects.toMatchObject({
        code: "PLINTH_UNAUTHENTICATED",
        next: expect.stringMatching(/plinth registry login http:\S+ < token\.txt.*plinth-registry serve … --registration open/),
      });
      expect(await readdir(keyFolder()).catch(() => [])).toEqual([]);
    } finally {
      await closed.close();
    }
    // Now nobody is there at all.
    await expect(run("registry.login", { url: closed.url }, { publisher: "acme" })).rejects.toMatchObject({ code: "PLINTH_REGISTRY_UNREACHABLE" });
    expect(await readdir(keyFolder()).catch(() => [])).toEqual([]);
  });

  it("begins with a publisher's key, is kept where only its owner can read it, and is never shown", async () => {
    const said = await login();
    expect(said).toMatchObject({ user: "acme", registered: "acme", packages: ["acme.*"] });
    const file = join(keyFolder(), "registry-tokens.json");
    const [token] = Object.values(JSON.parse(await readFile(file, "utf8"))) as string[];
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    for (const shown of [said, await run("registry.whoami"), await published()]) expect(JSON.stringify(shown)).not.toContain(token);
    expect((await readdir(keyFolder())).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("ends at logout: the token is refused from then on, wherever it is", async () => {
    await login();
    const [token] = Object.values(JSON.parse(await readFile(join(keyFolder(), "registry-tokens.json"), "utf8"))) as string[];
    expect(await run("registry.logout")).toMatchObject({ revoked: true });
    await expect(run("registry.whoami", { url: registry.url })).rejects.toMatchObject({ code: "PLINTH_TOKEN_MISSING" });
    const copied = await author({ PLINTH_REGISTRY_TOKEN: token!, PLINTH_REGISTRY: registry.url });
    await expect(run("registry.whoami", {}, {}, copied)).rejects.toMatchObject({ code: expect.stringMatching(/^PLINTH_TOKEN/) });
  });

  it("is taken from the environment where there is one, and kept nowhere", async () => {
    await login();
    const [token] = Object.values(JSON.parse(await readFile(join(keyFolder(), "registry-tokens.json"), "utf8"))) as string[];
    const machine = await author({ PLINTH_REGISTRY_TOKEN: token!, PLINTH_REGISTRY: registry.url });
    expect(await run("registry.whoami", {}, {}, machine)).toMatchObject({ user: "acme" });
    expect(await readdir(keyFolder(machine)).catch(() => [])).not.toContain("registry-tokens.json");
  });

  it("is refused when others can read its file, and is never sent unencrypted over a network", async () => {
    await login();
    await chmod(join(keyFolder(), "registry-tokens.json"), 0o644);
    await expect(run("registry.whoami")).rejects.toMatchObject({ code: "PLINTH_TOKEN_FILE" });
    const machine = await author({ PLINTH_REGISTRY_TOKEN: "x" });
    for (const url of ["http://registry.example.com/", "ftp://registry.example.com/", "https://ann:pass@registry.example.com/", "no url"]) {
      await expect(run("registry.login", { url }, {}, machine)).rejects.toMatchObject({
        code: expect.stringMatching(/^PLINTH_REGISTRY_(PLAIN|URL)$/),
      });
    }
  });
});

describe("a version at a registry", () => {
  it("is published, advised against, withdrawn and offered again", async () => {
    await login();
    expect(await published()).toMatchObject({ id: "acme.weather", version: "0.1.0", registry: registry.url });
    const version = { version: "acme.weather@0.1.0" };
    const entry = async () => (await (await fetch(new URL("packages/acme/weather.json", registry.url))).json()).versions[0];
    await run("deprecate", version, { message: "use 2.x" });
    expect(await entry()).toMatchObject({ deprecated: "use 2.x" });
    await run("yank", version, { reason: "loses data" });
    expect(await entry()).toMatchObject({ yanked: "loses data" });
    await run("yank", version, { undo: true });
    await run("deprecate", version, { undo: true });
    expect(await entry()).not.toHaveProperty("yanked");
    expect(await entry()).not.toHaveProperty("deprecated");
  });

  it("is not published by a dry run, which says what the registry would do", async () => {
    await login();
    const { dir } = await run("create", { name: "acme.weather" });
    const shown = await run("publish", { package: dir }, { "dry-run": true });
    expect(shown).toMatchObject({
      dryRun: true,
      powers: ["provide tool weather"],
      findings: [{ capability: "tools", level: "information" }],
      registryWould: { accept: true },
    });
    expect((await fetch(new URL("packages/acme/weather.json", registry.url))).status).toBe(404);
    await run("publish", { package: dir });
    expect((await run("publish", { package: dir }, { "dry-run": true })).registryWould).toMatchObject({
      accept: false,
      code: "PLINTH_VERSION_EXISTS",
    });
    await expect(run("publish", { package: dir })).rejects.toMatchObject({ code: "PLINTH_VERSION_EXISTS" });
  });

  it("is nobody else's to withdraw", async () => {
    await login();
    await published();
    const other = await author();
    await login(other, "other");
    await expect(run("yank", { version: "acme.weather@0.1.0" }, { reason: "x" }, other)).rejects.toMatchObject({
      code: expect.stringMatching(/^PLINTH_(NOT_OWNER|TOKEN_SCOPE)$/),
    });
  });
});

describe("a publisher at a registry", () => {
  it("shares the name with others, and takes it back", async () => {
    await login();
    // A name that nobody has here yet cannot be given a right: whoever came next would have it.
    await expect(run("owner.add", { publisher: "acme", user: "ann" })).rejects.toMatchObject({ code: "PLINTH_USER_UNKNOWN" });
    await registry.api.tokens.create({ user: "ann", label: "test", scopes: ["publish"], packages: ["*"], days: 1 });
    expect(await run("owner.add", { publisher: "acme", user: "ann" })).toMatchObject({ owners: expect.arrayContaining(["acme", "ann"]) });
    expect(await run("owner.list", { publisher: "acme" })).toMatchObject({ owners: expect.arrayContaining(["ann"]) });
    expect(await run("owner.remove", { publisher: "acme", user: "ann" })).toMatchObject({ owners: ["acme"] });
    await expect(run("owner.remove", { publisher: "acme", user: "acme" })).rejects.toMatchObject({ code: "PLINTH_LAST_OWNER" });
  });

  it("changes its key: the new one publishes, the old one does not", async () => {
    await login();
    await published();
    const { keyId, replaced, kept, file } = await run("key.rotate", { publisher: "acme" });
    expect(keyId).not.toBe(replaced);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const { dir } = await run("create", { name: "acme.rain" });
    await expect(run("publish", { package: dir }, { key: kept })).rejects.toMatchObject({ code: expect.stringMatching(/^PLINTH_/) });
    expect(await run("publish", { package: dir })).toMatchObject({ keyId });
  });
});
