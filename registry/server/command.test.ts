import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RegistryClient } from "../client.ts";
import { publishRemotely, registerPublisher, whoAmI } from "../remote-publish.ts";
import { memoryPins, testKey, testTarball } from "../test-package.ts";
import { stopTestCommands, type TestCommand, testCommand } from "./command.testing.ts";

let base: string;
let run: TestCommand["run"];
let serve: TestCommand["serve"];

beforeEach(async () => {
  ({ base, run, serve } = await testCommand());
});
afterEach(stopTestCommands);

describe("plinth-registry", () => {
  it("makes a registry, serves it, takes a package that every client can verify, and stops when told to", async () => {
    const made = JSON.parse((await run("init", "--name", "example", "--json")).out);
    expect(made.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    const { child, url } = await serve();
    const remote = { url, token: made.token };
    expect(await whoAmI(remote)).toMatchObject({ user: "admin" });
    await registerPublisher(remote, testKey());
    await publishRemotely(remote, await testTarball(), testKey());
    const entry = (await (await fetch(new URL("packages/demo/weather.json", url))).json()).versions[0];
    expect(entry.log).toEqual({ index: expect.any(Number), at: expect.any(String) });
    for (const path of ["trust/timestamp.json", "log/checkpoint", "keys/demo.json"]) {
      expect([path, (await fetch(new URL(path, url))).status]).toEqual([path, 200]);
    }
    expect(await (await fetch(new URL("package/demo.weather", url))).text()).toContain("registry's log");
    const gone = once(child, "exit");
    child.kill("SIGTERM");
    expect(await gone).toEqual([0, null]);
    expect(existsSync(join(base, "registry/search.json"))).toBe(true);
    // Whoever has the folder alone has the registry.
    const client = new RegistryClient({ name: "folder", url: join(base, "registry"), pins: memoryPins() });
    expect((await client.search("weather"))[0]!.id).toBe("demo.weather");
  });

  it("loses nothing that it confirmed when it is killed", async () => {
    const made = JSON.parse((await run("init", "--json")).out);
    const { child, url } = await serve();
    const remote = { url, token: made.token };
    await registerPublisher(remote, testKey());
    const confirmed: string[] = [];
    const publishing = Promise.allSettled(
      Array.from({ length: 30 }, async (_, index) => {
        await publishRemotely(remote, await testTarball("demo.weather", `1.0.${index}`), testKey());
        confirmed.push(`1.0.${index}`);
      }),
    );
    await expect.poll(() => confirmed.length, { timeout: 60_000 }).toBeGreaterThan(4);
    child.kill("SIGKILL");
    await publishing;
    const again = await serve();
    const index = await (await fetch(new URL("packages/demo/weather.json", again.url))).json();
    const found = index.versions.map(({ version }: { version: string }) => version);
    expect(confirmed.filter((version) => !found.includes(version))).toEqual([]);
    const newest = await (await fetch(new URL("api/v1/search?q=weather", again.url))).json();
    expect(newest.packages[0].version).toBe(index.tags.latest);
    // What was under way goes on where it was.
    await publishRemotely({ ...remote, url: again.url }, await testTarball("demo.weather", "2.0.0"), testKey());
  }, 120_000);

  it("makes, lists and revokes tokens", async () => {
    await run("init");
    const { out } = await run("token", "create", "--user", "ann", "--for", "demo.*", "--days", "1", "--json");
    const { token, secret } = JSON.parse(out);
    const { url } = await serve();
    expect(await whoAmI({ url, token: secret })).toMatchObject({ user: "ann", packages: ["demo.*"] });
    const { out: list } = await run("token", "list");
    expect(list).toContain(token.id);
    expect(list).not.toContain(secret.slice(21));
    expect((await run("token", "revoke", token.id)).code).toBe(0);
    await expect(whoAmI({ url, token: secret })).rejects.toMatchObject({ code: "PLINTH_TOKEN_REVOKED" });
    expect((await run("token", "revoke", token.id)).code).toBe(1);
  });

  it("ends with a token what was made from it, keeps names for their users, and mends a damaged feed while it is served", async () => {
    const { token: admin } = JSON.parse((await run("init", "--name", "example", "--json")).out);
    const { url, child } = await serve("--registration", "open");
    const call = async (method: string, path: string, bearer: string, body?: unknown) => {
      const headers = { authorization: `Bearer ${bearer}`, "content-type": "application/json" };
      return (await fetch(new URL(`api/v1/${path}`, url), { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })).json();
    };
    const made = await call("POST", "tokens", admin, { label: "ci", scopes: ["publish"], packages: ["demo.*"] });
    const id = admin.slice(4, 20);
    await registerPublisher({ url, token: admin }, testKey());
    await run("owner", "add", "demo", "ann");
    await expect(registerPublisher({ url }, testKey("ann"))).rejects.toMatchObject({ code: "PLINTH_PUBLISHER_TAKEN" });
    const advisory = { package: "demo.weather", affected: "<2", severity: "high", title: "It leaks", action: "warn" };
    for (const name of ["PSA-1", "PSA-2"]) expect(await call("PUT", `moderation/advisories/${name}`, admin, advisory)).toEqual({ done: true });
    const feed = join(base, "registry/advisories.json");
    await writeFile(feed, (await readFile(feed, "utf8")).replace('"title": "It leaks"', '"title": "It leaks", "summary": "x"'));
    await publishRemotely({ url, token: admin }, await testTarball(), testKey());
    expect(JSON.parse((await run("repair", "--json")).out)).toEqual({ repaired: true, lost: ["PSA-1"], damaged: [] });
    const client = new RegistryClient({ name: "folder", url: join(base, "registry"), pins: memoryPins() });
    expect((await client.advisories())!.advisories.map((one) => one.id)).toEqual(["PSA-2"]);
    expect((await run("repair")).out).toContain("nothing to mend");
    expect(JSON.parse((await run("token", "revoke", id, "--json")).out)).toEqual({ revoked: id, with: [made.token.id] });
    expect(await call("GET", "session", made.secret)).toMatchObject({ code: "PLINTH_TOKEN_REVOKED" });
    expect((await run("token", "list")).out).toMatch(new RegExp(`${made.token.id}  ${id} .*revoked`));
    child.kill("SIGTERM");
  }, 120_000);

  it("explains itself with examples, without colour when asked for none", async () => {
    const { code, out } = await run("--help");
    expect(code).toBe(0);
    expect(out).toContain("plinth-registry serve --dir /srv/registry");
    expect(out).not.toContain("\u001b");
    expect((await run("token", "create", "--help")).out).toContain("--user");
  });

  it.each([
    [["fly"], 2, "PLINTH_USAGE"],
    [["serve", "--colour"], 2, "PLINTH_USAGE"],
    [["token", "create"], 2, "PLINTH_USAGE"],
    [["token", "create", "--user", "ann", "--scope", "all"], 2, "PLINTH_USAGE"],
    [["token", "create", "--user", "../ann"], 2, "PLINTH_USAGE"],
    [["owner", "add", "demo", "Ann"], 2, "PLINTH_USAGE"],
    [["token", "list"], 1, "PLINTH_REGISTRY_UNREACHABLE"],
  ])("says what is wrong with %j", async (args, status, code) => {
    const { code: exit, err, out } = await run(...args, "--json");
    expect([exit, JSON.parse(out).error.code]).toEqual([status, code]);
    expect(err).toMatch(/^error PLINTH_[A-Z_]+: .+\nnext: .+/m);
  });
});
