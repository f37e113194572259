import {
  errorInfo,
  type ModelEndpoint,
  type ModelInfo,
  type ModelRequest,
  type ModelSource,
  type ModelVendor,
  PlinthError,
  type PurposeEndpoint,
  type Uses,
  type VendorPurpose,
} from "@plinth/sdk";
import { dialectOf } from "@plinth/sdk/kits/model-api";
import { type Address, addressOf } from "./address.ts";
import type { Settings } from "./settings.ts";
import { type Besides, besidesOf, infoIn, type Source, type State } from "./source.ts";
import { fromDialect, inDialect } from "./tools-in-dialect.ts";

/** A server of this machine answers within that, or is taken to be away. */
const PROBE_MS = 300;
const REMOTE_PROBE_MS = 1_500;
/** So long an answer about a server's models is good, silence too. */
const FRESH_MS = 30_000;

export interface VendorParts {
  readonly apis: Uses<"plinth.model-api">;
  now(): number;
  /** @param whose the third party's vendor that asks, which reads what it was granted and nothing else; undefined: the product's. */
  env(name: string, whose: string | undefined): string | undefined;
  /** Of these secrets, those that are set. */
  set(names: readonly string[]): Promise<readonly string[]>;
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
  readonly auth: Auth | undefined;
  readonly headers: Record<string, string>;
  readonly quirks: Record<string, unknown>;
}

/** A vendor's data joined with the code of its protocols. */
export class VendorSource implements Source {
  readonly data: Source["data"];
  readonly maker: string;
  readonly #vendor: ModelVendor;
  readonly #settings: Settings;
  readonly #parts: VendorParts;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #handles = new Map<string, string>();
  #probe: { at: number; models: Promise<ModelInfo[] | undefined> } | undefined;

  constructor(of: { id: string; extension: string; trusted: boolean; vendor: ModelVendor }, settings: Settings, parts: VendorParts) {
    const { id, extension, trusted, vendor } = of;
    this.#vendor = vendor;
    this.#settings = settings;
    this.#parts = parts;
    // Only what the vendor names is looked up.
    const whose = trusted ? undefined : extension;
    this.#env = new Proxy({}, { get: (_target, name) => (typeof name === "string" ? parts.env(name, whose) : undefined) });
    this.maker = `${extension}/${id}`;
    this.data = {
      ...{ id, title: vendor.title, extension, api: vendor.api, priority: vendor.priority, trusted },
      ...(vendor.local === undefined ? {} : { local: vendor.local }),
      ...(vendor.website === undefined ? {} : { website: vendor.website }),
      ...needsOf(vendor),
    };
  }

