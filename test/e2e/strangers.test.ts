import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { cleanUp, connect, newHome, onCleanUp, startGateway } from "./lab.ts";

afterEach(cleanUp);

type Facts = Record<string, unknown>;
const entryOf = (id: string, version: string, facts: Facts): object => ({
  version,
  tarball: `packages/${id}-${version}.tgz`,
  integrity: "sha512-none",
  size: 1,
  manifest: { id, version, title: id, description: "", engines: { plinth: "*" }, ...facts },
  publishedAt: "2026-01-01T00:00:00.000Z",
  signature: { keyId: "none", signature: "none" },
});
const indexOf = (id: string, count: number, facts: (at: number) => Facts = () => ({})): string =>
  JSON.stringify({ id, versions: Array.from({ length: count }, (_, at) => entryOf(id, `1.${at}.0`, facts(at))), tags: {} });

const uses = Array.from({ length: 60 }, (_, at) => ({ contract: `x.y.c${at}`, range: "^1" }));
/** What was seen to hold a gateway for seconds, and the longest index there may be. */
const WORST: Record<string, Record<string, string>> = {
  "two packages of 1,200 versions that never fit": {
    "packages/evil/a.json": indexOf("evil.a", 1_200, () => ({ extensions: { "evil.b": "*" } })),
    "packages/evil/b.json": indexOf("evil.b", 1_200, (at) => ({ extensions: { "evil.a": `0.0.${at}` } })),
  },
  "one package of 3,000 versions with sixty needs each": { "packages/evil/a.json": indexOf("evil.a", 3_000, () => ({ uses })) },
  "15,000 versions, each in need of another one of 15,000": {
    "packages/evil/a.json": indexOf("evil.a", 15_000, (at) => ({ extensions: { "evil.b": `<1.${at}.0-0` } })),
    "packages/evil/b.json": indexOf("evil.b", 15_000, () => ({ engines: { plinth: "^9" } })),
  },
};

/** A registry on loopback that signs nothing; `served` is called once all of its indexes have been. */
async function registryOf(files: Record<string, string>, served: () => void): Promise<string> {
  const left = new Set(Object.keys(files));
  const server: Server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? "/").slice(1));
    const text = path === "registry.json" ? JSON.stringify({ registry: 1, name: "evil", keys: {} }) : files[path];
    response.writeHead(text === undefined ? 404 : 200).end(text);
    left.delete(path);
    if (left.size === 0) response.once("close", served);
  });
  onCleanUp(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

it.each(Object.keys(WORST))(
  "a gateway answers while it looks at %s, and the installation fails with a code",
  async (name) => {
    const home = await newHome();
    let answers = 0;
    let isOver = false;
    let counting: Promise<void> | undefined;
    let url = "";
    // From the moment on at which everything that is worked on has arrived: before that, a gateway only waits.
    const count = async (): Promise<void> => {
      while (!isOver) {
        const { status } = await fetch(`${url}/healthz`);
        if (status === 200 && !isOver) answers++;
      }
    };
    const registry = await registryOf(WORST[name] as Record<string, string>, () => {
      counting ??= count();
    });
    const gateway = await startGateway(home, { PLINTH_REGISTRY: registry });
    url = gateway.url;
    const client = await connect(gateway);
    const failed = await client.request("plugins.install", { spec: "evil.a" }).then(
      () => ({ code: "none" }),
      (thrown: { code: string }) => thrown,
    );
    isOver = true;
    await counting;
    expect(failed.code).toMatch(/^PLINTH_(VERSION_CONFLICT|DEPENDENCY_MISSING|DATA_TIME)$/);
    expect(answers).toBeGreaterThan(10);
    expect(await client.request("health", {})).toMatchObject({ ok: true });
  },
  150_000,
);
