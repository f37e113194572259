import {
  type Credential,
  errorInfo,
  isProduct,
  type ModelEndpoint,
  type ModelEvent,
  type ModelInfo,
  type ModelRequest,
  type ModelVendor,
  PlinthError,
  type PurposeEndpoint,
  type Uses,
  type VendorPurpose,
} from "@plinth/sdk";
import { dialectOf } from "@plinth/sdk/kits/model-api";
import { type Address, addressOf } from "./address.ts";
import { type Again, type Asker, authFor, canBeAsked, type Proofs, proved, unusable, whyNone } from "./proofs.ts";
import { rotating } from "./rotating.ts";
import type { Settings } from "./settings.ts";
import { type Besides, besidesOf, infoIn, type Source, type State } from "./source.ts";
import { fromDialect, inDialect } from "./tools-in-dialect.ts";
import { headersFor, hostsIn, notSetUp, saidOf, secretsIn, withSecret } from "./vendor-data.ts";

/** A server of this machine answers within that, or is taken to be away. */
const PROBE_MS = 300;
const REMOTE_PROBE_MS = 1_500;
/** So long an answer about a server's models is good, silence too. */
const FRESH_MS = 30_000;
/** A token that ends sooner is renewed before it is sent. */
const SOON_MS = 60_000;

export interface VendorParts {
  readonly apis: Uses<"plinth.model-api">;
  now(): number;
  /** @param whose the third party's vendor that asks, which reads what it was granted and nothing else; undefined: the product's. */
  env(name: string, whose: string | undefined): string | undefined;
  readonly proofs: Proofs;
  /** A handle that one extension may send to one origin. */
  lend(secret: string, to: string, origin: string): Promise<string>;
  /** @throws where a third party's vendor was not granted what it is about to do. */
  permit(extension: string, secret: string | undefined, url: string): void;
}

type Auth = ModelVendor["auth"][number];

/** How a protocol's server is reached now. */
interface Way {
  readonly api: string;
  readonly address: Address;
  readonly headers: Record<string, string>;
  readonly quirks: Record<string, unknown>;
}

/** A vendor's data joined with the code of its protocols. */
export class VendorSource implements Source {
  readonly data: Source["data"];
  readonly maker: string;
  readonly known: readonly ModelInfo[];
  readonly #vendor: ModelVendor;
  readonly #settings: Settings;
  readonly #parts: VendorParts;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #handles = new Map<string, string>();
  readonly #speakers = new Map<string, string>();
  /** The ways in which it is told who asks; the configuration's own name of the key stands for all of its keys. */
  readonly #auth: readonly Auth[];
  #probe: { at: number; models: Promise<ModelInfo[] | undefined> } | undefined;

  constructor(of: { id: string; extension: string; trusted: boolean; vendor: ModelVendor }, settings: Settings, parts: VendorParts) {
    const { id, extension, trusted, vendor } = of;
    this.#vendor = vendor;
    this.known = vendor.models ?? [];
    this.#settings = settings;
    this.#parts = parts;
    this.#auth = settings.secret === undefined ? vendor.auth : withSecret(vendor.auth, settings.secret, settings.baseUrl);
    // Only what the vendor names is looked up.
    const whose = trusted ? undefined : extension;
    this.#env = new Proxy({}, { get: (_target, name) => (typeof name === "string" ? parts.env(name, whose) : undefined) });
    this.maker = `${extension}/${id}`;
    this.data = {
      ...{ id, title: vendor.title, extension, priority: vendor.priority, trusted },
      ...saidOf(vendor),
    };
  }

