import type { ModelInfo } from "@plinth/sdk";

const MOST = 2_000;

/** What a server lists: `{data}` as OpenAI, `{models}` as llama.cpp and LM Studio, or a plain list as Together. */
export function modelsOf(answer: unknown): ModelInfo[] | undefined {
  const { data, models } = (answer ?? {}) as { data?: unknown; models?: unknown };
  const rows = [answer, data, models].find((one) => Array.isArray(one)) as unknown[] | undefined;
  if (rows === undefined) return undefined;
  const found = new Map<string, ModelInfo>();
  for (const row of rows.slice(0, MOST)) {
    const model = typeof row === "object" && row !== null ? modelOf(row as Record<string, any>) : undefined;
    if (model !== undefined && !found.has(model.id)) found.set(model.id, model);
  }
  return [...found.values()];
}

function modelOf(row: Record<string, any>): ModelInfo | undefined {
  const id = row.id ?? row.name;
  if (typeof id !== "string" || id === "" || id.length > 256) return undefined;
  const title = [row.display_name, row.name].find((one) => typeof one === "string" && one !== "" && one !== id);
  const context = size(row.context_length, row.context_window, row.max_model_len, row.max_context_length, row.meta?.n_ctx_train);
  const output = size(row.top_provider?.max_completion_tokens, row.max_completion_tokens, row.max_output_tokens);
  const input = inputOf(row);
  const price = priceOf(row.pricing);
  const tools = toolsOf(row);
  return {
    id,
    ...(title === undefined ? {} : { title: title.slice(0, 200) }),
    ...(context === undefined ? {} : { contextTokens: context }),
    ...(output === undefined ? {} : { maxOutputTokens: output }),
    ...(input === undefined ? {} : { input }),
    ...(tools === undefined ? {} : { tools }),
    ...(price === undefined ? {} : { price }),
  };
}

const size = (...values: unknown[]): number | undefined =>
  values.find((value): value is number => typeof value === "number" && Number.isInteger(value) && value > 0);

/** OpenRouter: architecture.input_modalities; Mistral: capabilities.vision. */
function inputOf({ architecture, capabilities }: Record<string, any>): string[] | undefined {
  const said = architecture?.input_modalities;
  if (Array.isArray(said)) return said.filter((one) => ["image", "audio", "video", "file"].includes(one)).slice(0, 16);
  return typeof capabilities?.vision === "boolean" ? (capabilities.vision ? ["image"] : []) : undefined;
}

/** OpenRouter: supported_parameters; Mistral: capabilities.function_calling. What is not said is not known. */
function toolsOf({ supported_parameters, capabilities }: Record<string, any>): ModelInfo["tools"] {
  const said = Array.isArray(supported_parameters) ? supported_parameters.includes("tools") : capabilities?.function_calling;
  return typeof said === "boolean" ? (said ? "parallel" : "none") : undefined;
}

/** OpenRouter: dollars for one token, as text. Others' prices have no unit of their own, and are not taken. */
function priceOf(pricing: any): ModelInfo["price"] {
  const perMillion = (value: unknown): number | undefined => {
    const number = typeof value === "string" && value !== "" ? Number(value) * 1e6 : Number.NaN;
    return Number.isFinite(number) && number >= 0 ? Number(number.toPrecision(10)) : undefined;
  };
  const found = {
    input: perMillion(pricing?.prompt),
    output: perMillion(pricing?.completion),
    cacheRead: perMillion(pricing?.input_cache_read),
    cacheWrite: perMillion(pricing?.input_cache_write),
  };
  const said = Object.entries(found).filter(([, value]) => value !== undefined);
  return said.length === 0 ? undefined : (Object.fromEntries(said) as ModelInfo["price"]);
}
