import { readdir, readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { Header } from "tar";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { signableOf } from "../admission.ts";
import { packFiles } from "../pack.ts";
import { sign } from "../signing.ts";
import { testKey, testManifest, testTarball } from "../test-package.ts";
import { PackageChecks } from "./package-checks.ts";
import { startTestRegistry, stopTestRegistries } from "./server.testing.ts";

let checks: PackageChecks;
beforeEach(() => {
  checks = new PackageChecks();
});
afterEach(async () => {
  checks.close();
  await stopTestRegistries();
});

const withCode = (code: string) =>
  packFiles([
    ["plinth.json", JSON.stringify(testManifest())],
    ["index.js", code],
  ]);
/** Takes a while: much code to parse. */
const slow = () =>
  packFiles([
    ["plinth.json", JSON.stringify(testManifest())],
    ["index.js", ""],
    ...Array.from({ length: 40 }, (_, at): [string, string] => [`${at}.js`, `fetch("x");${"a();".repeat(1_000)}`]),
  ]);
const good = () => testTarball();

describe("a package is checked in a process of its own", () => {
  it("whose word is the package's manifest and what there is to say of its files", async () => {
    const { manifest, findings } = await checks.check(await withCode("fetch('https://evil.example');"), "demo");
    expect(manifest.id).toBe("demo.weather");
    expect(findings).toMatchObject([{ capability: "net", level: "danger" }]);
  });

  it("which refuses what is no package, and goes on", async () => {
    await expect(checks.check(Buffer.from("nothing"), "demo")).rejects.toMatchObject({ code: "PLINTH_ARCHIVE_FORMAT", next: expect.any(String) });
    await expect(checks.check(Buffer.alloc(0), "demo")).rejects.toMatchObject({ code: "PLINTH_ARCHIVE_FORMAT" });
    const invalid = packFiles([["plinth.json", JSON.stringify({ ...testManifest(), descripton: "x" })]]);
    await expect(checks.check(await invalid, "demo")).rejects.toMatchObject({
      code: "PLINTH_MANIFEST_INVALID",
      details: { problems: [{ path: "descripton" }] },
    });
    expect((await checks.check(await good(), "demo")).manifest.id).toBe("demo.weather");
  });

  it.each([
    ["processor time", { cpuMs: 20 }],
    ["memory", { bytes: 1024 * 1024 }],
  ])("and ended when it takes more %s than its bound; the next one is checked", async (what, bounds) => {
    checks.close();
    checks = new PackageChecks(bounds);
    const taken = checks.check(await slow(), "demo");
    await expect(taken).rejects.toMatchObject({ code: "PLINTH_PACKAGE_CHECK", message: expect.stringContaining(what) });
    checks.close();
    checks = new PackageChecks();
    expect((await checks.check(await good(), "demo")).findings).toEqual([]);
  });

  it("without holding up this one: thousands of turns go by", async () => {
    const tarball = await slow();
    let turns = 0;
    let busy = true;
    const count = (): void => {
      turns++;
      if (busy) setImmediate(count);
    };
    count();
    await checks.check(tarball, "demo");
    busy = false;
    expect(turns).toBeGreaterThan(1_000);
  });

  it("in turns: a publisher with many waiting holds up another one for one package only, and may not have endless ones waiting", async () => {
    const order: string[] = [];
    const ask = async (owner: string, tarball: Buffer) => checks.check(tarball, owner).then(() => order.push(owner));
    const tarball = await good();
    checks.close();
    checks = new PackageChecks({ waiting: 8 });
    const greedy = await Promise.allSettled([...Array.from({ length: 20 }, () => ask("greedy", tarball)), ask("modest", tarball)]);
    expect(order.indexOf("modest")).toBeLessThanOrEqual(2);
    const refused = greedy.filter((one) => one.status === "rejected");
    expect(refused.length).toBeGreaterThan(5);
    for (const { reason } of refused as PromiseRejectedResult[]) expect(reason).toMatchObject({ code: "PLINTH_REGISTRY_BUSY" });
  });

  it.each([
    ["nested so deeply that it ends the parser", "(".repeat(2_000_000)],
    ["one text of ten megabytes", `x="${"A".repeat(10_000_000)}"`],
    ["one chain of a million names", `fetch${".a".repeat(1_000_000)}`],
    ["invisible characters only", "\ufe0f".repeat(3_000_000)],
  ])("also when its code is %s", async (_what, code) => {
    const { findings } = await checks.check(await withCode(code), "demo");
    expect(findings.length).toBeGreaterThan(0);
    expect((await checks.check(await withCode("fetch('https://evil.example');"), "demo")).findings).toMatchObject([
      { capability: "net", level: "danger" },
    ]);
  });
});

describe("the service", () => {
  /** A tarball of empty files, as an attacker makes it. */
  const tarballOf = (paths: string[]): Buffer => {
    const blocks = paths.map((path) => {
      const header = new Header({ path, type: "File", mode: 0o644, uid: 0, gid: 0, size: 0, mtime: new Date(0) });
      header.encode();
      return header.block!;
    });
    return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1_024)]), { level: 9 });
  };

  const children = async () => (await readFile(`/proc/self/task/${process.pid}/children`, "utf8")).trim();

  it.each([
    ["2,000 deeply nested files", Array.from({ length: 2_000 }, (_, at) => `package/${"d/".repeat(40)}${at}`), "PLINTH_ARCHIVE_NAME"],
    ["27,300 folders in a few kilobytes", Array.from({ length: 1_820 }, (_, at) => `package/${at}${"/d".repeat(14)}/f`), "PLINTH_ARCHIVE_ENTRIES"],
  ])("refuses %s, and takes what comes next", async (_what, paths, code) => {
    const registry = await startTestRegistry();
    const token = await registry.token("ann");
    const key = await registry.publisher("demo", "ann");
    const { headers, tarball } = await registry.publication("demo.weather", "1.0.0", key);
    const send = async (body: Buffer) => {
      const response = await fetch(new URL("api/v1/packages/demo.weather/versions/1.0.0", registry.url), {
        method: "POST",
        headers: { ...headers, authorization: `Bearer ${token}` },
        body: body as Buffer<ArrayBuffer>,
      });
      return [response.status, (await response.json()).code];
    };
    expect(await send(tarballOf(paths))).toEqual([422, code]);
    expect(await send(tarball)).toEqual([201, undefined]);
  });

  it.runIf(process.platform === "linux")("does not let a package in whose publisher's token ended while it was checked", async () => {
    const registry = await startTestRegistry();
    const token = await registry.token("ann");
    const key = testKey();
    await registry.publisher("demo", "ann", key);
    const tarball = await slow();
    const publishedAt = new Date().toISOString();
    const manifest = testManifest() as Parameters<typeof signableOf>[0]["manifest"];
    const { signature } = sign(signableOf({ tarball, manifest, publishedAt }), key);
    const publishing = fetch(new URL("api/v1/packages/demo.weather/versions/1.0.0", registry.url), {
      method: "POST",
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/gzip",
        "plinth-published-at": publishedAt,
        "plinth-key-id": key.keyId,
        "plinth-signature": signature,
      },
      body: tarball as Buffer<ArrayBuffer>,
    });
    await expect.poll(children).not.toBe("");
    await registry.call("DELETE", "api/v1/session", token);
    expect((await (await publishing).json()).code).toBe("PLINTH_TOKEN_REVOKED");
    expect(await readdir(registry.dir)).not.toContain("packages");
  });

  it.runIf(process.platform === "linux")("leaves no process behind when it closes", async () => {
    const registry = await startTestRegistry();
    const key = await registry.publisher("demo", "ann");
    const { headers, tarball } = await registry.publication("demo.weather", "1.0.0", key);
    const url = new URL("api/v1/packages/demo.weather/versions/1.0.0", registry.url);
    await fetch(url, {
      method: "POST",
      headers: { ...headers, authorization: `Bearer ${await registry.token("ann")}` },
      body: tarball as Buffer<ArrayBuffer>,
    });
    await registry.close();
    await expect.poll(children).toBe("");
  });
});
