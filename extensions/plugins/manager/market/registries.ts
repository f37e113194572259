import type { Download, Feed, HostTrust, RegistryClient } from "@plinth/registry";
import { type Context, errorInfo, PlinthError } from "@plinth/sdk";
import { addressOf, BUILT_IN, isOwn, type Marketplace, marketplacesOf } from "./settings.ts";

export type Entry = Awaited<ReturnType<RegistryClient["versions"]>>[number];
type Hit = Awaited<ReturnType<RegistryClient["search"]>>[number];

/** What one registry says of one package. */
export interface Facts {
  client: RegistryClient;
  /** Lowest version first. */
  entries: Entry[];
  /** From when on each version counts as released, by what this host saw itself where that is later. */
  released: ReadonlyMap<string, Date>;
}

/** The feed of one registry, and who that is. */
export interface RegistryFeed {
  registry: string;
  root: string;
  feed: Feed;
}

/** The configured registries in their order. Nothing unsigned or signed by a stranger comes from here. */
export class Registries {
  readonly #ctx: Context;
  #opened: { key: string; clients: Promise<RegistryClient[]> } | undefined;
  #builtIn: Promise<RegistryClient> | undefined;
  #trust: Promise<HostTrust> | undefined;

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  /** What this host remembers of registries and publishers. */
  trust(): Promise<HostTrust> {
    this.#trust ??= import("@plinth/registry").then(({ HostTrust }) => new HostTrust(this.#ctx.store, () => new Date(this.#ctx.clock.now())));
    return this.#trust;
  }

