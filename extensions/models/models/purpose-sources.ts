import { type Context, errorInfo, type ModelSource, PlinthError, type PurposeEndpoint, type VendorPurpose } from "@plinth/sdk";
import type { Again, Asker } from "./proofs.ts";
import type { Besides, State } from "./source.ts";
import { besidesOf } from "./source.ts";
import { VendorSource } from "./vendor.ts";

const STATUS_MS = 2_000;

/** A method's client is that of its contract; what all of them have in common is used here. */
export interface PurposeClient {
  status(input: object, options: object): Promise<{ ready: boolean; reason?: string; defaultModel?: string }>;
  models(input: object, options: object): Promise<{ models: { id: string }[] }>;
  readonly [method: string]: (input: any, options: any) => any;
}

/** Somebody who can be asked for one purpose: a provider of its contract, or a vendor with the code that speaks to it. */
export interface PurposeSource {
  readonly data: ModelSource;
  /** false: its server is not this machine's. */
  readonly here?: boolean;
  status(signal: AbortSignal): Promise<State>;
  models(signal: AbortSignal): Promise<{ id: string }[]>;
  /** What is known of a model without asking anybody. */
  info?(model: string): object | undefined;
  /** Asks it, with one credential after the other where it has several: by its client, with the endpoint that every input has to have. */
  asked<Item extends { readonly type: string }>(
    by: Asker & { model?: string },
    ask: (client: PurposeClient, endpoint?: PurposeEndpoint) => AsyncIterable<Item>,
    signal: AbortSignal,
  ): AsyncIterable<Item | Again>;
}

interface Listed {
  readonly id: string;
  readonly extension: string;
  readonly trusted: boolean;
  readonly descriptor: {
    title: string;
    priority: number;
    local?: boolean;
    unbilled?: ModelSource["unbilled"];
    needs?: ModelSource["needs"];
    api?: boolean;
  };
}

/**
 * Who can be asked for a purpose, in the order of the automatic choice. Code of its own goes before data, where they share an id;
 * another publisher's is nowhere the one of a name that a vendor of the product's has.
 */
export async function purposeSources(ctx: Context, purpose: VendorPurpose, all: Iterable<object>): Promise<ReadonlyMap<string, PurposeSource>> {
  const listed: readonly Listed[] = await ctx.use(purpose).list();
  const vendors = [...all].filter((one) => one instanceof VendorSource);
  const taken = new Set(vendors.filter(({ data }) => data.trusted).map(({ data }) => data.id));
  const own = listed.filter(
    ({ id, extension, trusted, descriptor }) => extension !== ctx.id && descriptor.api !== true && (trusted || !taken.has(id)),
  );
  const found = own.map((one) => providing(one, clientOf(ctx, purpose, one.id)));
  for (const vendor of vendors) {
    const besides = vendor.besides(purpose);
    if (besides === undefined || own.some(({ id }) => id === vendor.data.id)) continue;
    found.push(speaking(ctx, purpose, vendor, besides, listed));
  }
  found.sort((a, b) => a.data.priority - b.data.priority || (a.data.id < b.data.id ? -1 : 1));
  return new Map(found.map((source) => [source.data.id, source]));
}

const clientOf = (ctx: Context, purpose: VendorPurpose, id: string): PurposeClient => ctx.use(purpose).get(id) as unknown as PurposeClient;

function providing({ id, extension, trusted, descriptor }: Listed, client: PurposeClient): PurposeSource {
  const { title, priority, local, unbilled, needs } = descriptor;
  return {
    data: {
      ...{ id, title, extension, priority, trusted },
      ...(local === undefined ? {} : { local }),
      ...(unbilled === undefined ? {} : { unbilled }),
      ...(needs === undefined ? {} : { needs }),
    },
    async status(signal) {
      const { ready, ...more } = await client.status({}, { deadlineMs: STATUS_MS, signal });
      return { ready, configured: ready, ...more };
    },
    models: async (signal) => (await client.models({}, { signal })).models,
    asked: (_by, ask) => ask(client),
  };
}

function speaking(ctx: Context, purpose: VendorPurpose, vendor: VendorSource, besides: Besides, listed: readonly Listed[]): PurposeSource {
  const { api } = besides;
  const speaker = listed.find(({ id, descriptor }) => id === api && descriptor.api === true);
  const { data } = vendor;
  const missing = `Nothing here speaks to its server: ${purpose} ${api} is not installed.`;
  return {
    data: { ...data, api },
    here: vendor.here,
    status: async (signal) => (speaker === undefined ? { ready: false, configured: false, reason: missing } : vendor.statusFor(besides, signal)),
    models: async () => besidesOf(besides).models ?? [],
    info: (model) => (besidesOf(besides).models ?? []).find(({ id }) => id === model),
    async *asked(by, ask, signal) {
      if (speaker === undefined)
        throw new PlinthError("PLINTH_MODEL_NOT_READY", `${data.title} cannot answer. ${missing}`, {
          extension: data.extension,
          next: "plinth plugins list",
          details: { retryable: false, provider: data.id },
        });
      const client = clientOf(ctx, purpose, api);
      yield* vendor.inTurn({ ...by, besides, speaker: speaker.extension }, (endpoint) => ask(client, endpoint), signal);
    },
  };
}

/** A source that fails to say how it is, is not ready. */
export const stateOf = (source: PurposeSource, signal: AbortSignal): Promise<State> =>
  source.status(signal).catch((thrown: unknown): State => ({ ready: false, configured: false, reason: errorInfo(thrown).message }));
