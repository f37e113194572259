/** A host's trust memory over a plain map, and clients as a host makes them, for the tests of trust. */
import { RegistryClient } from "../client.ts";
import { HostTrust, type KeyValues } from "./host-trust.ts";

export class TestHost {
  /** What is stored, by key; as JSON, as on a disk. */
  readonly stored = new Map<string, string>();
  readonly trust: HostTrust;
  now: () => number;

  constructor(now: () => number) {
    this.now = now;
    const stored = this.stored;
    const store: KeyValues = {
      get: async (key) => (stored.has(key) ? JSON.parse(stored.get(key)!) : undefined),
      set: async (key, value) => void stored.set(key, JSON.stringify(value)),
      delete: async (key) => stored.delete(key),
      keys: async (prefix = "") => [...stored.keys()].filter((key) => key.startsWith(prefix)),
    };
    this.trust = new HostTrust(store, () => new Date(this.now()));
  }

  keys(prefix: string): string[] {
    return [...this.stored.keys()].filter((key) => key.startsWith(prefix));
  }

  /** A new client, as after a restart of the host. */
  client(url: string, root?: string): RegistryClient {
    const clock = () => new Date(this.now());
    const { pins } = this.trust;
    const named = root === undefined ? {} : { root };
    return new RegistryClient({ name: "acme", url, pins, memory: this.trust.memory(url, root), clock, ...named });
  }

  /** Look at a package, and consent to it. */
  async install(url: string, id: string, version: string): Promise<void> {
    await this.trust.learn((await this.client(url).download(id, version)).learned);
  }
}
