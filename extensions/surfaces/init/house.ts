import { type Capability, type Context, errorInfo, type KernelSnapshot, type Manifest, type ModelSource, type Needs } from "@plinth/sdk";

/** Something that can be set up: a provider of models, or a channel. All but `ready` is read from manifests. */
export interface Candidate {
  readonly id: string;
  readonly title: string;
  readonly extension: string;
  readonly needs: Needs;
  readonly manifest: Manifest;
}

export interface Provider extends Candidate {
  readonly priority: number;
  readonly standIn: boolean;
  readonly ready: boolean;
  readonly reason?: string;
  readonly defaultModel?: string;
}

export interface House {
  /** In the order of the automatic choice. */
  providers: Provider[];
  channels: Candidate[];
  /** Installed extensions whose models wait to be chosen once. */
  unchosen: string[];
  /** There is a page to talk on. */
  hasPage: boolean;
  /** What conversations are answered by, such as `auto` or `ollama/qwen3`. */
  model: string;
  /** Where that is set; absent where whoever routes messages has no such setting. */
  modelPath?: string;
}

/** What there is to choose from, and what is chosen. Only `status` of the providers runs code of theirs. */
export async function readHouse(ctx: Context, signal: AbortSignal): Promise<House> {
  const kernel = await snapshot(ctx);
  const manifests = new Map(kernel.records.map(({ manifest }) => [manifest.id, manifest]));
  const candidate = (one: Capability<{ title: string; needs?: Needs }>): Candidate => ({
    ...{ id: one.id, title: one.descriptor.title, extension: one.extension, needs: one.descriptor.needs ?? {} },
    manifest: manifests.get(one.extension) as Manifest,
  });
  const { sources: listed } = await ctx.use("plinth.models").one().sources({});
  const providers = await Promise.all(listed.map((one) => providerOf(ctx, one, manifests.get(one.extension) as Manifest, signal)));
  const known = new Set(listed.map(({ extension }) => extension));
  const offers = ({ provides = [] }: Manifest) => provides.some(talks);
  const routes = await ctx.use("plinth.http-route").list();
  return {
    providers: providers.sort((a, b) => a.priority - b.priority || (a.id < b.id ? -1 : 1)),
    channels: (await ctx.use("plinth.channel").list()).map(candidate),
    unchosen: kernel.records.flatMap(({ manifest, bundled }) => (!bundled && offers(manifest) && !known.has(manifest.id) ? [manifest.id] : [])),
    hasPage: routes.some(({ descriptor }) => descriptor.path === "/"),
    ...(await modelOf(ctx, manifests)),
  };
}

/** A vendor without a protocol for it has models for other purposes alone. */
const talks = ({ contract, descriptor }: NonNullable<Manifest["provides"]>[number]): boolean =>
  contract === "plinth.model-provider" ||
  (contract === "plinth.model-vendor" && typeof (descriptor as { api?: unknown } | undefined)?.api === "string");

export const snapshot = (ctx: Context): Promise<KernelSnapshot> => ctx.use("plinth.kernel").one().snapshot({});

async function providerOf(ctx: Context, one: ModelSource, manifest: Manifest, signal: AbortSignal): Promise<Provider> {
  const { id, title, extension, needs = {}, priority, standIn = false } = one;
  const status = await ctx
    .use("plinth.models")
    .one()
    .status({ provider: id }, { signal })
    .catch((thrown: unknown) => ({ ready: false, reason: errorInfo(thrown).message }));
  return { id, title, extension, needs, manifest, priority, standIn, ...status };
}

async function modelOf(ctx: Context, manifests: ReadonlyMap<string, Manifest>): Promise<Pick<House, "model" | "modelPath">> {
  const [router] = await ctx.use("plinth.router").list();
  if (router === undefined) return { model: "auto" };
  const { model } = await ctx.use("plinth.router").one().route({ surface: "cli" });
  const config = manifests.get(router.extension)?.config as { properties?: object } | undefined;
  return { model, ...(Object.hasOwn(config?.properties ?? {}, "model") ? { modelPath: `extensions["${router.extension}"].config.model` } : {}) };
}
