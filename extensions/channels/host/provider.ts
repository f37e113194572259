import type { Capability, Client, Context, Descriptor, KernelSnapshot } from "@plinth/sdk";

export type ChannelClient = Client<"plinth.channel">;
type ChannelDescriptor = Descriptor<"plinth.channel">;

/** A channel that is installed, as its manifest tells it: none of its code is loaded to know this. */
export interface Provider {
  readonly id: string;
  readonly extension: string;
  /** Its extension is of the product, or run by the operator inside the host. */
  readonly trusted: boolean;
  readonly descriptor: ChannelDescriptor;
  /** What has to be set before it can be started. */
  readonly missing: readonly string[];
}

/** The channels there are now, with what keeps them from being started. */
export async function readProviders(ctx: Context): Promise<Provider[]> {
  const channels = (await ctx.use("plinth.channel").list()) as Capability<ChannelDescriptor>[];
  if (channels.length === 0) return [];
  const kernel = await ctx.use("plinth.kernel").one().snapshot({});
  return Promise.all(
    channels.map(async ({ id, extension, trusted, descriptor }) => ({
      ...{ id, extension, trusted, descriptor },
      missing: await missingOf(kernel, extension, descriptor),
    })),
  );
}

/** A dot goes into an object. */
function valueAt(value: unknown, path: string): unknown {
  const own = (held: unknown, name: string): unknown =>
    typeof held === "object" && held !== null && Object.hasOwn(held, name) ? (held as Record<string, unknown>)[name] : undefined;
  return path.split(".").reduce(own, value);
}

async function missingOf(kernel: KernelSnapshot, extension: string, { needs }: ChannelDescriptor): Promise<string[]> {
  const entry = kernel.config.extensions?.[extension];
  const given = typeof entry === "object" ? (entry.config ?? {}) : {};
  const missing = (needs?.config ?? [])
    .filter((name) => valueAt(given, name) === undefined)
    .map((name) => `extensions["${extension}"].config.${name}`);
  for (const name of needs?.secrets ?? []) if ((await kernel.secretExists?.(name)) !== true) missing.push(`the secret ${name}`);
  return missing;
}