  /** Clients live as long as the configuration stays the same: they keep what they have read. */
  clients(): Promise<RegistryClient[]> {
    const places = marketplacesOf(this.#ctx).filter(({ kind }) => kind !== "claude");
    const key = JSON.stringify(places);
    if (this.#opened?.key !== key) this.#opened = { key, clients: this.#open(places) };
    return this.#opened.clients;
  }

  /** The product's own packages: on this disk, whatever is configured. */
  builtIn(): Promise<RegistryClient> {
    this.#builtIn ??= this.open(BUILT_IN);
    return this.#builtIn;
  }

  /** Whom to ask for a package: for the product's own the product, and nobody else. */
  async #askable(id: string): Promise<RegistryClient[]> {
    return isProducts(id) ? [await this.builtIn()] : this.clients();
  }

  /** Clients that read everything anew, after what is remembered was changed by hand. */
  reopen(): void {
    this.#opened = undefined;
  }

  /** @throws PLINTH_MARKETPLACE when no registry has that name. */
  async named(name: string): Promise<RegistryClient> {
    if (name === BUILT_IN.name) return this.builtIn();
    const all = await this.clients();
    const found = all.find((client) => client.name === name);
    if (found !== undefined) return found;
    throw new PlinthError("PLINTH_MARKETPLACE", `There is no registry ${JSON.stringify(name.slice(0, 60))}.`, {
      next: all.length > 0 ? `There is ${all.map((client) => client.name).join(", ")}.` : "Add one: plinth marketplace add NAME URL",
    });
  }

  async search(query: string, limit: number, signal: AbortSignal): Promise<Hit[]> {
    const own = await this.builtIn();
    const all = [own, ...(await this.clients())];
    const answers = await Promise.allSettled(all.map((client) => client.search(query, { limit, signal })));
    const failed = answers.find((answer) => answer.status === "rejected");
    if (failed && answers.every((answer) => answer.status === "rejected")) throw failed.reason;
    // The first registry that knows a package is the one that it would come from.
    const hits = new Map<string, Hit>();
    for (const [at, answer] of answers.entries()) {
      for (const hit of answer.status === "fulfilled" ? answer.value : []) {
        if (!hits.has(hit.id) && isProducts(hit.id) === (all[at] === own)) hits.set(hit.id, hit);
      }
    }
    return [...hits.values()].slice(0, limit);
  }

  /**
   * The first registry that knows the package decides; one that fails is not skipped in favour of a later one.
   *
   * @param from the registry that the installed version came from: it stays the one to ask.
   * @throws PLINTH_PACKAGE_UNKNOWN, PLINTH_NO_REGISTRY and those of the client.
   */
  async facts(id: string, signal: AbortSignal, from?: string): Promise<Facts> {
    const all = await this.#askable(id);
    const known = all.filter(({ name }) => name === from);
    let unknown: unknown;
    for (const client of known.length > 0 ? known : all) {
      try {
        const entries = await client.versions(id, { signal });
        return { client, entries, released: await this.#released(client, id, entries) };
      } catch (thrown) {
        if (errorInfo(thrown).code !== "PLINTH_PACKAGE_UNKNOWN") throw thrown;
        unknown ??= thrown;
      }
    }
    throw unknown ?? new PlinthError("PLINTH_NO_REGISTRY", "No registry is configured.", { next: "Add one: plinth marketplace add NAME URL" });
  }

  /** Fetch, verify and unpack one exact version. Nothing is learned from it before an owner has consented. */
  async download(client: RegistryClient, id: string, version: string, into: string, signal: AbortSignal): Promise<Download> {
    const download = await client.download(id, version, { signal });
    const { extractArchive } = await import("@plinth/registry");
    await extractArchive(download.bytes, into, { signal, about: `The package ${id} ${version} of the registry ${client.name}` });
    return download;
  }

  /** What the registries warn of; those that sign nothing tell nothing. `failed` did not answer. */
  async advisories(signal: AbortSignal): Promise<{ feeds: RegistryFeed[]; failed: { registry: string; message: string }[] }> {
    const feeds: RegistryFeed[] = [];
    const failed: { registry: string; message: string }[] = [];
    for (const client of await this.clients()) {
      try {
        const feed = await client.advisories({ signal });
        if (feed !== undefined) feeds.push({ registry: client.name, root: rootOf(client) ?? "", feed });
      } catch (thrown) {
        failed.push({ registry: client.name, message: errorInfo(thrown).message });
      }
    }
    return { feeds, failed };
  }

  /** A time that nobody has signed is worth what this host saw itself. */
  async #released(client: RegistryClient, id: string, entries: readonly Entry[]): Promise<Map<string, Date>> {
    const { releasedAt } = await import("@plinth/registry");
    const seen = client.isProven ? undefined : await (await this.trust()).seenSince(client.identity.identity, id, entries);
    return new Map(
      entries.map((entry) => {
        const after = entry.log === undefined ? undefined : client.seenBetween(entry.log.index).after;
        const here = seen?.get(entry.version) ?? new Date(after ?? 0);
        const stated = releasedAt(entry);
        return [entry.version, here > stated ? here : stated];
      }),
    );
  }

  /** A client of a place, whether it is configured or not. It remembers: opening one is an owner's decision. */
  async open(place: Marketplace): Promise<RegistryClient> {
    const { RegistryClient } = await import("@plinth/registry");
    const trust = await this.trust();
    const url = addressOf(place);
    return new RegistryClient({
      name: place.name,
      url,
      own: isOwn(place),
      pins: trust.pins,
      memory: trust.memory(url, place.root),
      fetch: (address, options) => this.#ctx.fetch(address, options),
      clock: () => new Date(this.#ctx.clock.now()),
      ...(place.root === undefined ? {} : { root: place.root }),
    });
  }

  async #open(places: Marketplace[]): Promise<RegistryClient[]> {
    return await Promise.all(places.map((place) => this.open(place)));
  }
}

/** Ids that nobody but the product brings. */
const isProducts = (id: string): boolean => id.startsWith("plinth.");

/** A registry's key set, where it signs its state. */
export function rootOf({ identity: { identity } }: Pick<RegistryClient, "identity">): string | undefined {
  return identity.startsWith("root-") ? identity.slice("root-".length) : undefined;
}
