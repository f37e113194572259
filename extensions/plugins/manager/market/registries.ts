import { createHash } from "node:crypto";
import type { Download, Feed, KeyPins, RegistryClient, TrustMemory } from "@plinth/registry";
import { type Context, errorInfo, PlinthError } from "@plinth/sdk";
import { addressOf, type Marketplace, marketplacesOf } from "./settings.ts";

export type Entry = Awaited<ReturnType<RegistryClient["versions"]>>[number];
type Hit = Awaited<ReturnType<RegistryClient["search"]>>[number];

/** What one registry says of one package. */
export interface Facts {
  client: RegistryClient;
  /** Lowest version first. */
  entries: Entry[];
}

/** The configured registries in their order. Nothing unsigned or signed by a stranger comes from here. */
export class Registries {
  readonly #ctx: Context;
  #opened: { key: string; clients: Promise<RegistryClient[]> } | undefined;

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  /** Clients live as long as the configuration stays the same: they keep what they have read. */
  clients(): Promise<RegistryClient[]> {
    const places = marketplacesOf(this.#ctx).filter(({ kind }) => kind !== "claude");
    const key = JSON.stringify(places);
    if (this.#opened?.key !== key) this.#opened = { key, clients: this.#open(places) };
    return this.#opened.clients;
  }

  async search(query: string, limit: number, signal: AbortSignal): Promise<Hit[]> {
    const answers = await Promise.allSettled((await this.clients()).map((client) => client.search(query, { limit, signal })));
    const failed = answers.find((answer) => answer.status === "rejected");
    if (failed && answers.every((answer) => answer.status === "rejected")) throw failed.reason;
    // The first registry that knows a package is the one that it would come from.
    const hits = new Map<string, Hit>();
    for (const answer of answers) for (const hit of answer.status === "fulfilled" ? answer.value : []) if (!hits.has(hit.id)) hits.set(hit.id, hit);
    return [...hits.values()].slice(0, limit);
  }

  /**
   * The first registry that knows the package decides; one that fails is not skipped in favour of a later one.
   *
   * @param from the registry that the installed version came from: it stays the one to ask.
   * @throws PLINTH_PACKAGE_UNKNOWN, PLINTH_NO_REGISTRY and those of the client.
   */
  async facts(id: string, signal: AbortSignal, from?: string): Promise<Facts> {
    const all = await this.clients();
    const known = all.filter(({ name }) => name === from);
    let unknown: unknown;
    for (const client of known.length > 0 ? known : all) {
      try {
        return { client, entries: await client.versions(id, { signal }) };
      } catch (thrown) {
        if (errorInfo(thrown).code !== "PLINTH_PACKAGE_UNKNOWN") throw thrown;
        unknown ??= thrown;
      }
    }
    throw unknown ?? new PlinthError("PLINTH_NO_REGISTRY", "No registry is configured.", { next: "Add one: plinth marketplace add NAME URL" });
  }

  /** Fetch, verify and unpack one exact version. */
  async download(client: RegistryClient, id: string, version: string, into: string, signal: AbortSignal): Promise<Download> {
    const download = await client.download(id, version, { signal });
    const { extractArchive } = await import("@plinth/registry");
    await extractArchive(download.bytes, into, { signal });
    return download;
  }

  /** What the registries warn of; those that sign nothing tell nothing. `failed` did not answer. */
  async advisories(signal: AbortSignal): Promise<{ feeds: { registry: string; feed: Feed }[]; failed: { registry: string; message: string }[] }> {
    const feeds: { registry: string; feed: Feed }[] = [];
    const failed: { registry: string; message: string }[] = [];
    for (const client of await this.clients()) {
      try {
        const feed = await client.advisories({ signal });
        if (feed !== undefined) feeds.push({ registry: client.name, feed });
      } catch (thrown) {
        failed.push({ registry: client.name, message: errorInfo(thrown).message });
      }
    }
    return { feeds, failed };
  }

  async #open(places: Marketplace[]): Promise<RegistryClient[]> {
    const { RegistryClient } = await import("@plinth/registry");
    const pins = storedPins(this.#ctx);
    return places.map(
      ({ root, ...place }) =>
        new RegistryClient({
          name: place.name,
          url: addressOf(place),
          pins,
          memory: storedMemory(this.#ctx, place.url),
          fetch: (address, options) => this.#ctx.fetch(address, options),
          clock: () => new Date(this.#ctx.clock.now()),
          ...(root === undefined ? {} : { root }),
        }),
    );
  }
}

/** A publisher's keys are remembered from the first package on, for all registries: one cannot speak for another's publisher. */
function storedPins(ctx: Context): KeyPins {
  return {
    get: (publisher) => ctx.store.get(`pin/${publisher}`),
    set: (publisher, keys) => ctx.store.set(`pin/${publisher}`, keys),
  };
}

/** The newest state that was accepted, by address: a registry cannot be led back to an older one. */
function storedMemory(ctx: Context, url: string): TrustMemory {
  const key = `trust/${createHash("sha256").update(url).digest("hex").slice(0, 32)}`;
  return { get: () => ctx.store.get(key), set: (state) => ctx.store.set(key, state) };
}
