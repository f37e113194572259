import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RegistryClient } from "./client.ts";
import { integrityOf } from "./integrity.ts";
import { publish } from "./publish.ts";
import type { RegistryFetch } from "./registry-fetch.ts";
import { memoryPins, testKey, testTarball } from "./test-package.ts";

let registry: string;
beforeEach(async () => {
  registry = await mkdtemp(join(tmpdir(), "plinth-client-"));
});
afterEach(() => rm(registry, { recursive: true, force: true }));

const add = async (id: string, version: string) => publish({ registry, tarball: await testTarball(id, version), key: testKey() });
const open = (url: string, fetch?: RegistryFetch) => new RegistryClient({ name: "sample", url, pins: memoryPins(), ...(fetch ? { fetch } : {}) });
const INDEX = "packages/demo/weather.json";
/** Asked for first: whether the registry signs its state. This one does not. */
const FIRST_ROOT = "trust/root/1.json";

describe("over HTTP", () => {
  let server: Server;
  let url: string;
  let seen: { path: string; status: number }[];
  let answer: ((request: IncomingMessage) => { status: number; body?: Buffer; endless?: boolean } | undefined) | undefined;

  beforeEach(async () => {
    seen = [];
    answer = undefined;
    // A plain static server with ETags, like any object store.
    server = createServer(async (request, response) => {
      const path = decodeURIComponent(new URL(request.url!, "http://x").pathname).replace(/^\/base\//, "");
      const special = answer?.(request);
      if (special?.endless) {
        response.writeHead(200);
        const pour = () => {
          while (!response.destroyed && response.write(Buffer.alloc(64 * 1024, 0x20)));
        };
        response.on("drain", pour);
        pour();
        return;
      }
      const bytes = special?.body ?? (await readFile(join(registry, path)).catch(() => undefined));
      const etag = bytes && `"${integrityOf(bytes)}"`;
      const status = special?.status ?? (bytes === undefined ? 404 : request.headers["if-none-match"] === etag ? 304 : 200);
      if (path !== FIRST_ROOT) seen.push({ path, status });
      response.writeHead(status, etag === undefined ? {} : { etag });
      response.end(status === 200 ? bytes : undefined);
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/base`;
    await add("demo.weather", "1.0.0");
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });

  it("resolves, downloads and searches", async () => {
    const client = open(url);
    expect((await client.search("weather"))[0]!.id).toBe("demo.weather");
    const { version } = await client.resolve("demo.weather", "^1");
    expect((await client.download("demo.weather", version)).bytes.equals(await testTarball())).toBe(true);
    await expect(client.resolve("demo.rain")).rejects.toMatchObject({ code: "PLINTH_PACKAGE_UNKNOWN" });
  });

  it("asks with the ETag it has, and sees a change", async () => {
    const client = open(url);
    await client.resolve("demo.weather");
    await client.resolve("demo.weather");
    expect(seen).toEqual([
      { path: INDEX, status: 200 },
      { path: INDEX, status: 304 },
    ]);
    await add("demo.weather", "1.1.0");
    expect((await client.resolve("demo.weather")).version).toBe("1.1.0");
    expect(seen.at(-1)).toEqual({ path: INDEX, status: 200 });
  });

  it("finds a version with build metadata", async () => {
    await add("demo.weather", "2.0.0+build.5");
    expect((await open(url).download("demo.weather", "2.0.0+build.5")).entry.version).toBe("2.0.0+build.5");
  });

  it("stops reading a document without end", async () => {
    answer = () => ({ status: 200, endless: true });
    await expect(open(url).resolve("demo.weather")).rejects.toMatchObject({ code: "PLINTH_REGISTRY_SIZE" });
  });

  it("refuses a tampered tarball on the way", async () => {
    const tarball = await testTarball();
    tarball[20]! ^= 1;
    answer = (request) => (request.url!.endsWith(".tgz") ? { status: 200, body: tarball } : undefined);
    await expect(open(url).download("demo.weather", "1.0.0")).rejects.toMatchObject({ code: "PLINTH_INTEGRITY" });
  });

  it("says so when the server fails or is gone", async () => {
    answer = () => ({ status: 500 });
    await expect(open(url).resolve("demo.weather")).rejects.toMatchObject({ code: "PLINTH_REGISTRY_UNREACHABLE" });
    answer = () => ({ status: 304 });
    await expect(open(url).resolve("demo.weather")).rejects.toMatchObject({ code: "PLINTH_REGISTRY_UNREACHABLE" });
    await expect(open("http://127.0.0.1:1/").resolve("demo.weather")).rejects.toMatchObject({ code: "PLINTH_REGISTRY_UNREACHABLE" });
  });

  it("uses the fetch it was given, with bounds", async () => {
    const asked: { url: string; options: Parameters<RegistryFetch>[1] }[] = [];
    const fetch: RegistryFetch = async (target, options) => {
      asked.push({ url: target, options });
      return { status: 404, headers: {}, body: (async function* () {})() };
    };
    await expect(open("https://registry.example/r", fetch).resolve("demo.weather")).rejects.toMatchObject({
      code: "PLINTH_PACKAGE_UNKNOWN",
    });
    expect(asked.map((one) => one.url.replace("https://registry.example/r/", ""))).toEqual([FIRST_ROOT, INDEX]);
    for (const { options } of asked) expect(options.maxBytes! * options.timeoutMs!).toBeGreaterThan(0);
  });

  it("stops when the caller does", async () => {
    answer = () => ({ status: 200, endless: true });
    await expect(open(url).resolve("demo.weather", "*", { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
  });
});
