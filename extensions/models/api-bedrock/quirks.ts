import type { ModelEndpoint, ModelInfo } from "@plinth/sdk";

/** How a model is told how much to think: as Claude, as Nova, by an effort alone, or not at all. */
export type ThinkingWay = "claude" | "nova" | "effort" | "none";

/** The switches of an endpoint; plinth.json says what each does. */
export interface Quirks {
  readonly region: string | undefined;
  readonly profile: string | undefined;
  readonly modelsUrl: string | undefined;
  readonly noModels: boolean;
  readonly thinking: ThinkingWay | undefined;
  readonly cacheTtl: "5m" | "1h" | undefined;
  readonly noCache: boolean;
  readonly guardrail: Readonly<Record<string, unknown>> | undefined;
  readonly extraBody: Readonly<Record<string, unknown>>;
}

export function quirksOf({ quirks = {} }: ModelEndpoint): Quirks {
  const text = (name: string): string | undefined => (typeof quirks[name] === "string" && quirks[name] !== "" ? quirks[name] : undefined);
  const record = (name: string): Record<string, unknown> | undefined =>
    typeof quirks[name] === "object" && quirks[name] !== null && !Array.isArray(quirks[name]) ? { ...quirks[name] } : undefined;
  return {
    region: text("region"),
    profile: text("profile"),
    modelsUrl: text("modelsUrl"),
    noModels: quirks.noModels === true,
    thinking: (["claude", "nova", "effort", "none"] as const).find((one) => one === quirks.thinking),
    cacheTtl: (["5m", "1h"] as const).find((one) => one === quirks.cacheTtl),
    noCache: quirks.noCache === true,
    guardrail: record("guardrail"),
    extraBody: record("extraBody") ?? {},
  };
}

export function knownModel({ models = [] }: ModelEndpoint, model: string): ModelInfo | undefined {
  return models.find(({ id }) => id === model) ?? models.find(({ aliases }) => aliases?.includes(model));
}

/** Who made a model, by its id, its inference profile's, or its ARN: `us.anthropic.claude-…` is anthropic's. */
export const isClaude = (model: string): boolean => /(^|[./])anthropic\.claude/.test(model);
export const isNova = (model: string): boolean => /(^|[./])amazon\.nova/.test(model);

export const thinkingWay = (model: string, { thinking }: Quirks): ThinkingWay =>
  thinking ?? (isClaude(model) ? "claude" : isNova(model) ? "nova" : "effort");
