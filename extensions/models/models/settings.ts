import type { KernelSnapshot, ModelVendor } from "@plinth/sdk";

/** What the operator wants otherwise than a vendor's data says. */
export interface Settings {
  baseUrl?: string;
  region?: string;
  api?: string;
  secret?: string;
  models?: string[];
  defaultModel?: string;
  headers?: Record<string, string>;
  query?: Record<string, string>;
  extraBody?: Record<string, unknown>;
  quirks?: Record<string, unknown>;
}

/** A server of the operator's own. */
export interface Server extends Omit<Settings, "region"> {
  baseUrl: string;
  title?: string;
  priority?: number;
  header?: string;
}

export interface Config {
  vendors?: Record<string, Settings>;
  servers?: Record<string, Server>;
  aliases?: Record<string, string>;
  fallbacks?: string[];
  /** By purpose, such as `embedding`, who answers where nobody is named. */
  defaults?: Record<string, string>;
}

/** Where the settings of vendors stood before, and where those of the server without a vendor still do. */
const COMPATIBLE = "plinth.openai-compatible";

/** What stands in the configuration of the extension that says which servers are compatible, under what is here. */
export function settingsOf(id: string, config: Config, snapshot: Pick<KernelSnapshot, "config">): Settings {
  const other = snapshot.config.extensions?.[COMPATIBLE];
  const { vendors } = (typeof other === "object" ? (other.config ?? {}) : {}) as { vendors?: Record<string, Settings> };
  const before = own(vendors, id);
  // Whatever was addressed there spoke chat completions, also where its vendor has a protocol of its own.
  return { ...before, ...(before?.baseUrl === undefined ? {} : { api: "openai-chat" }), ...own(config.vendors, id) };
}

/** Who speaks chat completions may have the rest of OpenAI's endpoints; which models those have, only its owner knows. */
const SPOKEN_BESIDES: ModelVendor["apis"] = {
  "plinth.embedding": { api: "openai" },
  "plinth.rerank": { api: "rerank" },
  "plinth.speech": { api: "openai" },
  "plinth.transcription": { api: "openai" },
  "plinth.image-generation": { api: "openai" },
  "plinth.video-generation": { api: "openai" },
};

/** A server of the operator's as the vendor that it is. */
export const vendorOf = (id: string, { title = id, api = "openai-chat", baseUrl, priority = 5, secret, header }: Server): ModelVendor => ({
  title,
  api,
  priority,
  baseUrls: { default: baseUrl.replace(/\/+$/, "") },
  ...(api === "openai-chat" ? { apis: SPOKEN_BESIDES } : {}),
  auth: secret === undefined ? [{ kind: "none" }] : [{ kind: "key", secret, ...(header === undefined ? {} : { header }) }],
});

const own = (record: Record<string, Settings> | undefined, id: string): Settings | undefined =>
  record !== undefined && Object.hasOwn(record, id) ? record[id] : undefined;
