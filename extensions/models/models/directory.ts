import type { Context, KernelSnapshot } from "@plinth/sdk";
import { permitted } from "@plinth/sdk/kits/model-api";
import { secretHandle } from "@plinth/sdk/wire";
import { chosenProofs, type Proofs, plainProofs } from "./proofs.ts";
import { providerSource } from "./provider.ts";
import { type Config, settingsOf, vendorOf } from "./settings.ts";
import type { Source } from "./source.ts";
import { type VendorParts, VendorSource } from "./vendor.ts";

const FRESH_MS = 10_000;
/** What a chain of AWS begins with; whether it gives something is seen when it is asked. */
const CHAIN = ["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"];

/** Everybody whom models can be asked of, read from manifests and the configuration. */
export class Directory {
  readonly #ctx: Context;
  readonly #config: Config;
  #read: { sources: Promise<ReadonlyMap<string, Source>>; until: number; generation: string } | undefined;

  constructor(ctx: Context, config: Config) {
    this.#ctx = ctx;
    this.#config = config;
  }

  /** The caller's, and the host's: a command that changes the configuration goes on in the generation in which it began. */
  async generation(): Promise<string> {
    return this.#generationOf(await this.#snapshot());
  }

  /** Whom a conversation can be had with, in the order of the automatic choice. */
  async sources(): Promise<ReadonlyMap<string, Source>> {
    return new Map([...(await this.everybody())].filter(([, source]) => !(source instanceof VendorSource) || source.data.api !== undefined));
  }

  /** Those too who have models for other purposes only. */
  async everybody(): Promise<ReadonlyMap<string, Source>> {
    const snapshot = await this.#snapshot();
    const now = this.#ctx.clock.now();
    const generation = this.#generationOf(snapshot);
    if (this.#read !== undefined && this.#read.until > now && this.#read.generation === generation) return this.#read.sources;
    const read = { sources: this.#all(snapshot), until: now + FRESH_MS, generation };
    this.#read = read;
    read.sources.catch(() => {
      if (this.#read === read) this.#read = undefined;
    });
    return read.sources;
  }

  /** One of them. Who is not of the product is looked up anew: the owner may just have chosen it, or have taken that back. */
  async source(id: string): Promise<Source | undefined> {
    const known = (await this.sources()).get(id);
    if (known?.data.trusted === true) return known;
    this.#read = undefined;
    return (await this.sources()).get(id);
  }

  #snapshot(): Promise<KernelSnapshot> {
    return this.#ctx.use("plinth.kernel").one().snapshot({});
  }

  #generationOf({ generation }: KernelSnapshot): string {
    return `${this.#ctx.currentWork()?.generation} ${generation}`;
  }

  async #all(snapshot: KernelSnapshot): Promise<ReadonlyMap<string, Source>> {
    const { use } = this.#ctx;
    const parts = this.#parts(snapshot, await this.#proofs(snapshot));
    const found: Source[] = [];
    for (const [id, server] of Object.entries(this.#config.servers ?? {}))
      found.push(new VendorSource({ id, extension: this.#ctx.id, trusted: true, vendor: vendorOf(id, server) }, server, parts));
    for (const one of await use("plinth.model-provider").list()) found.push(providerSource(one, use("plinth.model-provider")));
    for (const { id, extension, trusted, descriptor } of await use("plinth.model-vendor").list())
      found.push(new VendorSource({ id, extension, trusted, vendor: descriptor }, settingsOf(id, this.#config, snapshot), parts));
    found.sort((a, b) => a.data.priority - b.data.priority || (a.data.id < b.data.id ? -1 : 1));
    const sources = new Map<string, Source>();
    // The operator's own server goes before a provider, and a provider's own code before data, where they share an id. Whoever names
    // the product's vendor means that one.
    for (const source of found) {
      const other = sources.get(source.data.id);
      if (other === undefined || rank(source, this.#config) < rank(other, this.#config)) sources.set(source.data.id, source);
    }
    return sources;
  }

  async #proofs({ secretExists }: KernelSnapshot): Promise<Proofs> {
    const credentials = this.#ctx.use("plinth.credentials");
    if ((await credentials.list()).length > 0)
      return chosenProofs(credentials.one(), (message, fields) => this.#ctx.log.warn(message, { ...fields }));
    return plainProofs(
      async (names) => {
        const there = await Promise.all(names.map((name) => secretExists?.(name) ?? false));
        return names.filter((_name, at) => there[at]);
      },
      () => CHAIN.some((name) => (process.env[name] ?? "") !== ""),
    );
  }

  #parts({ grants }: KernelSnapshot, proofs: Proofs): VendorParts {
    const { use, clock } = this.#ctx;
    return {
      apis: use("plinth.model-api"),
      now: clock.now,
      env(name, whose) {
        const granted = whose === undefined || grants.get(whose)?.permissions?.env?.includes(name) === true;
        return (granted && process.env[name]) || undefined;
      },
      proofs,
      async lend(secret, to, origin) {
        const { name } = await use("plinth.secret-source").one().lend({ name: secret, to, origin });
        return secretHandle(name);
      },
      permit: (extension, secret, url) => permitted(grants.get(extension)?.permissions, extension, secret, url),
    };
  }
}

/** The operator's own server is 0, a provider with code 1, data 2; another publisher's, chosen or not, takes no name of these. */
function rank(source: Source, { servers = {} }: Config): number {
  const { data } = source;
  if (Object.hasOwn(servers, data.id) && data.extension === "plinth.models") return 0;
  return (source instanceof VendorSource ? 2 : 1) + (data.trusted ? 0 : 2);
}
