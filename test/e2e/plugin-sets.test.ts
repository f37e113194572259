import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { markVersion, packFiles, publishRemotely } from "@plinth/registry";
import { afterEach, expect, it } from "vitest";
import { startTestRegistry, stopTestRegistries } from "../../registry/server/server.testing.ts";
import { cleanUp, newHome, type Outcome, plinth, startGateway } from "./lab.ts";

afterEach(async () => {
  await cleanUp();
  await stopTestRegistries();
});

const CODE = "export default { plinth: 1, start: async () => ({ stop() {} }) };\n";

async function openMarket() {
  const registry = await startTestRegistry();
  const key = await registry.publisher("acme", "ann");
  const remote = registry.remote(await registry.token("ann"));
  const publish = async (id: string, version: string, more: object = {}) => {
    const manifest = {
      id,
      version,
      title: id,
      description: "For a test.",
      license: "MIT",
      engines: { plinth: "^0.1.0" },
      entry: "./index.js",
      ...more,
    };
    await publishRemotely(
      remote,
      await packFiles([
        ["plinth.json", JSON.stringify(manifest)],
        ["index.js", `${CODE}// ${version}\n`],
      ]),
      key,
    );
  };
  await publish("acme.geo", "1.0.0");
  await publish("acme.map", "1.0.0", { extensions: { "acme.geo": "^1" } });
  return { url: registry.url, publish, yank: (id: string, version: string) => markVersion(remote, id, version, { yank: "It forgets places" }) };
}

const versionsIn = async (home: string): Promise<Record<string, string>> => {
  const { extensions } = JSON.parse(await readFile(join(home, "plinth.lock"), "utf8")) as { extensions: Record<string, { version: string }> };
  return Object.fromEntries(Object.entries(extensions).map(([id, { version }]) => [id, version]));
};
const codeIn = ({ stdout }: Outcome): string => /confirm ([2-9A-Z]{8})/.exec(stdout)?.[1] ?? "none";

it("a set is installed from a registry over HTTP in a conversation, updated with a widened permission, gone back from, and removed", async () => {
  const market = await openMarket();
  const home = await newHome();
  await startGateway(home, { PLINTH_REGISTRY: market.url });
  const say = (text: string) => plinth(home, ["agent", "-m", text]);

  const asked = await say("/plugins install acme.map");
  expect(asked.stdout).toContain("With it comes 1 extension");
  expect(asked.stdout).toContain("acme.map 1.0.0 needs acme.geo ^1");
  expect((await say(`/plugins confirm ${codeIn(asked)}`)).stdout).toContain("installed and ready");
  expect(await versionsIn(home)).toEqual({ "acme.geo": "1.0.0", "acme.map": "1.0.0" });

  await market.publish("acme.geo", "1.1.0", { permissions: { net: ["maps.example"] } });
  const widened = await say("/plugins update");
  expect(widened.stdout).toContain("connect to maps.example");
  expect(await versionsIn(home)).toEqual({ "acme.geo": "1.0.0", "acme.map": "1.0.0" });
  await say(`/plugins confirm ${codeIn(widened)}`);
  expect(await versionsIn(home)).toEqual({ "acme.geo": "1.1.0", "acme.map": "1.0.0" });

  const before = await readFile(join(home, "plinth.lock"), "utf8");
  expect((await say("/plugins rollback acme.geo")).stdout).toContain("in place of 1.1.0");
  expect(await versionsIn(home)).toEqual({ "acme.geo": "1.0.0", "acme.map": "1.0.0" });
  const verified = await plinth(home, ["plugins", "verify", "--json"]);
  expect(verified.code, verified.stdout).toBe(0);

  await market.yank("acme.geo", "1.1.0");
  expect((await say("/plugins rollback acme.geo 1.1.0")).stdout).not.toContain("installed and ready");
  expect(await versionsIn(home)).toEqual({ "acme.geo": "1.0.0", "acme.map": "1.0.0" });

  // A lockfile is the way to what it names, on another host and although it was withdrawn since.
  const other = await newHome();
  await writeFile(join(other, "plinth.lock"), before);
  const frozen = await plinth(other, ["plugins", "install", "--frozen", "--yes"], { PLINTH_REGISTRY: market.url });
  expect(frozen.code, frozen.stderr).toBe(0);
  expect(await readFile(join(other, "plinth.lock"), "utf8")).toBe(before);

  for (const id of ["acme.map", "acme.geo"]) await say(`/plugins uninstall ${id}`);
  expect(await versionsIn(home)).toEqual({});
});

it("what the configuration names is installed when the gateway starts, and a failure is told", async () => {
  const market = await openMarket();
  const home = await newHome();
  const extensions = {
    "acme.map": { version: "1.0.0", grants: {} },
    "acme.geo": { version: "^1", grants: {} },
    "acme.none": { version: "1.0.0", grants: {} },
  };
  await writeFile(join(home, "plinth.json"), JSON.stringify({ extensions }));
  const gateway = await startGateway(home, { PLINTH_REGISTRY: market.url });
  await expect.poll(() => versionsIn(home).catch(() => ({})), { timeout: 20_000 }).toEqual({ "acme.geo": "1.0.0", "acme.map": "1.0.0" });
  await expect.poll(() => gateway.stderr(), { timeout: 20_000 }).toContain("acme.none");
  const doctor = await plinth(home, ["plugins", "doctor", "acme.none"]);
  expect(doctor.code).toBe(1);
  expect(doctor.stdout).toContain("is named in the configuration and not installed");
});
