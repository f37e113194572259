import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { integrityOf, packFiles } from "@plinth/registry";
import { createTestHost, type TestHost } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import manager from "../manager/index.ts";
import managerManifest from "../manager/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

/** A registry that answers as it likes. */
interface Site {
  url: string;
  seen: IncomingMessage[];
}
const servers: Server[] = [];
async function serve(listener: RequestListener): Promise<Site> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    listener(request, response);
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, seen };
}

let into: string;
let host: TestHost | undefined;
beforeEach(async () => {
  into = await mkdtemp(join(tmpdir(), "plinth-npm-"));
});
afterEach(async () => {
  await host?.close();
  host = undefined;
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
  await rm(into, { recursive: true, force: true });
});

async function fetchFrom(registry: string, spec = "x", more: { downloads?: string[]; signal?: AbortSignal } = {}): Promise<string> {
  const config = { registry, ...(more.downloads === undefined ? {} : { downloads: more.downloads }) };
  host = await createTestHost({
    extensions: [
      { manifest: manifest as never, extension, config, env: { NPM_TOKEN: "npm-secret" } },
      { manifest: managerManifest as never, extension: manager },
    ],
    principal: { role: "owner", via: "test" },
  });
  const options = more.signal === undefined ? {} : { signal: more.signal };
  return host
    .use("plinth.plugin-source")
    .get("npm")
    .fetch({ spec, cwd: "/", into }, options)
    .then(
      ({ source }) => source,
      (thrown: { code?: string }) => thrown.code ?? String(thrown),
    );
}

const plinthManifest = { id: "acme.x", version: "1.0.0", title: "X", description: "", engines: { plinth: "*" }, entry: "./index.js" };
const tarball = await packFiles([
  ["plinth.json", JSON.stringify(plinthManifest)],
  ["index.js", "export default {};"],
]);
const documentOf = (url: string, more: object = {}, entry: object = {}): object => ({
  name: "x",
  "dist-tags": { latest: "1.0.0" },
  versions: { "1.0.0": { name: "x", version: "1.0.0", dist: { tarball: `${url}x/-/x-1.0.0.tgz`, integrity: integrityOf(tarball) }, ...entry } },
  ...more,
});
/** A registry whose document is made by `document`, once its address is known. */
async function registry(
  document: (url: string) => unknown,
  files: RequestListener = (_request, response) => void response.end(tarball),
): Promise<Site> {
  const site: Site = await serve((request, response) => {
    if (request.url === "/x") response.end(JSON.stringify(document(site.url)));
    else files(request, response);
  });
  return site;
}
const redirect =
  (location: () => string): RequestListener =>
  (_request, response) =>
    void response.writeHead(302, { location: location() }).end();
const tokens = (site: Site): (string | undefined)[] => site.seen.map(({ headers }) => headers.authorization);

describe("an npm registry", () => {
  it("gets the token with each request, where it is configured to be", async () => {
    const site = await registry(documentOf);
    expect(await fetchFrom(site.url)).toBe("npm:x@1.0.0");
    expect(tokens(site)).toEqual(["Bearer npm-secret", "Bearer npm-secret"]);
  });

  it.each([
    ["its document", (other: string) => serve(redirect(() => `${other}x`))],
    [
      "the tarball",
      (other: string) =>
        registry(
          documentOf,
          redirect(() => `${other}x.tgz`),
        ),
    ],
    ["the tarball, by its address", (other: string) => registry(() => documentOf(other))],
  ])("that sends us elsewhere on this machine for %s is refused, and nobody there is asked", async (_what, open) => {
    const other = await registry(documentOf);
    expect(await fetchFrom((await open(other.url)).url)).toBe("PLINTH_REDIRECT");
    expect(other.seen).toEqual([]);
    expect(await readdir(into)).toEqual([]);
  });

  it("that keeps its archives where the owner says so gives no token there", async () => {
    const files = await serve((_request, response) => void response.end(tarball));
    const site = await registry(
      documentOf,
      redirect(() => `${files.url}x.tgz`),
    );
    expect(await fetchFrom(site.url, "x", { downloads: [files.url.replace(/\/$/, "")] })).toBe("npm:x@1.0.0");
    expect([tokens(site), tokens(files)]).toEqual([["Bearer npm-secret", "Bearer npm-secret"], [undefined]]);
  });

  const latest = (tag: string) => () => documentOf("", { "dist-tags": { latest: tag } });
  it.each<[string, (url: string) => unknown, string]>([
    ["is about another package", (url) => documentOf(url, { name: "y" }), "PLINTH_REGISTRY_INVALID"],
    ["gives another package's version", (url) => documentOf(url, {}, { name: "y" }), "PLINTH_REGISTRY_INVALID"],
    ["has a tag that is a path", latest("../../etc"), "PLINTH_REGISTRY_INVALID"],
    ["has a tag that is a file", latest("file:/etc"), "PLINTH_REGISTRY_INVALID"],
    ["has a tag that is an alias", latest("npm:y@1.0.0"), "PLINTH_REGISTRY_INVALID"],
    ["has a tag that is a prototype's name", latest("constructor"), "PLINTH_REGISTRY_INVALID"],
    ["has a tag that is no text", () => documentOf("", { "dist-tags": { latest: { toString: "1.0.0" } } }), "PLINTH_REGISTRY_INVALID"],
    ["has no versions", () => ({ name: "x" }), "PLINTH_PACKAGE_UNKNOWN"],
    ["is no object", () => [1, 2], "PLINTH_REGISTRY_INVALID"],
    [
      "names a file of this machine",
      (url) => documentOf(url, {}, { dist: { tarball: "file:///etc/passwd", integrity: integrityOf(tarball) } }),
      "PLINTH_REDIRECT",
    ],
    ["gives no hash", (url) => documentOf(url, {}, { dist: { tarball: `${url}x.tgz` } }), "PLINTH_INTEGRITY"],
    [
      "gives a weak hash",
      (url) => documentOf(url, {}, { dist: { tarball: `${url}x.tgz`, integrity: "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=" } }),
      "PLINTH_INTEGRITY",
    ],
    [
      "gives another one's hash",
      (url) => documentOf(url, {}, { dist: { tarball: `${url}x.tgz`, integrity: integrityOf(Buffer.from("y")) } }),
      "PLINTH_INTEGRITY",
    ],
  ])("whose document %s is refused", async (_what, document, code) => {
    expect(await fetchFrom((await registry(document)).url)).toBe(code);
    expect(await readdir(into)).toEqual([]);
  });

  const pour = (_request: IncomingMessage, response: ServerResponse): void => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(1_048_576, 0x20)));
    };
    response.on("drain", more);
    more();
  };
  it("that never ends its document or its tarball is left as soon as that is too large", async () => {
    expect(await fetchFrom((await serve(pour)).url)).toBe("PLINTH_REGISTRY_SIZE");
    await host?.close();
    expect(await fetchFrom((await registry(documentOf, pour)).url)).toBe("PLINTH_REGISTRY_SIZE");
    expect(await readdir(into)).toEqual([]);
  });

  it("that says nothing is left when nobody waits for it any more", async () => {
    const site = await registry(documentOf, (_request, response) => void response.writeHead(200).flushHeaders());
    const ends = new AbortController();
    const fetching = fetchFrom(site.url, "x", { signal: ends.signal });
    while (site.seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    ends.abort();
    expect(await fetching).not.toMatch(/^npm:/);
    expect(await readdir(into)).toEqual([]);
  });
});
