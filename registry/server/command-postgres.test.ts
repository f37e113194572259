import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { publishRemotely, registerPublisher, whoAmI } from "../remote-publish.ts";
import { testKey, testTarball } from "../test-package.ts";
import { stopTestCommands, testCommand } from "./command.testing.ts";
import { PASSWORD } from "./storage/postgres.testing.ts";
import { onPostgres, removePlaces } from "./storage/storages.testing.ts";

afterEach(stopTestCommands);
afterAll(removePlaces);

describe.skipIf(onPostgres.length === 0)("plinth-registry on Postgres", () => {
  const place = () => onPostgres[0]!.place();

  it("publishes, searches and limits, and has its tokens and packages after a restart", async () => {
    const { database } = await place();
    const { base, run, serve } = await testCommand({ PLINTH_REGISTRY_DATABASE: database! });
    const made = JSON.parse((await run("init", "--json")).out);
    const first = await serve();
    await registerPublisher({ url: first.url, token: made.token }, testKey());
    await publishRemotely({ url: first.url, token: made.token }, await testTarball("demo.weather", "1.0.0"), testKey());
    const found = await (await fetch(new URL("api/v1/search?q=weath", first.url))).json();
    expect(found).toMatchObject({ total: 1, packages: [{ id: "demo.weather", version: "1.0.0" }] });
    const gone = once(first.child, "exit");
    first.child.kill("SIGTERM");
    expect(await gone).toEqual([0, null]);

    const again = await serve("--reads", "3");
    expect(await (await fetch(new URL("api/v1/search?q=weath", again.url))).json()).toEqual(found);
    expect(await whoAmI({ url: again.url, token: made.token })).toMatchObject({ user: "admin" });
    expect((await run("token", "list")).out).toContain("first token");
    const reads = [];
    for (let index = 0; index < 4; index++) reads.push((await fetch(new URL("packages/demo/weather.json", again.url))).status);
    expect(reads.at(-1)).toBe(429);
    expect(reads[0]).toBe(200);
    expect(existsSync(join(base, "registry-data/registry.sqlite"))).toBe(false);
    expect(first.output() + again.output()).not.toContain(PASSWORD);
  });

  it("says what is wrong with the database's address, and nothing of the password", async () => {
    const { database } = await place();
    const { run } = await testCommand();
    await run("init");
    for (const [address, reason] of [
      [database!.replace(PASSWORD, `${PASSWORD}-wrong`), "refuses the password"],
      [database!.replace("/registry_", "/nothing_"), "no such database"],
      [`postgres://plinth:${PASSWORD}@127.0.0.1:1/x`, "nothing listens"],
      [`postgres://plinth:${PASSWORD}/@:::/x`, "ERR_INVALID_URL"],
      [`mysql://plinth:${PASSWORD}@127.0.0.1/x`, "postgres://"],
    ] as const) {
      const { code, out, err } = await run("token", "list", "--database", address);
      expect([code, err]).toEqual([1, expect.stringContaining(reason)]);
      expect(err).toMatch(/^error PLINTH_REGISTRY_DATABASE: .+\nnext: .+/);
      expect(out + err).not.toContain(PASSWORD);
    }
  });
});
