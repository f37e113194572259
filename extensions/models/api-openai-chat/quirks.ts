import type { ModelEndpoint, ModelInfo } from "@plinth/sdk";
import type { OutgoingRules } from "@plinth/sdk/kits/model-api";

const THINKING = ["effort", "reasoning", "thinking", "enable_thinking", "chat_template", "none"] as const;
const FIELDS = ["reasoning_content", "reasoning", "reasoning_details", "content", "think"] as const;
const MEDIA = ["image", "audio", "file"];

export type ReasoningField = (typeof FIELDS)[number];

/** The switches by which servers of this protocol differ; plinth.json says what each does. */
export interface Quirks {
  readonly maxTokensField: string;
  readonly noStreamOptions: boolean;
  readonly reasoningField: ReasoningField | undefined;
  readonly returnReasoning: "within-turn" | "always" | "never" | undefined;
  readonly noTools: boolean;
  readonly systemRole: "system" | "developer" | "user";
  readonly query: Readonly<Record<string, string>>;
  readonly path: string;
  readonly modelsPath: string;
  readonly noModels: boolean;
  readonly extraBody: Readonly<Record<string, unknown>>;
  readonly thinking: (typeof THINKING)[number];
  readonly cacheKey: string | undefined;
  readonly cacheMarks: boolean;
  readonly metadata: boolean;
  readonly structured: "schema" | "json" | "none";
  readonly toolChoice: "all" | "no-object" | "no-required" | "auto";
  readonly noParallelTools: boolean;
  readonly thinkTags: boolean;
  /** Kinds of parts that the model takes besides text, as far as that is known; else what its server does. */
  readonly kinds: ReadonlySet<string>;
  /** What is known of the model. */
  readonly model: ModelInfo | undefined;
  readonly rules: OutgoingRules;
}

/** What is not set, or is set to something else than it may be, is the default. */
export function quirksOf({ quirks = {}, models = [] }: ModelEndpoint, model: string): Quirks {
  const text = (name: string): string | undefined => (typeof quirks[name] === "string" && quirks[name] !== "" ? quirks[name] : undefined);
  const oneOf = <T extends string>(name: string, values: readonly T[]): T | undefined => values.find((one) => one === quirks[name]);
  const record = (name: string): Record<string, unknown> =>
    typeof quirks[name] === "object" && quirks[name] !== null && !Array.isArray(quirks[name]) ? { ...quirks[name] } : {};
  const info = models.find(({ id }) => id === model) ?? models.find(({ aliases }) => aliases?.includes(model));
  const noTools =
    quirks.noTools === true || info?.tools === "none" || (Array.isArray(quirks.noTools) && quirks.noTools.some((one) => fits(one, model)));
  const media: readonly string[] = Array.isArray(quirks.media) ? quirks.media.filter((one) => typeof one === "string") : MEDIA;
  const known = info?.input;
  const kinds = new Set(known === undefined ? media : media.filter((kind) => known.includes(kind)));
  return {
    maxTokensField: text("maxTokensField") ?? "max_tokens",
    noStreamOptions: quirks.noStreamOptions === true,
    reasoningField: oneOf("reasoningField", FIELDS),
    returnReasoning: oneOf("returnReasoning", ["within-turn", "always", "never"]),
    noTools,
    systemRole: oneOf("systemRole", ["developer", "user"]) ?? "system",
    query: Object.fromEntries(Object.entries(record("query")).map(([name, value]) => [name, String(value)])),
    path: text("path") ?? "/chat/completions",
    modelsPath: text("modelsPath") ?? "/models",
    noModels: quirks.noModels === true,
    extraBody: record("extraBody"),
    thinking: oneOf("thinking", THINKING) ?? "effort",
    cacheKey: text("cacheKey"),
    cacheMarks: quirks.cacheMarks === true,
    metadata: quirks.metadata === true,
    structured: oneOf("structured", ["json", "none"]) ?? "schema",
    toolChoice: oneOf("toolChoice", ["no-object", "no-required", "auto"]) ?? "all",
    noParallelTools: quirks.noParallelTools === true,
    thinkTags: quirks.thinkTags === true,
    kinds,
    model: info,
    rules: {
      toolIds: oneOf("toolIds", ["any", "nine", "sixty-four"]) ?? "forty",
      first: oneOf("first", ["user"]) ?? "any",
      last: oneOf("last", ["any"]) ?? "user",
      alternate: oneOf("alternate", ["messages"]) ?? "no",
      afterTool: oneOf("afterTool", ["assistant"]) ?? "any",
      tools: !noTools,
      // Nobody asked for what a tool gives: it is sent where the model is known to take it.
      ...(known === undefined || kinds.size === 0 ? {} : { resultMedia: kinds }),
    },
  };
}

const fits = (pattern: unknown, model: string): boolean =>
  typeof pattern === "string" && (pattern.endsWith("*") ? model.startsWith(pattern.slice(0, -1)) : pattern === model);
