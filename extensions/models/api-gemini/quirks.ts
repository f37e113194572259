import type { ModelEndpoint, ModelInfo } from "@plinth/sdk";

/** How a vendor's server differs; the manifest says what each means. */
export interface Quirks {
  vertex?: boolean;
  project?: string;
  location?: string;
  path?: string;
  modelsPath?: string;
  query?: Record<string, string>;
  schema?: "json" | "openapi";
  thinking?: "level" | "budget";
  offLevel?: string;
  signatures?: "required" | "optional";
  resultFiles?: boolean;
  serverTools?: Record<string, string>;
  extraBody?: Record<string, unknown>;
}

export const quirksOf = ({ quirks }: Pick<ModelEndpoint, "quirks">): Quirks => (quirks ?? {}) as Quirks;

/** What is known of a model, by its name or one of its other names. */
export const infoOf = ({ models }: ModelEndpoint, model: string): ModelInfo | undefined =>
  models?.find(({ id, aliases }) => id === model || aliases?.includes(model));

/** The third generation, and those after it, sign their calls and are told levels of thinking; Google says so by name only. */
export const isSigning = (model: string): boolean => /\bgemini-(?:[3-9]|\d\d)/.test(model);

const VERTEX = "/projects/{project}/locations/{location}/publishers/google/models/{model}";

/** The address of a model's method, such as `countTokens`. */
export function methodUrl(endpoint: ModelEndpoint, model: string, method: string, query: Record<string, string> = {}): string {
  const { vertex, project = "", location = "", path = vertex ? VERTEX : "/models/{model}" } = quirksOf(endpoint);
  // A tuned model is named with its folder.
  const named = model.includes("/") ? path.replace(/models\/\{model\}$/, "{model}") : path;
  const values: Record<string, string> = { project, location, model: model.split("/").map(encodeURIComponent).join("/") };
  const filled = named.replace(/\{(project|location|model)\}/g, (_, name: string) => values[name]!);
  return urlOf(endpoint, `${filled}:${method}`, query);
}

/** An address below the endpoint's, with the query that this server wants. */
export function urlOf(endpoint: ModelEndpoint, path: string, more: Record<string, string> = {}): string {
  const query = new URLSearchParams({ ...more, ...quirksOf(endpoint).query }).toString();
  return `${endpoint.baseUrl}${path}${query === "" ? "" : `?${query}`}`;
}
