/** A registry that signs its state, and clients of it, for the tests of trust. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RegistryClient } from "../client.ts";
import { LOCK_FILE } from "../layout.ts";
import { publish, yank } from "../publish.ts";
import { withLock } from "../publish-lock.ts";
import type { PublisherKey } from "../signing.ts";
import { memoryPins, testKey, testTarball } from "../test-package.ts";
import type { Change } from "./change-draft.ts";
import { RegistryTrust, type RegistryTrustOptions } from "./registry-trust.ts";
import { type RoleKeys, roleKeysFromSeed } from "./roles.ts";
import type { TrustMemory, TrustState } from "./trust-memory.ts";

export const START = Date.parse("2026-03-01T00:00:00.000Z");
export const HOUR = 3_600_000;

export class SignedRegistry {
  readonly dir: string;
  readonly keys: RoleKeys;
  now = START;
  trust!: RegistryTrust;

  private constructor(dir: string, keys: RoleKeys) {
    this.dir = dir;
    this.keys = keys;
  }

  static async make(options: RegistryTrustOptions = {}, keys = roleKeysFromSeed("test")): Promise<SignedRegistry> {
    const registry = new SignedRegistry(await mkdtemp(join(tmpdir(), "plinth-trust-")), keys);
    await registry.reopen(options);
    return registry;
  }

  async reopen(options: RegistryTrustOptions = {}): Promise<void> {
    this.trust = await RegistryTrust.open(this.dir, this.keys, { origin: "test", clock: () => new Date(this.now), ...options });
  }

  async publish(id: string, version: string, key: PublisherKey = testKey(id.split(".")[0]!)): Promise<void> {
    const publishedAt = new Date(this.now).toISOString();
    await publish({ registry: this.dir, tarball: await testTarball(id, version), key, publishedAt, trust: this.trust });
  }

  async yank(id: string, version: string, reason = "It loses data", key = testKey(id.split(".")[0]!)): Promise<void> {
    await yank({ registry: this.dir, id, version, reason, key, trust: this.trust });
  }

  commit(...changes: Change[]): Promise<void> {
    return withLock(join(this.dir, LOCK_FILE), () => this.trust.commit(...changes));
  }

  /** The registry's folder as it is now. */
  async copy(): Promise<string> {
    const into = await mkdtemp(join(tmpdir(), "plinth-trust-copy-"));
    await cp(this.dir, into, { recursive: true });
    return into;
  }

  async restore(from: string): Promise<void> {
    await rm(this.dir, { recursive: true });
    await cp(from, this.dir, { recursive: true });
  }

  async json(path: string): Promise<any> {
    return JSON.parse(await readFile(join(this.dir, path), "utf8"));
  }

  async write(path: string, value: unknown): Promise<void> {
    await writeFile(join(this.dir, path), JSON.stringify(value));
  }

  /** A host: what it remembers lives on between its clients. */
  host(options: { root?: string; memory?: TrustMemory; pins?: ReturnType<typeof memoryPins> } = {}): Host {
    const pins = options.pins ?? memoryPins();
    const kept: { state?: TrustState } = {};
    const memory = options.memory ?? { get: () => kept.state, set: (state: TrustState) => void (kept.state = structuredClone(state)) };
    const clock = () => new Date(this.now);
    const root = options.root === undefined ? {} : { root: options.root };
    return { pins, kept, client: () => new RegistryClient({ name: "test", url: this.dir, pins, memory, clock, ...root }) };
  }
}

export interface Host {
  pins: ReturnType<typeof memoryPins>;
  kept: { state?: TrustState };
  /** A new client, as after a restart of the host. */
  client(): RegistryClient;
}
