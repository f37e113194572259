import type { Vendor, VendorConfig } from "./vendors.ts";

/** Where a vendor is reached, after configuration and environment had their say. */
export interface Endpoint {
  readonly vendor: Vendor;
  /** Without a trailing slash; undefined: not configured. */
  readonly baseUrl: string | undefined;
  /** The address is the vendor's own, whose models are known. */
  readonly own: boolean;
  readonly loopback: boolean;
  /** Name of the secret with the key. */
  readonly secret: string | undefined;
  /** A server on this machine may do without a key. */
  readonly keyOptional: boolean;
  readonly models: readonly string[] | undefined;
  /** The model that someone chose, or that is known to exist. */
  readonly chosenModel: string | undefined;
}

type Env = Readonly<Record<string, string | undefined>>;

export function endpointOf(vendor: Vendor, config: VendorConfig, env: Env): Endpoint {
  const fromEnv = vendor.baseUrlEnv ? env[vendor.baseUrlEnv] : undefined;
  const raw = config.baseUrl || fromEnv || vendor.baseUrl;
  const baseUrl = raw === undefined ? undefined : normalise(vendor, raw);
  const loopback = baseUrl !== undefined && isLoopback(baseUrl);
  const chosen = config.defaultModel || (vendor.modelEnv ? env[vendor.modelEnv] : undefined) || config.models?.[0];
  return {
    vendor,
    baseUrl,
    own: baseUrl === vendor.baseUrl && vendor.baseUrl !== undefined,
    loopback,
    secret: config.secret ?? vendor.secret,
    keyOptional: vendor.local === true || vendor.id === "custom" || loopback,
    models: config.models,
    chosenModel: chosen || undefined,
  };
}

function normalise(vendor: Vendor, raw: string): string {
  let text = raw.trim().replace(/\/+$/, "");
  if (!vendor.local) return text;
  // OLLAMA_HOST is an address to listen on: it may have no scheme, no port, and 0.0.0.0 as its host.
  if (!/^https?:\/\//.test(text)) text = `http://${text}`;
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  if (url.hostname === "0.0.0.0") url.hostname = "127.0.0.1";
  const hasPort = /:\d+$/.test(text.replace(/^https?:\/\//, "").split("/")[0] ?? "");
  if (vendor.id === "ollama" && !hasPort && url.protocol === "http:") url.port = "11434";
  if (url.pathname === "/") url.pathname = "/v1";
  return url.href.replace(/\/+$/, "");
}

function isLoopback(baseUrl: string): boolean {
  if (!URL.canParse(baseUrl)) return false;
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(new URL(baseUrl).hostname);
}
