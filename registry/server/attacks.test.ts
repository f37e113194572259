import { readdir } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { Header } from "tar";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { publishRemotely } from "../remote-publish.ts";
import { testKey, testTarball } from "../test-package.ts";
import { startTestRegistry, stopTestRegistries, type TestRegistry } from "./server.testing.ts";

let registry: TestRegistry;
let token: string;
beforeEach(async () => {
  registry = await startTestRegistry({ bodies: { tarballBytes: 4 * 1024 * 1024 } });
  token = await registry.token("ann");
});
afterEach(stopTestRegistries);

const key = testKey("demo");
const send = async (id: string, version: string, tarball: Uint8Array, headers: Record<string, string>, bearer = token) => {
  const response = await fetch(new URL(`api/v1/packages/${id}/versions/${version}`, registry.url), {
    method: "POST",
    headers: { authorization: `Bearer ${bearer}`, ...headers },
    body: tarball as Uint8Array<ArrayBuffer>,
  });
  return { status: response.status, ...((await response.json()) as { code: string; next: string }) };
};

/** A tarball of one entry as an attacker makes it. */
function crafted(path: string, type: string, bytes = Buffer.alloc(0), linkpath = ""): Buffer {
  const header = new Header({ path, type: type as never, linkpath, mode: 0o644, uid: 0, gid: 0, size: bytes.length, mtime: new Date(0) });
  header.encode();
  return gzipSync(Buffer.concat([header.block!, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512), Buffer.alloc(1024)]));
}