  info(model: string): ModelInfo | undefined {
    return infoIn(this.#vendor.models, model);
  }

  get here(): boolean {
    const address = this.#address(undefined, undefined);
    return typeof address !== "string" && address.loopback;
  }

  async status(signal: AbortSignal): Promise<State> {
    const way = this.#way(this.#apiOf(undefined));
    if (typeof way === "string") return { ready: false, configured: false, reason: way };
    const { address } = way;
    const proofs = await this.#parts.proofs.list(this.data.id, this.#auth);
    // AWS's chain is the product's to use.
    const keyed = proofs.some((one) => canBeAsked(one) && (this.data.trusted || one.kind !== "aws"));
    const configured = keyed || address.set || whyNone(proofs) !== undefined;
    if (!keyed && !this.#keyless(address)) return { ready: false, configured, reason: this.#missing(proofs) };
    const chosen = this.#chosen();
    const known = chosen ?? this.#vendor.defaultModel;
    // The vendor's own models are known; any other server is asked for what it has.
    if (keyed && known !== undefined && (address.own || chosen !== undefined)) return { ready: true, configured, defaultModel: known };
    const models = await this.#listed(address.loopback ? PROBE_MS : REMOTE_PROBE_MS, signal);
    const first = chosen ?? models?.[0]?.id ?? this.#vendor.defaultModel;
    const named = first === undefined ? {} : { defaultModel: first };
    if (models === undefined && !keyed) return { ready: false, configured, reason: `No server answers at ${address.baseUrl}.`, ...named };
    if (first === undefined) return { ready: false, configured, reason: `${this.#vendor.title} answers, but has no model yet.` };
    return { ready: true, configured, ...named };
  }

  async models(signal: AbortSignal): Promise<ModelInfo[]> {
    if (this.#settings.models !== undefined) return this.#settings.models.map((id) => this.info(id) ?? { id });
    // Whoever has no key yet wants to know all the same.
    if (this.#vendor.models !== undefined && !(await this.status(signal)).ready) return this.#vendor.models;
    const listed = await this.#fetchModels(signal);
    // What the server says of a model is newer than what the data says.
    const all = listed.map((model) => ({ ...this.info(model.id), ...model }));
    return listed.length > 0 ? all : [...this.known];
  }

  mostTools(model: string): number | undefined {
    return dialectOf(this.#apiOf(model), this.#settings.quirks?.schema ?? this.#vendor.quirks?.schema, model)?.mostTools;
  }

  stream(request: ModelRequest, signal: AbortSignal, asker: Asker = {}): AsyncIterable<ModelEvent | Again> {
    const { model } = request;
    const way = this.#ready(model);
    const { proofs, now } = this.#parts;
    const tries = () => this.#tries(way, { ...asker, model });
    return rotating({ tries, model, proofs, now }, (proof) => this.#asked(way, proof, request, signal), signal);
  }

  /** The answer to one credential: each event goes through as few hands as it can. */
  async #asked(way: Way, proof: Credential | undefined, request: ModelRequest, signal: AbortSignal): Promise<AsyncIterable<ModelEvent>> {
    const { api } = way;
    const reached = await this.#endpoint(way, proof);
    const endpoint = { ...reached, headers: { ...headersFor(this.#vendor, request), ...reached.headers } };
    const dialect = dialectOf(api, endpoint.quirks?.schema, request.model);
    return fromDialect(dialect, request.tools, this.#parts.apis.get(api).stream({ endpoint, request: inDialect(dialect, request) }, { signal }));
  }

  async repairs(request: Parameters<Source["countTokens"]>[0], signal: AbortSignal) {
    const way = await this.#ready(request.model);
    return (await this.#parts.apis.get(way.api).repairs({ endpoint: await this.#endpoint(way, undefined), request }, { signal })).repairs;
  }

  async countTokens(request: Parameters<Source["countTokens"]>[0], signal: AbortSignal): Promise<number | undefined> {
    const { api, endpoint } = await this.#first(request.model);
    const spoken = inDialect(dialectOf(api, endpoint.quirks?.schema, request.model), request);
    try {
      return (await this.#parts.apis.get(api).countTokens({ endpoint, request: spoken }, { signal })).inputTokens;
    } catch (thrown) {
      if (errorInfo(thrown).code === "PLINTH_UNSUPPORTED") return undefined;
      throw thrown;
    }
  }

  /** What it has for another purpose than completions; undefined: nothing. */
  besides(purpose: VendorPurpose): Besides | undefined {
    return this.#vendor.apis?.[purpose];
  }

  /** Whether it is set up for that: never more than a list of its server's models is asked for. */
  async statusFor(besides: Besides, signal: AbortSignal): Promise<State> {
    const way = this.#way(besides.api, besides);
    if (typeof way === "string") return { ready: false, configured: false, reason: way };
    const first = besides.defaultModel ?? besides.models?.[0]?.id;
    const named = first === undefined ? {} : { defaultModel: first };
    const proofs = await this.#parts.proofs.list(this.data.id, this.#auth);
    if (proofs.some((one) => one.kind !== "aws" && canBeAsked(one))) return { ready: true, configured: true, ...named };
    if (!this.#keyless(way.address)) return { ready: false, configured: whyNone(proofs) !== undefined, reason: this.#missing(proofs) };
    const { ready, configured, reason } = await this.status(signal);
    return { ready, configured, ...(reason === undefined ? {} : { reason }), ...named };
  }

  /** Asks for that with one credential after the other. @param speaker the extension that speaks to it, to which keys are lent */
  async *inTurn<Item extends { readonly type: string }>(
    { besides, speaker, model, ...asker }: Asker & { besides: Besides; speaker: string; model?: string },
    ask: (endpoint: PurposeEndpoint) => AsyncIterable<Item>,
    signal: AbortSignal,
  ): AsyncGenerator<Item | Again> {
    const way = this.#way(besides.api, besides);
    if (typeof way === "string") throw this.#notReady(way);
    const { proofs, now } = this.#parts;
    const tries = () => this.#tries(way, { ...asker, ...(model === undefined ? {} : { model }) });
    const asked = async (proof: Credential | undefined) => ask({ ...(await this.#spokenTo(way, proof, speaker)), ...besidesOf(besides) });
    yield* rotating({ tries, model, proofs, now }, asked, signal);
  }

  #chosen(): string | undefined {
    const { defaultModel, models } = this.#settings;
    const { modelEnv } = this.#vendor;
    return defaultModel || (modelEnv === undefined ? undefined : this.#env[modelEnv]) || models?.[0] || undefined;
  }

  #apiOf(model: string | undefined): string {
    return this.#settings.api ?? (model === undefined ? undefined : this.info(model)?.api) ?? this.#vendor.api ?? "";
  }

  /** A sentence where the vendor is not set up. */
  #way(api: string, besides?: Besides): Way | string {
    const { otherApis = {} } = this.#vendor;
    const other = besides ?? (api !== this.#vendor.api && Object.hasOwn(otherApis, api) ? otherApis[api] : undefined);
    const address = this.#address(other?.baseUrls, besides);
    if (typeof address === "string") return address;
    // A stranger's address is not the vendor's server, though it may speak its protocol.
    const quirks = address.own ? (other === undefined ? this.#vendor.quirks : other.quirks) : {};
    const headers = { ...(other?.headers ?? this.#vendor.headers), ...this.#settings.headers };
    if (besides !== undefined) return { ...{ api, address, headers }, quirks: { ...quirks } };
    const { query, extraBody } = this.#settings;
    return {
      ...{ api, address, headers },
      quirks: {
        ...quirks,
        ...this.#settings.quirks,
        ...(query === undefined ? {} : { query: { ...(quirks?.query as object | undefined), ...query } }),
        ...(extraBody === undefined ? {} : { extraBody: { ...(quirks?.extraBody as object | undefined), ...extraBody } }),
      },
    };
  }

  /** An address of its own for another purpose stands: the operator's is that of completions, whose region it shares. */
  #address(baseUrls: ModelVendor["baseUrls"] | undefined, besides: Besides | undefined): Address | string {
    if (besides === undefined || baseUrls === undefined) return addressOf(this.#vendor, baseUrls ?? this.#vendor.baseUrls, this.#settings, this.#env);
    const { region } = this.#settings;
    const { baseUrlEnv: _, ...vendor } = this.#vendor;
    return addressOf(vendor, baseUrls, region !== undefined && Object.hasOwn(baseUrls, region) ? { region } : {}, this.#env);
  }

  #keyless(address: Address): boolean {
    return this.#auth.some(({ kind }) => kind === "none") || this.#vendor.local === true || address.loopback;
  }

  #missing(proofs: readonly Credential[]): string {
    const why = whyNone(proofs);
    if (why !== undefined) return `${why}.`;
    if (proofs.length > 0 && proofs.every(({ kind }) => kind === "aws")) return "No credentials of AWS are set.";
    const name = this.#settings.secret ?? this.data.needs?.secrets?.[0];
    return name === undefined ? notSetUp(this.#auth, this.data.id) : `${name} is not set.`;
  }

  /** How its server is reached. @throws PLINTH_MODEL_NOT_READY */
  #ready(model: string | undefined): Way {
    const way = this.#way(this.#apiOf(model));
    if (typeof way === "string") throw this.#notReady(way);
    return way;
  }

  /** What it is asked with, first to last; nothing where it wants nothing. @throws PLINTH_MODEL_AUTH */
  async #tries({ address }: Way, asked: Asker & { model?: string }): Promise<readonly (Credential | undefined)[]> {
    const { proofs } = this.#parts;
    const { id, title, extension } = this.data;
    const tries = await proofs.choose(id, this.#auth, asked);
    if (tries.length > 0) return tries;
    if (this.#keyless(address)) return [undefined];
    throw unusable(title, this.#missing(await proofs.list(id, this.#auth)), id, extension);
  }

  async #first(model: string | undefined): Promise<{ api: string; endpoint: ModelEndpoint }> {
    const way = this.#ready(model);
    const [proof] = await this.#tries(way, model === undefined ? {} : { model });
    return { api: way.api, endpoint: await this.#endpoint(way, proof) };
  }

  async #endpoint(way: Way, proof: Credential | undefined): Promise<ModelEndpoint> {
    const { api } = way;
    const speaker = this.#speakers.get(api) ?? (await this.#parts.apis.list()).find((one) => one.id === api)?.extension;
    // The product's own is the same as long as this list of sources; another publisher's may be chosen, or no more.
    if (speaker !== undefined && isProduct(speaker)) this.#speakers.set(api, speaker);
    if (speaker === undefined) throw this.#notReady(`nothing here speaks ${api}.`, `Install an extension that provides plinth.model-api ${api}.`);
    const { models } = this.#vendor;
    return { ...(await this.#spokenTo(way, proof, speaker)), ...(models === undefined ? {} : { models }) };
  }

  /** The endpoint of that way for one extension, with what it is lent. */
  async #spokenTo({ address, headers, quirks }: Way, given: Credential | undefined, speaker: string): Promise<Omit<ModelEndpoint, "models">> {
    const { id, title, trusted } = this.data;
    const auth = given === undefined ? undefined : authFor(this.#auth, given);
    if (!trusted) this.#permitted(auth, given?.held === true ? undefined : given?.secret, headers, [address.baseUrl, ...hostsIn(quirks)]);
    const proof = given === undefined ? undefined : await this.#fresh(given);
    const secret = auth === undefined || auth.kind === "aws" ? undefined : proof?.secret;
    // What is exchanged is not sent itself, whoever says so.
    if (auth?.exchange !== undefined && !(proof?.exchanged && proof.held)) throw this.#notReady("nothing here exchanges its key for a token.");
    // An address of the operator's own stands.
    const said = address.own && this.#settings.region === undefined ? proof?.baseUrl : undefined;
    const baseUrl = said ?? address.baseUrl;
    if (!trusted && said !== undefined) this.#permitted(auth, undefined, headers, [said]);
    const proven =
      auth === undefined || secret === undefined
        ? {}
        : { ...proof?.headers, ...proved(auth, await this.#lent(secret, speaker, new URL(baseUrl).origin)) };
    return { vendor: id, title, baseUrl, headers: { ...headers, ...proven }, quirks };
  }

  /** With a token that is good for a moment yet. */
  async #fresh(proof: Credential): Promise<Credential> {
    const { id, kind, exchanged = false, held = false, expiresAt } = proof;
    const ends = exchanged && !held ? 0 : expiresAt;
    if (!(exchanged || kind === "oauth") || ends === undefined || ends - this.#parts.now() >= SOON_MS) return proof;
    return { ...proof, ...(await this.#parts.proofs.refresh(id)) };
  }

  /** Data of a third party's: its own key to its own hosts, and neither the chain of AWS nor a handle that it wrote itself. */
  #permitted(auth: Auth | undefined, secret: string | undefined, headers: Record<string, string>, urls: string[]): void {
    const { extension } = this.data;
    for (const url of urls) this.#parts.permit(extension, secret, url);
    const named = secretsIn([headers, this.#vendor.headersFor]);
    if (auth?.kind !== "aws" && !named) return;
    const asks = named ? "name secrets in its headers" : "use the credentials of AWS";
    throw new PlinthError("PLINTH_PERMISSION", `${extension} may not ${asks}.`, { extension, next: "Its vendor has to ask with a key of its own." });
  }

  /** Asked for once: what was lent is good as long as this list of sources. */
  async #lent(secret: string, to: string, origin: string): Promise<string> {
    const key = `${secret} ${to} ${origin}`;
    const handle = this.#handles.get(key) ?? (await this.#parts.lend(secret, to, origin));
    this.#handles.set(key, handle);
    return handle;
  }

  #notReady(why: string, next = "plinth doctor"): PlinthError {
    const { id, title, extension } = this.data;
    return new PlinthError("PLINTH_MODEL_NOT_READY", `${title} cannot answer: ${why}`, {
      extension,
      next,
      details: { retryable: false, provider: id },
    });
  }

  /** What the server says that it has, if it answers at once. */
  #listed(limitMs: number, signal: AbortSignal): Promise<ModelInfo[] | undefined> {
    const now = this.#parts.now();
    if (this.#probe !== undefined && now - this.#probe.at < FRESH_MS) return this.#probe.models;
    const models = this.#fetchModels(AbortSignal.any([signal, AbortSignal.timeout(limitMs)])).catch(() => undefined);
    this.#probe = { at: now, models };
    return models;
  }

  async #fetchModels(signal: AbortSignal): Promise<ModelInfo[]> {
    const { api, endpoint } = await this.#first(undefined);
    const { models } = await this.#parts.apis.get(api).models({ endpoint }, { signal });
    this.#probe = { at: this.#parts.now(), models: Promise.resolve(models) };
    return models;
  }
}
