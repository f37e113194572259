import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { integrityOf, packDirectory, packFiles } from "@plinth/registry";
import { createTestHost, type TestHost } from "@plinth/sdk/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { hasVerdaccio, Verdaccio } from "../../../test/peers/verdaccio.testing.ts";
import manager from "../manager/index.ts";
import managerManifest from "../manager/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

/** Real packages of others, as they are on npm. */
const THIRD_PARTY = ["semver", "ws", "tapable", "json5", "pino"];

let into: string;
let host: TestHost;
const open = async (registry: string): Promise<void> => {
  into = await mkdtemp(join(tmpdir(), "plinth-npm-"));
  host = await createTestHost({
    extensions: [
      { manifest: manifest as never, extension, config: { registry } },
      { manifest: managerManifest as never, extension: manager },
    ],
    principal: { role: "owner", via: "test" },
  });
};
afterEach(async () => {
  await host.close();
  await rm(into, { recursive: true, force: true });
});

const fetchIt = (spec: string) => host.use("plinth.plugin-source").get("npm").fetch({ spec, cwd: "/", into });
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (thrown: { code?: string }) => thrown.code ?? String(thrown),
  );

const weather = {
  id: "acme.weather",
  version: "1.0.0",
  title: "Weather",
  description: "For tests.",
  engines: { plinth: "^0.1.0" },
  entry: "./index.js",
};
const files = (more: Record<string, string> = {}): Map<string, Buffer> =>
  new Map(
    Object.entries({
      "package.json": JSON.stringify({ name: "@acme/weather", version: "1.0.0", scripts: { postinstall: "touch /tmp/plinth-postinstall-ran" } }),
      "plinth.json": JSON.stringify(weather),
      "index.js": "export default {};",
      "node_modules/left-pad/index.js": "module.exports = 1;",
      "test/secret.txt": "not for users",
      ...more,
    }).map(([name, text]) => [name, Buffer.from(text)]),
  );
const tarball = async (more?: Record<string, string>): Promise<Buffer> => Buffer.from(await packFiles(files(more)));

describe("what is asked for", () => {
  beforeEach(() => open("http://127.0.0.1:9/"));

  it.each([
    "",
    "../x",
    "a b",
    "git+https://example.com/x.git",
    "https://example.com/x.tgz",
    "x@file:../y",
    "--registry=http://evil.example",
    "@acme",
    "x@1@2",
  ])("is a package of the registry and nothing else: %s", async (spec) => {
    expect(await codeOf(fetchIt(spec))).toMatch(/^PLINTH_(SPEC|NET)$/);
    expect(await readdir(into)).toEqual([]);
  });

  it("is fetched for owners only", async () => {
    expect(await codeOf(host.as({ role: "guest", via: "test" }, () => fetchIt("x")))).toBe("PLINTH_NOT_OWNER");
  });

  it("says when the registry cannot be reached", async () => {
    expect(await codeOf(fetchIt("acme-weather"))).toBe("PLINTH_NET");
  });
});

describe.skipIf(!hasVerdaccio)("from a real registry", () => {
  let verdaccio: Verdaccio;
  beforeAll(async () => {
    verdaccio = await Verdaccio.start();
    const good = await tarball();
    await verdaccio.publish("@acme/weather", "1.0.0", good, integrityOf(good), { scripts: { postinstall: "touch /tmp/plinth-postinstall-ran" } });
    await verdaccio.publish("lying", "1.0.0", good, integrityOf(Buffer.from("something else")));
    const plain = await packFiles(new Map([["package.json", Buffer.from('{"name":"plain","version":"1.0.0"}')]]));
    await verdaccio.publish("plain", "1.0.0", Buffer.from(plain), integrityOf(Buffer.from(plain)));
    for (const name of THIRD_PARTY) {
      const real = await packDirectory(join(import.meta.dirname, "../../../node_modules", name));
      await verdaccio.publish(name, "1.0.0", Buffer.from(real), integrityOf(Buffer.from(real)));
    }
    const broken = gzipSync(Buffer.from("this is no tar archive"));
    await verdaccio.publish("broken", "1.0.0", broken, integrityOf(broken));
  }, 60_000);
  afterAll(() => verdaccio?.stop());
  beforeEach(() => open(verdaccio.url));

  it("takes what belongs into a package, and says what it took and its hash", async () => {
    const found = await fetchIt("@acme/weather@^1");
    expect(found).toEqual({ source: "npm:@acme/weather@1.0.0", integrity: integrityOf(await tarball()) });
    expect((await readdir(into)).sort()).toEqual(["index.js", "plinth.json"]);
    expect(await readFile(join(into, "index.js"), "utf8")).toBe("export default {};");
    expect(await readdir("/tmp")).not.toContain("plinth-postinstall-ran");
  });

  it.each(THIRD_PARTY)("finds no extension in what others publish there: %s", async (name) => {
    expect(await codeOf(fetchIt(name))).toBe("PLINTH_MANIFEST_MISSING");
    expect(await readdir(into)).toEqual([]);
  });

  it.each([
    ["a tarball that is not the one described", "lying", "PLINTH_INTEGRITY"],
    ["a package that is no extension", "plain", "PLINTH_MANIFEST_MISSING"],
    ["what is no archive", "broken", "PLINTH_ARCHIVE_FORMAT"],
    ["an unknown package", "nobody-made-this", "PLINTH_PACKAGE_UNKNOWN"],
    ["an unknown version", "@acme/weather@^7", "PLINTH_PACKAGE_UNKNOWN"],
  ])("refuses %s", async (_what, spec, code) => {
    expect(await codeOf(fetchIt(spec))).toBe(code);
    expect(await readdir(into)).toEqual([]);
  });
});
