import type { ModelEndpoint, ModelRequest } from "@plinth/sdk";
import { type OutgoingRules, outgoing, Unsupported } from "@plinth/sdk/kits/model-api";
import { contentsOf } from "./contents.ts";
import { LetteredNames } from "./lettered-names.ts";
import { infoOf, isSigning, type Quirks, quirksOf } from "./quirks.ts";
import { openapiSchema } from "./schema.ts";

/** What its servers take of a conversation. */
export const RULES: OutgoingRules = { first: "user", last: "user" };

/** A request's body, how the names of its tools map back, and what was left out of it. */
export interface GeminiRequest {
  readonly body: Record<string, unknown>;
  /** The tool's name by the name that was sent. */
  readonly toolNames: ReadonlyMap<string, string>;
  readonly warnings: Unsupported["warnings"];
}

/** What Google's own tools are called, by our names. */
const SERVER_TOOLS: Readonly<Record<string, string>> = {
  "web-search": "googleSearch",
  "code-execution": "codeExecution",
  "url-context": "urlContext",
  "file-search": "fileSearch",
  maps: "googleMaps",
};

/** In tokens, as Google's own compatible server takes an effort: https://ai.google.dev/gemini-api/docs/openai */
const BUDGETS: Readonly<Record<string, number>> = { none: 0, minimal: 1_024, low: 1_024, medium: 8_192, high: 24_576 };

/** The body of `generateContent`: https://ai.google.dev/api/generate-content */
export function geminiRequest(endpoint: ModelEndpoint, given: ModelRequest): GeminiRequest {
  const { request: input } = outgoing(given, RULES);
  const quirks = quirksOf(endpoint);
  const unsupported = new Unsupported(endpoint.title, input);
  const names = new LetteredNames((input.tools ?? []).map(({ name }) => name));
  const contents = contentsOf(input.messages, {
    vendor: endpoint.vendor,
    model: input.model,
    names,
    unsupported,
    signed: quirks.signatures === undefined ? isSigning(input.model) : quirks.signatures === "required",
    resultFiles: quirks.resultFiles ?? isSigning(input.model),
  });
  const system = (input.system ?? []).flatMap(({ text }) => (text === "" ? [] : [{ text }]));
  const config = generationConfig(endpoint, input, unsupported);
  const fields: Record<string, unknown> = {
    contents,
    ...(system.length === 0 ? {} : { systemInstruction: { parts: system } }),
    ...toolFields(input, quirks, names, unsupported),
    ...(Object.keys(config).length === 0 ? {} : { generationConfig: config }),
  };
  const own = { ...quirks.extraBody, ...(input.vendor?.[endpoint.vendor] as object | undefined) };
  return { body: merged(fields, own), toolNames: names.ours, warnings: unsupported.warnings };
}

function toolFields(input: ModelRequest, quirks: Quirks, names: LetteredNames, unsupported: Unsupported): object {
  const { tools = [], serverTools = [], toolChoice, parallelTools } = input;
  const known = quirks.serverTools ?? SERVER_TOOLS;
  const all: object[] = [];
  if (tools.length > 0) {
    all.push({
      functionDeclarations: tools.map(({ name, description, input: schema }) => ({
        name: names.wire(name),
        description,
        ...parameters(schema, quirks),
      })),
    });
  }
  for (const { id, options = {} } of serverTools) {
    const field = known[id];
    if (field === undefined) unsupported.leave("serverTools", `the server's own tool ${JSON.stringify(id)}`);
    else all.push({ [field]: options });
  }
  if (parallelTools === false && tools.length > 0) unsupported.leave("parallelTools", "that it makes one call only");
  if (all.length === 0) return {};
  const mode = typeof toolChoice === "object" ? "ANY" : { auto: "AUTO", none: "NONE", required: "ANY" }[toolChoice ?? "auto"];
  if (tools.length === 0 || toolChoice === undefined) return { tools: all };
  const allowed = typeof toolChoice === "object" ? { allowedFunctionNames: [names.wire(toolChoice.name)] } : {};
  return { tools: all, toolConfig: { functionCallingConfig: { mode, ...allowed } } };
}

/** A tool without parameters has none: an object without properties is refused. */
function parameters(schema: Record<string, unknown>, { schema: dialect = "json" }: Quirks): object {
  if (Object.keys((schema.properties ?? {}) as object).length === 0 && schema.$ref === undefined && schema.allOf === undefined) return {};
  return dialect === "json" ? { parametersJsonSchema: schema } : { parameters: openapiSchema(schema) };
}

function generationConfig(endpoint: ModelEndpoint, input: ModelRequest, unsupported: Unsupported): Record<string, unknown> {
  const quirks = quirksOf(endpoint);
  const info = infoOf(endpoint, input.model);
  const output = input.output ?? "text";
  const made = info?.output?.filter((kind) => kind === "image" || kind === "audio") ?? [];
  const schema =
    typeof output === "object"
      ? quirks.schema === "openapi"
        ? { responseSchema: openapiSchema(output.schema) }
        : { responseJsonSchema: output.schema }
      : {};
  return present({
    temperature: input.temperature,
    topP: input.topP,
    maxOutputTokens: input.maxOutputTokens,
    stopSequences: input.stop,
    seed: input.seed,
    responseMimeType: output === "text" ? undefined : "application/json",
    ...schema,
    responseModalities: made.length > 0 && output === "text" ? ["TEXT", ...made.map((kind) => kind.toUpperCase())] : undefined,
    thinkingConfig: thinkingConfig(endpoint, input, unsupported),
  });
}

/** Thoughts are asked for where the model is known to think, or is told how much: others refuse the field. */
function thinkingConfig(endpoint: ModelEndpoint, { thinking, model }: ModelRequest, unsupported: Unsupported): object | undefined {
  const quirks = quirksOf(endpoint);
  const known = infoOf(endpoint, model)?.thinking;
  if (thinking === undefined) return known === undefined ? undefined : { includeThoughts: true };
  const budget = quirks.thinking === undefined ? known?.budget !== undefined || /\bgemini-2\./.test(model) : quirks.thinking === "budget";
  if (thinking === "off") {
    if (known?.always !== true) return budget ? { thinkingBudget: 0 } : { thinkingLevel: quirks.offLevel ?? "minimal" };
    unsupported.leave("thinking", "that it does not think");
    return undefined;
  }
  if ("budgetTokens" in thinking) return { includeThoughts: true, thinkingBudget: thinking.budgetTokens };
  if (!budget) return { includeThoughts: true, thinkingLevel: thinking.effort };
  const { min = 0, max = Number.POSITIVE_INFINITY } = known?.budget ?? {};
  // The vendor's names for efforts end with high; what is above is all that there is.
  const tokens = BUDGETS[thinking.effort] ?? (known?.budget === undefined ? undefined : max);
  if (tokens !== undefined) return { includeThoughts: true, thinkingBudget: Math.min(Math.max(tokens, min), max) };
  unsupported.leave("thinking", `the effort ${JSON.stringify(thinking.effort)}`);
  return undefined;
}

/** A vendor's own fields win; objects such as `generationConfig` keep what only one side says. */
function merged(fields: Record<string, unknown>, own: Record<string, unknown>): Record<string, unknown> {
  const isObject = (value: unknown): value is object => typeof value === "object" && value !== null && !Array.isArray(value);
  const all = { ...fields };
  for (const [name, value] of Object.entries(own)) {
    const before = all[name];
    all[name] = isObject(before) && isObject(value) ? { ...before, ...value } : value;
  }
  return all;
}

/** The fields that have a value. */
function present(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