  info(model: string): ModelInfo | undefined {
    return infoIn(this.#vendor.models, model);
  }

  async status(signal: AbortSignal): Promise<State> {
    const way = await this.#way(this.#apiOf(undefined));
    if (typeof way === "string") return { ready: false, configured: false, reason: way };
    const { address, auth } = way;
    const keyed = auth?.kind === "key" || (auth?.kind === "aws" && this.#hasChain());
    const configured = keyed || address.set;
    const optional = this.#keyless(address, auth);
    if (!keyed && !optional) return { ready: false, configured, reason: this.#missing(auth) };
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
    const known = this.#vendor.models ?? [];
    // What the server says of a model is newer than what the data says.
    const all = listed.map((model) => ({ ...infoIn(known, model.id), ...model }));
    return listed.length > 0 ? all : known;
  }

  mostTools(model: string): number | undefined {
    return dialectOf(this.#apiOf(model), this.#settings.quirks?.schema ?? this.#vendor.quirks?.schema, model)?.mostTools;
  }

  async *stream(request: ModelRequest, signal: AbortSignal) {
    const { api, endpoint } = await this.#endpoint(request.model);
    const dialect = dialectOf(api, endpoint.quirks?.schema, request.model);
    const answer = this.#parts.apis.get(api).stream({ endpoint, request: inDialect(dialect, request) }, { signal });
    for await (const event of answer) yield fromDialect(dialect, request.tools, event);
  }

  async countTokens(request: Parameters<Source["countTokens"]>[0], signal: AbortSignal): Promise<number | undefined> {
    const { api, endpoint } = await this.#endpoint(request.model);
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
    const way = await this.#way(besides.api, besides);
    if (typeof way === "string") return { ready: false, configured: false, reason: way };
    const first = besides.defaultModel ?? besides.models?.[0]?.id;
    const named = first === undefined ? {} : { defaultModel: first };
    if (way.auth?.kind === "key") return { ready: true, configured: true, ...named };
    if (!this.#keyless(way.address, way.auth)) return { ready: false, configured: false, reason: this.#missing(way.auth) };
    const { ready, configured, reason } = await this.status(signal);
    return { ready, configured, ...(reason === undefined ? {} : { reason }), ...named };
  }

  /** @param speaker the extension that speaks to it, to which its key is lent */
  async endpointFor(besides: Besides, speaker: string): Promise<PurposeEndpoint> {
    const way = await this.#way(besides.api, besides);
    return { ...(await this.#spokenTo(way, speaker)), ...besidesOf(besides) };
  }

  #chosen(): string | undefined {
    const { defaultModel, models } = this.#settings;
    const { modelEnv } = this.#vendor;
    return defaultModel || (modelEnv === undefined ? undefined : this.#env[modelEnv]) || models?.[0] || undefined;
  }

  #apiOf(model: string | undefined): string {
    return this.#settings.api ?? (model === undefined ? undefined : this.info(model)?.api) ?? this.#vendor.api;
  }

  /** A sentence where the vendor is not set up. */
  async #way(api: string, besides?: Besides): Promise<Way | string> {
    const { otherApis = {} } = this.#vendor;
    const other = besides ?? (api !== this.#vendor.api && Object.hasOwn(otherApis, api) ? otherApis[api] : undefined);
    const address = this.#address(other?.baseUrls, besides);
    if (typeof address === "string") return address;
    const auth = await this.#auth();
    // A stranger's address is not the vendor's server, though it may speak its protocol.
    const quirks = address.own ? (other === undefined ? this.#vendor.quirks : other.quirks) : {};
    const headers = { ...(other?.headers ?? this.#vendor.headers), ...this.#settings.headers };
    if (besides !== undefined) return { ...{ api, address, auth, headers }, quirks: { ...quirks } };
    const { query, extraBody } = this.#settings;
    return {
      ...{ api, address, auth, headers },
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

  /** Of the ways that the vendor takes, the first whose secret is set; else one that needs none. */
  async #auth(): Promise<Auth | undefined> {
    const { auth } = this.#vendor;
    const keys = auth.filter(({ kind, secret }) => kind === "key" && secret !== undefined);
    const chosen = this.#settings.secret;
    const wanted = chosen === undefined ? keys : [{ ...keys[0], kind: "key" as const, secret: chosen }];
    const there = await this.#parts.set(wanted.map(({ secret }) => secret as string));
    return wanted.find(({ secret }) => there.includes(secret as string)) ?? auth.find(({ kind }) => kind === "none" || kind === "aws");
  }

  #keyless(address: Address, auth: Auth | undefined): boolean {
    return auth?.kind === "none" || this.#vendor.local === true || address.loopback;
  }

  /** What a chain of AWS begins with; whether it gives something is seen when it is asked. */
  #hasChain(): boolean {
    return ["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"].some(
      (name) => (this.#env[name] ?? "") !== "",
    );
  }

  #missing(auth: Auth | undefined): string {
    if (auth?.kind === "aws") return "No credentials of AWS are set.";
    const name = this.#settings.secret ?? this.data.needs?.secrets?.[0];
    return name === undefined ? "It is not set up." : `${name} is not set.`;
  }

  async #endpoint(model: string | undefined): Promise<{ api: string; endpoint: ModelEndpoint }> {
    const api = this.#apiOf(model);
    const way = await this.#way(api);
    if (typeof way === "string") throw this.#notReady(way);
    const speaker = (await this.#parts.apis.list()).find((one) => one.id === api)?.extension;
    if (speaker === undefined) throw this.#notReady(`nothing here speaks ${api}.`, `Install an extension that provides plinth.model-api ${api}.`);
    const { models } = this.#vendor;
    return { api, endpoint: { ...(await this.#spokenTo(way, speaker)), ...(models === undefined ? {} : { models }) } };
  }

  /** The endpoint of that way for one extension, with what it is lent. */
  async #spokenTo(way: Way | string, speaker: string): Promise<Omit<ModelEndpoint, "models">> {
    const { id, extension, title, trusted } = this.data;
    if (typeof way === "string") throw this.#notReady(way);
    const { address, auth, headers, quirks } = way;
    if (auth?.kind !== "key" && auth?.kind !== "aws" && !this.#keyless(address, auth)) {
      throw new PlinthError("PLINTH_MODEL_AUTH", `${title} needs a key, and ${this.#missing(auth)}`, {
        extension,
        next: `Set it in the environment, or keep it: plinth init --provider ${id}`,
        details: { retryable: false },
      });
    }
    const secret = auth?.kind === "key" ? auth.secret : undefined;
    if (!trusted) this.#permitted(auth, headers, address.baseUrl);
    const proof = secret === undefined ? {} : proved(auth as Auth, await this.#lent(secret, speaker, new URL(address.baseUrl).origin));
    return { vendor: id, title, baseUrl: address.baseUrl, headers: { ...headers, ...proof }, quirks };
  }

  /** Data of a third party's: its own key to its own hosts, and neither the chain of AWS nor a handle that it wrote itself. */
  #permitted(auth: Auth | undefined, headers: Record<string, string>, baseUrl: string): void {
    const { extension } = this.data;
    this.#parts.permit(extension, auth?.kind === "key" ? auth.secret : undefined, baseUrl);
    const asks = auth?.kind === "aws" ? "use the credentials of AWS" : secretsIn(headers) ? "name secrets in its headers" : undefined;
    if (asks === undefined) return;
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
    const { api, endpoint } = await this.#endpoint(undefined);
    const { models } = await this.#parts.apis.get(api).models({ endpoint }, { signal });
    this.#probe = { at: this.#parts.now(), models: Promise.resolve(models) };
    return models;
  }
}

function needsOf({ needs, auth }: ModelVendor): Pick<ModelSource, "needs"> {
  if (needs !== undefined) return { needs };
  const first = auth.find(({ kind, secret }) => kind === "key" && secret !== undefined)?.secret;
  return first === undefined || auth.some(({ kind }) => kind === "none") ? {} : { needs: { secrets: [first] } };
}

const secretsIn = (headers: Record<string, string>): boolean => Object.values(headers).some((value) => value.includes("{{plinth-secret:"));

function proved({ header = "authorization", prefix }: Auth, handle: string): Record<string, string> {
  return { [header.toLowerCase()]: `${prefix ?? (header.toLowerCase() === "authorization" ? "Bearer " : "")}${handle}` };
}
