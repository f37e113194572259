import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { RegistryClient } from "./client.ts";
import { fetchFrom, isNearby, type Place, readFrom } from "./origin-rule.ts";
import type { RegistryFetch } from "./registry-fetch.ts";
import { memoryPins } from "./test-package.ts";

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
});

interface Site {
  url: string;
  port: number;
  seen: IncomingMessage[];
}
async function serve(listener: RequestListener, host = "127.0.0.1"): Promise<Site> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    listener(request, response);
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, host, done));
  const { port } = server.address() as AddressInfo;
  return { url: `http://${host}:${port}`, port, seen };
}
const to =
  (location: () => string, status = 302): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, { location: location() }).end();
const hello: RequestListener = (_request, response) => void response.end("hello");

const fetch: RegistryFetch = async (url, { headers = {}, redirect, signal }) => {
  const response = await globalThis.fetch(url, { headers, redirect: redirect ?? "follow", ...(signal === undefined ? {} : { signal }) });
  return { status: response.status, headers: Object.fromEntries(response.headers), body: (response.body ?? []) as AsyncIterable<Uint8Array> };
};
const place = (url: string, also?: string[]): Place => ({ who: "The registry sample", url, also, fetch });
const secret = { authorization: "Bearer secret" };
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (thrown: { code?: string }) => thrown.code ?? String(thrown),
  );

describe("what comes from a place that an owner configured", () => {
  it("may be somewhere else at the same origin, and gets its secret there", async () => {
    const site = await serve((request, response) => (request.url === "/a" ? to(() => "/b")(request, response) : hello(request, response)));
    const { bytes } = await readFrom(place(site.url), `${site.url}/a`, { secret, maxBytes: 100 }, () => new Error() as never);
    expect(bytes.toString()).toBe("hello");
    expect(site.seen.map(({ url, headers }) => `${url} ${headers.authorization}`)).toEqual(["/a Bearer secret", "/b Bearer secret"]);
  });

  it.each([301, 302, 303, 307, 308])("is not at another port of this machine, whatever name it goes by (%i)", async (status) => {
    const other = await serve(hello);
    let location = "";
    const site = await serve(to(() => location, status));
    for (const host of ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "127.0.0.1."]) {
      location = `http://${host}:${other.port}/`;
      expect(await codeOf(fetchFrom(place(site.url), `${site.url}/a`, { secret, maxBytes: 100 })), host).toBe("PLINTH_REDIRECT");
    }
    expect(other.seen).toEqual([]);
  });

  it.each([
    "file:///etc/passwd",
    "ftp://files.example/x",
    "data:text/plain,x",
    "https://files.example/x",
    "//files.example/x",
    "http://",
    "http://user:password@127.0.0.1/",
    "javascript:1",
  ])("is not at %s", async (location) => {
    const site = await serve(to(() => location));
    expect(await codeOf(fetchFrom(place(site.url), `${site.url}/a`, { maxBytes: 100 }))).toBe("PLINTH_REDIRECT");
    expect(site.seen).toHaveLength(1);
  });

  it("may be at an origin that the owner named beside it, which gets no secret", async () => {
    const files = await serve(hello);
    const site = await serve(to(() => `${files.url}/x`));
    const answer = await fetchFrom(place(site.url, [files.url]), `${site.url}/a`, { headers: { accept: "a/b" }, secret, maxBytes: 100 });
    expect(answer.status).toBe(200);
    expect(files.seen.map(({ headers }) => [headers.accept, headers.authorization])).toEqual([["a/b", undefined]]);
  });

  it("is not in here where the place itself is out there, also when it is named", async () => {
    const near = await serve(hello);
    let asked = 0;
    const faked: RegistryFetch = async (url, options) => {
      asked++;
      if (new URL(url).hostname !== "registry.example") return fetch(url, options);
      return { status: 302, headers: { location: near.url }, body: (async function* () {})() };
    };
    const far = { ...place("https://registry.example", [near.url]), fetch: faked };
    expect(await codeOf(fetchFrom(far, "https://registry.example/a", { maxBytes: 100 }))).toBe("PLINTH_REDIRECT");
    expect(asked).toBe(1);
    expect(near.seen).toEqual([]);
  });

  it("goes round in no circle", async () => {
    const site = await serve(to(() => "/again"));
    expect(await codeOf(fetchFrom(place(site.url), `${site.url}/a`, { maxBytes: 100 }))).toBe("PLINTH_REDIRECT");
    expect(site.seen.length).toBeLessThan(10);
  });

  it("is bounded while it arrives, whether or not its length is told before", async () => {
    const endless: RequestListener = (_request, response) => {
      const pour = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(16_384)));
      };
      response.on("drain", pour);
      pour();
    };
    const told: RequestListener = (_request, response) => void response.writeHead(200, { "content-length": "9999999999" }).flushHeaders();
    for (const listener of [endless, told]) {
      const site = await serve(listener);
      const tooLarge = () => Object.assign(new Error("too large"), { code: "TOO_LARGE" }) as never;
      expect(await codeOf(readFrom(place(site.url), site.url, { maxBytes: 100_000 }, tooLarge))).toBe("TOO_LARGE");
    }
  });

  it("ends when nobody waits for it any more", async () => {
    const site = await serve((_request, response) => void response.writeHead(200).flushHeaders());
    const ends = new AbortController();
    const reading = readFrom(place(site.url), site.url, { maxBytes: 100, signal: ends.signal }, () => new Error() as never);
    setTimeout(() => ends.abort(Object.assign(new Error("enough"), { code: "ENOUGH" })), 50);
    expect(await codeOf(reading)).toBe("ENOUGH");
  });
});

it("a registry that sends its host to another port of this machine is refused before that port is asked", async () => {
  const other = await serve(hello);
  const site = await serve(to(() => `${other.url}/packages/demo/weather.json`));
  const client = new RegistryClient({ name: "sample", url: site.url, pins: memoryPins() });
  await expect(client.resolve("demo.weather")).rejects.toMatchObject({
    code: "PLINTH_REDIRECT",
    message: expect.stringContaining("The registry sample"),
    next: expect.stringContaining("downloads"),
  });
  expect(await codeOf(client.search("weather"))).toBe("PLINTH_REDIRECT");
  expect(other.seen).toEqual([]);
});

it.each([
  ["localhost", true],
  ["a.localhost", true],
  ["127.0.0.1", true],
  ["127.9.9.9", true],
  ["0.0.0.0", true],
  ["10.1.2.3", true],
  ["172.16.0.1", true],
  ["172.32.0.1", false],
  ["192.168.1.1", true],
  ["169.254.169.254", true],
  ["100.64.0.1", true],
  ["[::1]", true],
  ["[::]", true],
  ["[fe80::1]", true],
  ["[fd00::1]", true],
  ["[::ffff:7f00:1]", true],
  ["[2606:4700::1]", false],
  ["8.8.8.8", false],
  ["registry.example", false],
])("%s is in here: %s", (host, near) => {
  expect(isNearby(new URL(`http://${host}/`).hostname)).toBe(near);
});