describe("a package is refused", () => {
  it("when its bytes are not those that were signed", async () => {
    await registry.publisher("demo", "ann", key);
    const { headers } = await registry.publication("demo.weather", "1.0.0", key);
    const other = await testTarball("demo.weather", "1.0.0", { title: "Other" });
    expect(await send("demo.weather", "1.0.0", other, headers)).toMatchObject({ status: 422, code: "PLINTH_SIGNATURE" });
    expect((await registry.get("packages/demo/weather.json")).status).toBe(404);
    expect(await readdir(registry.dir)).not.toContain("blobs");
  });

  it("when the version is there already, whatever its bytes, and the first one stays", async () => {
    await registry.publisher("demo", "ann", key);
    await publishRemotely(registry.remote(token), await testTarball(), key);
    const before = await (await registry.get("packages/demo/weather.json")).text();
    for (const more of [{}, { title: "Other" }]) {
      const { tarball, headers } = await registry.publication("demo.weather", "1.0.0", key, more);
      expect(await send("demo.weather", "1.0.0", tarball, headers)).toMatchObject({ status: 409, code: "PLINTH_VERSION_EXISTS" });
    }
    expect(await (await registry.get("packages/demo/weather.json")).text()).toBe(before);
  });

  it("when another key than the publisher's signed it", async () => {
    await registry.publisher("demo", "ann", key);
    const { tarball, headers } = await registry.publication("demo.weather", "1.0.0", testKey("demo", 9));
    expect(await send("demo.weather", "1.0.0", tarball, headers)).toMatchObject({ status: 403, code: "PLINTH_PUBLISHER_KEY" });
  });

  it("when the token's user is no owner of the publisher", async () => {
    await registry.publisher("demo", "ann", key);
    const { tarball, headers } = await registry.publication("demo.weather", "1.0.0", key);
    const stranger = await registry.token("eve");
    expect(await send("demo.weather", "1.0.0", tarball, headers, stranger)).toMatchObject({ status: 403, code: "PLINTH_NOT_OWNER" });
  });

  it("when nobody registered its publisher", async () => {
    const { tarball, headers } = await registry.publication("demo.weather", "1.0.0", key);
    expect(await send("demo.weather", "1.0.0", tarball, headers)).toMatchObject({ status: 404, code: "PLINTH_PUBLISHER_UNKNOWN" });
  });

  it("when it is another package than it was sent as", async () => {
    await registry.publisher("demo", "ann", key);
    const { tarball, headers } = await registry.publication("demo.weather", "1.0.0", key);
    expect(await send("demo.rain", "1.0.0", tarball, headers)).toMatchObject({ status: 422, code: "PLINTH_PACKAGE_MISMATCH" });
    expect(await send("demo.weather", "1.0.1", tarball, headers)).toMatchObject({ status: 422, code: "PLINTH_PACKAGE_MISMATCH" });
  });

  it.each([
    ["climbs out of its folder", crafted("package/../../evil.js", "File", Buffer.from("x")), 422, "PLINTH_ARCHIVE_NAME"],
    ["has an absolute path", crafted("/etc/evil", "File", Buffer.from("x")), 422, "PLINTH_ARCHIVE_NAME"],
    ["holds a link", crafted("package/link", "SymbolicLink", Buffer.alloc(0), "/etc/passwd"), 422, "PLINTH_ARCHIVE_LINK"],
    ["holds a hard link", crafted("package/link", "Link", Buffer.alloc(0), "package/x"), 422, "PLINTH_ARCHIVE_LINK"],
    ["is a bomb", gzipSync(Buffer.alloc(80 * 1024 * 1024)), 413, "PLINTH_ARCHIVE_SIZE"],
    ["is no archive", Buffer.from("nothing of the kind"), 422, "PLINTH_ARCHIVE_FORMAT"],
    ["has no manifest", crafted("package/index.js", "File", Buffer.from("x")), 422, "PLINTH_MANIFEST_MISSING"],
    [
      "has a manifest that is too much",
      crafted("package/plinth.json", "File", Buffer.from(JSON.stringify({ id: "demo.weather", description: "x".repeat(500_000) }))),
      422,
      "PLINTH_MANIFEST_INVALID",
    ],
  ])("when its archive %s", async (_what, tarball, status, code) => {
    await registry.publisher("demo", "ann", key);
    const { headers } = await registry.publication("demo.weather", "1.0.0", key);
    expect(await send("demo.weather", "1.0.0", tarball, headers)).toMatchObject({ status, code });
    expect(registry.errors).toEqual([]);
  });

  it("before a byte of it is read when it says that it is too large, or does not say how large it is", async () => {
    await registry.publisher("demo", "ann", key);
    const { headers } = await registry.publication("demo.weather", "1.0.0", key);
    expect(await send("demo.weather", "1.0.0", Buffer.alloc(5 * 1024 * 1024), headers)).toMatchObject({ status: 413, code: "PLINTH_TOO_LARGE" });
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1024)) });
    const response = await fetch(new URL("api/v1/packages/demo.weather/versions/1.0.0", registry.url), {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, ...headers },
      body: endless,
      duplex: "half",
    } as RequestInit);
    expect(await response.json()).toMatchObject({ code: "PLINTH_LENGTH_REQUIRED" });
  });

  it("when what comes with it is too large or malformed", async () => {
    const { headers } = await registry.publication("demo.weather", "1.0.0", key);
    const changed = { ...headers, "plinth-signature": "A".repeat(9_000) };
    expect(await send("demo.weather", "1.0.0", await testTarball(), changed)).toMatchObject({ status: 400, code: "PLINTH_BAD_REQUEST" });
    const body = { label: "x".repeat(100_000), scopes: ["publish"], packages: ["*"] };
    expect(await (await registry.call("POST", "api/v1/tokens", token, body)).json()).toMatchObject({ status: 413, code: "PLINTH_TOO_LARGE" });
  });

  it("when its name looks like another publisher's", async () => {
    await registry.publisher("demo", "ann", key);
    await publishRemotely(registry.remote(token), await testTarball(), key);
    const look = testKey("derno");
    await registry.publisher("derno", "eve", look);
    const { tarball, headers } = await registry.publication("derno.weather", "1.0.0", look);
    const eve = await registry.token("eve");
    expect(await send("derno.weather", "1.0.0", tarball, headers, eve)).toMatchObject({ status: 409, code: "PLINTH_NAME_LOOKALIKE" });
    const admin = await registry.token("root", ["admin"]);
    expect((await registry.call("PUT", "api/v1/moderation/names/derno.weather", admin)).status).toBe(200);
    expect((await send("derno.weather", "1.0.0", tarball, headers, eve)).status).toBe(201);
  });

  it("when its name is a slip away from a popular one", async () => {
    await registry.publisher("demo", "ann", key);
    await publishRemotely(registry.remote(token), await testTarball(), key);
    await registry.api.storage.downloads.add([{ id: "demo.weather", version: "1.0.0", day: "2026-01-01", count: 5_000 }]);
    const other = await registry.publisher("evil", "eve");
    const eve = await registry.token("eve");
    const slip = await registry.publication("evil.waether", "1.0.0", other);
    expect(await send("evil.waether", "1.0.0", slip.tarball, slip.headers, eve)).toMatchObject({ status: 409, code: "PLINTH_NAME_LOOKALIKE" });
    // The same word under one's own name deceives nobody.
    const own = await registry.publication("evil.weather", "1.0.0", other);
    expect((await send("evil.weather", "1.0.0", own.tarball, own.headers, eve)).status).toBe(201);
  });
});

describe("a withdrawal is refused", () => {
  it("by anybody but an owner with the right scope and pattern", async () => {
    await registry.publisher("demo", "ann", key);
    await publishRemotely(registry.remote(token), await testTarball(), key);
    const path = "api/v1/packages/demo.weather/versions/1.0.0/yank";
    const attempt = async (bearer?: string) => (await (await registry.call("PUT", path, bearer, { reason: "x" })).json()).code;
    expect(await attempt()).toBe("PLINTH_UNAUTHENTICATED");
    expect(await attempt(await registry.token("eve"))).toBe("PLINTH_NOT_OWNER");
    expect(await attempt(await registry.token("ann", ["publish"]))).toBe("PLINTH_TOKEN_SCOPE");
    expect(await attempt(await registry.token("ann", ["yank"], ["demo.rain", "acme.*"]))).toBe("PLINTH_TOKEN_SCOPE");
    expect((await (await registry.get("packages/demo/weather.json")).json()).versions[0].yanked).toBeUndefined();
  });
});
