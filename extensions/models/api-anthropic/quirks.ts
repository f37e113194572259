import type { ModelEndpoint, ModelInfo } from "@plinth/sdk";

/** The switches by which servers of this protocol differ; plinth.json says what each does. */
export interface Quirks {
  readonly path: string;
  readonly countPath: string;
  readonly modelsPath: string;
  readonly version: string | undefined;
  readonly betas: readonly string[];
  readonly noModels: boolean;
  readonly noCount: boolean;
  readonly maxTokens: number;
  readonly thinking: "adaptive" | "budget" | "none" | undefined;
  readonly noThinkingDisplay: boolean;
  readonly noCache: boolean;
  readonly cacheTtl: "5m" | "1h" | undefined;
  readonly noUrls: boolean;
  readonly prefill: boolean;
  readonly citations: boolean;
  readonly serverTools: Readonly<Record<string, string>>;
  readonly noStructured: boolean;
  readonly extraBody: Readonly<Record<string, unknown>>;
}

/** The newest form of each that every model with server tools takes. */
const SERVER_TOOLS = {
  "web-search": "web_search_20250305",
  "web-fetch": "web_fetch_20250910",
  "code-execution": "code_execution_20250825",
};

/** What is not set, or is set to something else than it may be, is as with Anthropic's own server. */
export function quirksOf({ quirks = {} }: ModelEndpoint): Quirks {
  const text = (name: string): string | undefined => (typeof quirks[name] === "string" && quirks[name] !== "" ? quirks[name] : undefined);
  const record = (name: string): Record<string, unknown> | undefined =>
    typeof quirks[name] === "object" && quirks[name] !== null && !Array.isArray(quirks[name]) ? { ...quirks[name] } : undefined;
  const { betas, maxTokens } = quirks;
  return {
    path: text("path") ?? "/messages",
    countPath: text("countPath") ?? "/messages/count_tokens",
    modelsPath: text("modelsPath") ?? "/models",
    version: text("version"),
    betas: Array.isArray(betas) ? betas.filter((one) => typeof one === "string") : [],
    noModels: quirks.noModels === true,
    noCount: quirks.noCount === true,
    maxTokens: Number.isInteger(maxTokens) && (maxTokens as number) > 0 ? (maxTokens as number) : 8_192,
    thinking: (["adaptive", "budget", "none"] as const).find((one) => one === quirks.thinking),
    noThinkingDisplay: quirks.noThinkingDisplay === true,
    noCache: quirks.noCache === true,
    cacheTtl: (["5m", "1h"] as const).find((one) => one === quirks.cacheTtl),
    prefill: quirks.prefill === true,
    noUrls: quirks.noUrls === true,
    citations: quirks.citations === true,
    serverTools: (record("serverTools") as Record<string, string> | undefined) ?? SERVER_TOOLS,
    noStructured: quirks.noStructured === true,
    extraBody: record("extraBody") ?? {},
  };
}

/** What is known of a model of the endpoint, by its id or one of its other names. */
export function knownModel({ models = [] }: ModelEndpoint, model: string): ModelInfo | undefined {
  return models.find(({ id }) => id === model) ?? models.find(({ aliases }) => aliases?.includes(model));
}
