/** A registry's service for tests: real folders, a real listener on loopback, real tokens. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { signableOf } from "../admission.ts";
import type { RemoteRegistry } from "../remote-publish.ts";
import { type PublisherKey, sign } from "../signing.ts";
import { testKey, testManifest, testTarball } from "../test-package.ts";
import { generateRoleKeys, RegistryTrust } from "../trust/index.ts";
import { type RegistryServer, type RegistryServerOptions, startRegistryServer } from "./server.ts";
import type { Scope } from "./storage/index.ts";

export interface TestRegistry extends RegistryServer {
  dir: string;
  dataDir: string;
  errors: string[];
  /** A token's secret. */
  token(user: string, scopes?: Scope[], packages?: string[], days?: number): Promise<string>;
  /** A publisher with one owner and its key recorded. */
  publisher(name: string, owner: string, key?: PublisherKey): Promise<PublisherKey>;
  remote(token?: string): RemoteRegistry;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  call(method: string, path: string, token?: string, body?: unknown): Promise<Response>;
  /** What a request to publish needs, correct unless changed. */
  publication(id: string, version: string, key: PublisherKey, more?: object): Promise<{ tarball: Buffer; headers: Record<string, string> }>;
}

const open: TestRegistry[] = [];
const folders: string[] = [];

/** `signed`: with keys of its own, countersigning and logging. */
export async function startTestRegistry({
  signed = false,
  ...options
}: Partial<RegistryServerOptions> & { signed?: boolean } = {}): Promise<TestRegistry> {
  const base = options.dir === undefined ? await mkdtemp(join(tmpdir(), "plinth-registry-")) : "";
  if (base !== "") folders.push(base);
  const { dir = join(base, "public"), dataDir = join(base, "data") } = options;
  const errors: string[] = [];
  await mkdir(dir, { recursive: true });
  const trust = signed ? await RegistryTrust.open(dir, generateRoleKeys(), { origin: "test" }) : undefined;
  const server = await startRegistryServer({
    name: "test",
    ...(trust === undefined ? {} : { trust }),
    ...options,
    dir,
    dataDir,
    log: ({ level, message }) => void (level === "error" && errors.push(message)),
  });
  const { api, url } = server;
  const call: TestRegistry["call"] = (method, path, token, body) =>
    fetch(new URL(path, url), {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const registry: TestRegistry = {
    ...server,
    dir,
    dataDir,
    errors,
    call,
    get: (path, headers = {}) => fetch(new URL(path, url), { headers }),
    remote: (token) => ({ url, ...(token === undefined ? {} : { token }) }),
    async token(user, scopes = ["publish", "yank", "owner"], packages = ["*"], days = 30) {
      return (await api.tokens.create({ user, label: "test", scopes, packages, days })).secret;
    },
    async publisher(name, owner, key = testKey(name)) {
      await api.catalogue.addKey(name, key);
      await api.storage.users.claim({ name: owner, proof: "operator", createdAt: new Date(api.now()).toISOString() });
      await api.storage.publishers.add({ name, owners: [owner], createdAt: new Date(api.now()).toISOString() }, name);
      return key;
    },
    async publication(id, version, key, more = {}) {
      const tarball = await testTarball(id, version, more);
      const publishedAt = new Date(api.now()).toISOString();
      const manifest = testManifest(id, version, more) as Parameters<typeof signableOf>[0]["manifest"];
      const { signature } = sign(signableOf({ tarball, manifest, publishedAt }), key);
      return {
        tarball,
        headers: {
          "content-type": "application/gzip",
          "plinth-published-at": publishedAt,
          "plinth-key-id": key.keyId,
          "plinth-signature": signature,
        },
      };
    },
  };
  open.push(registry);
  return registry;
}

export async function stopTestRegistries(): Promise<void> {
  await Promise.all(open.splice(0).map((one) => one.close()));
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
}
