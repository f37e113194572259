import { fileURLToPath } from "node:url";
import type { AdvisoryPolicy, ReleasePolicy } from "@plinth/registry";
import type { Context } from "@plinth/sdk";

/** One place that packages come from. */
export interface Marketplace {
  name: string;
  /** A folder, a file: URL, an http(s) URL, or `product:registry` for the sample that the product brings along. */
  url: string;
  /** Fingerprint of the registry's first root. */
  root?: string;
  /** `claude`: the address of a marketplace.json; default: a registry. */
  kind?: "registry" | "claude";
  /** Origins besides its own that it may send this host on to. */
  downloads?: string[];
  /** Its versions need no age. */
  anyAge?: boolean;
}

export interface AdvisorySettings extends AdvisoryPolicy {
  /** How often feeds are pulled; 0: never by itself. */
  everyHours: number;
}

export interface SetupSettings {
  /** `grants`: what the configuration grants is consented to. `config`: naming an extension there is consent enough. */
  consent: "grants" | "config";
  /** What a turn does while something named is missing. */
  missing: "continue" | "wait";
}

const HOUR_MS = 3_600_000;

/** The environment wins over the configuration; without either it is the sample registry that came with the product. */
export function marketplacesOf(ctx: Pick<Context, "env" | "config">): Marketplace[] {
  const override = ctx.env.PLINTH_REGISTRY;
  if (override) return [{ name: "custom", url: override, anyAge: true }];
  return configuredMarketplaces(ctx);
}

export function configuredMarketplaces({ config }: Pick<Context, "config">): Marketplace[] {
  return (config.registries as Marketplace[] | undefined) ?? [SAMPLE];
}

/** The registry that the product brings along, as old as the product itself. Its address holds wherever that is installed. */
const SAMPLE: Marketplace = { name: "sample", url: "product:registry", anyAge: true };

/** The product's own extensions that are not on by default. Nobody configures it, and nobody else brings what is in it. */
export const BUILT_IN: Marketplace = { name: "built-in", url: "product:built-in", anyAge: true };

/** Its files are the product's: as good as the product, signed or not. */
export const isOwn = ({ url }: Pick<Marketplace, "url">): boolean => url === SAMPLE.url || url === BUILT_IN.url;

/** What a client is given: a folder, a file: URL or an http(s) URL. */
export function addressOf({ url }: Pick<Marketplace, "url">): string {
  return isOwn({ url }) ? fileURLToPath(new URL(`../../${url.slice("product:".length)}`, import.meta.url)) : url;
}

export function releasePolicyOf(ctx: Pick<Context, "env" | "config">): ReleasePolicy {
  const {
    minimumAgeHours,
    exempt = ["sample"],
    noDowngrade,
  } = (ctx.config.release ?? {}) as {
    minimumAgeHours?: number;
    exempt?: string[];
    noDowngrade?: boolean;
  };
  const anyAge = marketplacesOf(ctx).flatMap(({ name, anyAge: any }) => (any ? [name] : []));
  return {
    ...(minimumAgeHours === undefined ? {} : { minimumAgeMs: minimumAgeHours * HOUR_MS }),
    ...(noDowngrade === undefined ? {} : { noDowngrade }),
    // What the product brings itself is as old as the product. By publisher: a registry may have any name.
    exempt: [...exempt, ...anyAge, "plinth.*"],
  };
}

export function advisorySettingsOf({ config }: Pick<Context, "config">): AdvisorySettings {
  return { everyHours: 0, ...(config.advisories as object | undefined) };
}

export function setupSettingsOf({ config }: Pick<Context, "config">): SetupSettings {
  return { consent: "grants", missing: "continue", ...(config.setup as object | undefined) };
}
