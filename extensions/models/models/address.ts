import { isLoopbackHost, type ModelVendor } from "@plinth/sdk";
import type { Settings } from "./settings.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Where a vendor is reached, after configuration and environment had their say. */
export interface Address {
  /** Without a slash at its end. */
  readonly baseUrl: string;
  /** It is the vendor's own, whose models and peculiarities are known. */
  readonly own: boolean;
  /** Somebody set it for Plinth. */
  readonly set: boolean;
  readonly loopback: boolean;
}

/** @returns a sentence where there is no address. */
export function addressOf(vendor: ModelVendor, baseUrls: ModelVendor["baseUrls"], settings: Settings, env: Env): Address | string {
  const chosen = settings.baseUrl || (vendor.baseUrlEnv === undefined ? undefined : env[vendor.baseUrlEnv]);
  const region = settings.region ?? "default";
  const given = Object.hasOwn(baseUrls, region) ? baseUrls[region] : undefined;
  if (chosen === undefined || chosen === "") {
    if (given === undefined) return `${vendor.title} has no address for ${JSON.stringify(region)}; it has ${Object.keys(baseUrls).join(", ")}.`;
    const missing = namesIn(given).find((name) => !env[name]);
    if (missing !== undefined) return `${missing} is not set, which is a part of its address.`;
    return { ...found(filled(given, env)), own: true, set: namesIn(given).length > 0 };
  }
  const baseUrl = vendor.local === true ? listened(chosen, given) : trimmed(chosen);
  if (!URL.canParse(baseUrl)) return `${JSON.stringify(chosen)} is no address.`;
  // OLLAMA_HOST and its like are the server's own settings: whoever has one set has not thereby chosen its models.
  const set = vendor.local !== true || Boolean(settings.baseUrl);
  return { ...found(baseUrl), own: given !== undefined && baseUrl === filled(given, env), set };
}

const found = (baseUrl: string) => ({ baseUrl, loopback: isLoopbackHost(URL.parse(baseUrl)?.hostname ?? "") });
const trimmed = (url: string): string => url.trim().replace(/\/+$/, "");
const namesIn = (url: string): string[] => [...url.matchAll(/\{([A-Za-z][A-Za-z0-9_]*)\}/g)].map(([, name = ""]) => name);
const filled = (url: string, env: Env): string =>
  trimmed(url.replace(/\{([A-Za-z][A-Za-z0-9_]*)\}/g, (_all, name: string) => encodeURIComponent(env[name] ?? "")));

/** OLLAMA_HOST and its like are addresses to listen on: they may have no scheme, no port, no path, and 0.0.0.0 as their host. */
function listened(given: string, usual = ""): string {
  const text = trimmed(given);
  const withScheme = /^https?:\/\//.test(text) ? text : `http://${text}`;
  if (!URL.canParse(withScheme)) return text;
  const [url, own] = [new URL(withScheme), URL.parse(usual)];
  if (url.hostname === "0.0.0.0") url.hostname = "127.0.0.1";
  const hasPort = /:\d+$/.test(withScheme.replace(/^https?:\/\//, "").split("/")[0] ?? "");
  if (!hasPort && url.protocol === "http:" && own !== null) url.port = own.port;
  if (url.pathname === "/" && own !== null) url.pathname = own.pathname;
  return trimmed(url.href);
}
