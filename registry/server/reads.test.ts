import { mkdir, symlink, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { publish } from "../publish.ts";
import { publishRemotely } from "../remote-publish.ts";
import { testKey, testTarball } from "../test-package.ts";
import { startTestRegistry, stopTestRegistries, type TestRegistry } from "./server.testing.ts";

let registry: TestRegistry;
const INDEX = "packages/demo/weather.json";
const BLOB = "blobs/demo/weather/weather-1.0.0.tgz";

beforeEach(async () => {
  registry = await startTestRegistry();
  const key = await registry.publisher("demo", "ann");
  await publishRemotely(registry.remote(await registry.token("ann")), await testTarball(), key);
});
afterEach(stopTestRegistries);

/** A request whose path goes out exactly as it is. */
function raw(path: string, method = "GET"): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const call = request({ host: "127.0.0.1", port: registry.port, path, method }, (response) => {
      let body = "";
      response.on("data", (chunk) => (body += chunk));
      response.on("end", () => resolve({ status: response.statusCode!, body }));
    });
    call.on("error", reject).end();
  });
}

describe("a document", () => {
  it("costs no body when the reader has it, and is seen anew after a change", async () => {
    const first = await registry.get(INDEX);
    const etag = first.headers.get("etag")!;
    expect(etag).toMatch(/^"[\w-]{43}"$/);
    expect(first.headers.get("cache-control")).toBe("public, no-cache");
    const again = await registry.get(INDEX, { "if-none-match": etag });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    expect((await registry.get(INDEX, { "if-none-match": `"x", W/${etag}` })).status).toBe(304);
    expect((await registry.get(INDEX, { "if-none-match": '"x"' })).status).toBe(200);
    await publishRemotely(registry.remote(await registry.token("ann")), await testTarball("demo.weather", "1.1.0"), testKey("demo"));
    expect((await registry.get(INDEX, { "if-none-match": etag })).status).toBe(200);
  });

  it("is seen anew when another process changed the folder", async () => {
    const { headers } = await registry.get(INDEX);
    await publish({ registry: registry.dir, tarball: await testTarball("demo.weather", "3.0.0"), key: testKey("demo") });
    await expect.poll(async () => (await registry.get(INDEX, { "if-none-match": headers.get("etag")! })).status, { timeout: 10_000 }).toBe(200);
  });

  it("answers HEAD with the head only", async () => {
    const get = await registry.get(INDEX);
    const head = await fetch(new URL(INDEX, registry.url), { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect(head.headers.get("content-length")).toBe(String(Buffer.byteLength(await get.text())));
    expect(head.headers.get("etag")).toBe(get.headers.get("etag"));
  });

  it("may be read by pages of any origin, and changed by none", async () => {
    expect((await registry.get(INDEX)).headers.get("access-control-allow-origin")).toBe("*");
    const preflight = await fetch(new URL(INDEX, registry.url), { method: "OPTIONS" });
    expect(preflight.headers.get("access-control-allow-methods")).toBe("GET, HEAD");
    const refused = await registry.call("POST", INDEX);
    expect([refused.status, refused.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });
});

describe("a tarball", () => {
  it("is kept for ever by caches, under its hash", async () => {
    const response = await registry.get(BLOB);
    expect(Buffer.from(await response.arrayBuffer()).equals(await testTarball())).toBe(true);
    expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    const etag = response.headers.get("etag")!;
    expect(etag).toMatch(/^"sha512-/);
    expect((await registry.get(BLOB, { "if-none-match": etag })).status).toBe(304);
    expect((await fetch(new URL(BLOB, registry.url), { method: "HEAD" })).status).toBe(200);
  });

  it("is counted when it was sent whole, and not when it was only asked about", async () => {
    const etag = (await registry.get(BLOB)).headers.get("etag")!;
    await (await registry.get(BLOB)).arrayBuffer();
    await registry.get(BLOB, { "if-none-match": etag });
    await fetch(new URL(BLOB, registry.url), { method: "HEAD" });
    await registry.close();
    const again = await startTestRegistry({ dir: registry.dir, dataDir: registry.dataDir });
    expect((await (await again.get("api/v1/packages/demo.weather")).json()).downloads).toMatchObject({ total: 2, versions: { "1.0.0": 2 } });
  });

  it("that no index names is not served", async () => {
    await writeFile(join(registry.dir, "blobs/demo/weather/weather-9.0.0.tgz"), "left by a publish that died");
    expect((await registry.get("blobs/demo/weather/weather-9.0.0.tgz")).status).toBe(404);
  });
});

describe("nothing else is served", () => {
  it.each([
    "/../data/registry.sqlite",
    "/..%2fdata%2fregistry.sqlite",
    "/%2e%2e/data/registry.sqlite",
    "/packages/../../data/registry.sqlite",
    "/packages/demo/..%5c..%5cdata",
    "//etc/passwd",
    "/packages//demo/weather.json",
    "/packages/demo/weather.json%00.html",
    "/.secret.json",
    "/packages/demo/.weather.json.tmp",
    "/packages/demo",
    "/packages",
    "/%zz",
    "/package/..%2f..%2fdata",
  ])("at %s", async (path) => {
    await writeFile(join(registry.dir, ".secret.json"), "secret");
    await writeFile(join(registry.dir, "packages/demo/.weather.json.tmp"), "secret");
    const { status, body } = await raw(path);
    expect(status).toBe(404);
    expect(JSON.parse(body)).toMatchObject({ status: 404, code: "PLINTH_NOT_FOUND" });
  });

  it("through a link in the folder", async () => {
    await mkdir(join(registry.dir, "packages/evil"), { recursive: true });
    await symlink(join(registry.dataDir, "registry.sqlite"), join(registry.dir, "packages/evil/data.json"));
    expect((await registry.get("packages/evil/data.json")).status).toBe(404);
  });
});

describe("a client that asks too much", () => {
  it("is told what it may, what is left, and when to come back", async () => {
    let time = Date.now();
    const strict = await startTestRegistry({
      now: () => time,
      limits: {
        policies: {
          read: { requests: 2, seconds: 60 },
          search: { requests: 1, seconds: 60 },
          write: { requests: 1, seconds: 60 },
          report: { requests: 1, seconds: 60 },
          "wrong-token": { requests: 9, seconds: 60 },
        },
      },
    });
    const first = await strict.get("registry.json");
    expect([first.headers.get("ratelimit-policy"), first.headers.get("ratelimit")]).toEqual(['"read";q=2;w=60', '"read";r=1;t=60']);
    await strict.get("registry.json");
    time += 20_000;
    const refused = await strict.get("registry.json");
    expect([refused.status, refused.headers.get("retry-after"), refused.headers.get("content-type")]).toEqual([
      429,
      "40",
      "application/problem+json",
    ]);
    expect(await refused.json()).toMatchObject({ code: "PLINTH_RATE_LIMITED", details: { retryAfter: 40 } });
    // A token has a quota of its own.
    expect((await strict.call("GET", "api/v1/session", await strict.token("ann"))).headers.get("ratelimit-policy")).toBe('"read";q=8;w=60');
    time += 40_000;
    expect((await strict.get("registry.json")).status).toBe(200);
  });

  it("is counted by what one's own proxies say, and by nothing that it says itself", async () => {
    const limits = {
      policies: {
        read: { requests: 1, seconds: 60 },
        search: { requests: 1, seconds: 60 },
        write: { requests: 1, seconds: 60 },
        report: { requests: 1, seconds: 60 },
        "wrong-token": { requests: 9, seconds: 60 },
      },
    };
    const direct = await startTestRegistry({ limits });
    const status = async (server: TestRegistry, forwarded: string) => (await server.get("registry.json", { "x-forwarded-for": forwarded })).status;
    expect([await status(direct, "192.0.2.1"), await status(direct, "192.0.2.2")]).toEqual([200, 429]);
    const behind = await startTestRegistry({ limits, proxies: 1 });
    expect([await status(behind, "192.0.2.1"), await status(behind, "192.0.2.2"), await status(behind, "198.51.100.7, 192.0.2.2")]).toEqual([
      200, 200, 429,
    ]);
    expect([await status(behind, "2001:db8::1"), await status(behind, "2001:db8::2")]).toEqual([200, 429]);
  });

  it("is cut off when it sends its request drop by drop", async () => {
    const impatient = await startTestRegistry({ timeouts: { headersMs: 200, requestMs: 400, idleMs: 5_000 } });
    const socket = connect(impatient.port, "127.0.0.1");
    const drip = setInterval(() => socket.writable && socket.write("x"), 50);
    socket.write("GET /registry.json HTTP/1.1\r\nX-Slow: ");
    let answer = "";
    socket.on("data", (data) => (answer += data));
    socket.on("error", () => {});
    await new Promise((done) => socket.once("close", done));
    clearInterval(drip);
    expect(answer).toContain("408");
  });
});

it("says that it lives, and describes itself", async () => {
  expect(await (await registry.get("healthz")).json()).toEqual({ status: "ok" });
  expect(await (await registry.get("openapi.json")).json()).toMatchObject({ openapi: "3.1.0" });
});

it("refuses to keep its own data below the folder that it serves", async () => {
  await expect(startTestRegistry({ dir: registry.dir, dataDir: join(registry.dir, "data") })).rejects.toMatchObject({ code: "PLINTH_REGISTRY_DATA" });
});
