import type { PurposeEndpoint } from "../../extension/index.ts";
import { failure } from "./failure.ts";
import type { Unsupported } from "./support.ts";

/** A vendor's server that is asked for one purpose, with one model. */
export interface PurposeServer<Model extends { id: string }> {
  readonly endpoint: PurposeEndpoint;
  readonly title: string;
  /** As the server is told it. */
  readonly model: string;
  /** What is known of it. */
  readonly known: Model | undefined;
  readonly quirks: Readonly<Record<string, unknown>>;
  url(path: string): string;
}

/** Whom a request is for, and with which model. */
export function serverOf<Model extends { id: string; aliases?: string[] }>(asked: {
  endpoint?: PurposeEndpoint;
  model?: string;
}): PurposeServer<Model> {
  const endpoint = endpointOf(asked);
  const models = modelsOf<Model>(endpoint);
  const wanted = asked.model ?? models[0]?.id;
  if (wanted === undefined) throw failure("UNKNOWN", `${endpoint.title} names no model by itself.`, { next: `Name one: ${endpoint.vendor}/MODEL.` });
  const known = models.find(({ id, aliases }) => id === wanted || aliases?.includes(wanted) === true);
  const quirks = endpoint.quirks ?? {};
  return { endpoint, title: endpoint.title, model: known?.id ?? wanted, known, quirks, url: (path) => `${endpoint.baseUrl}${path}` };
}

export function endpointOf({ endpoint }: { endpoint?: PurposeEndpoint }): PurposeEndpoint {
  if (endpoint !== undefined) return endpoint;
  throw failure("REQUEST", "A protocol was asked without a server.", { next: "Ask plinth.models, which knows the servers." });
}

export const modelsOf = <Model extends { id: string }>({ models = [] }: PurposeEndpoint): Model[] => models as unknown as Model[];

/** What is the same for all that such a server has. Whether the vendor is set up is its joiner's to say. */
export const listing = {
  status: ({ endpoint }: { endpoint?: PurposeEndpoint }) =>
    endpoint === undefined ? { ready: false, reason: "It answers for a vendor's server." } : { ready: true },
  models: <Model extends { id: string }>({ endpoint }: { endpoint?: PurposeEndpoint }) => ({
    models: endpoint === undefined ? [] : modelsOf<Model>(endpoint),
  }),
};

interface FieldRules {
  /** Fields of the request that not every model minds. */
  readonly names: readonly string[];
  /** By our names, the server's for those that can be sent as they are; the vendor's data may say others. */
  readonly fields: Readonly<Record<string, string>>;
}

/** What of a request is sent as it is: of a known model, what it minds; of another, what the server has a field for. The rest is refused or left out. */
export function fieldsFor(
  { endpoint, known, quirks }: PurposeServer<{ id: string; takes?: string[] }>,
  request: { vendor?: Record<string, unknown> },
  unsupported: Unsupported,
  { names, fields }: FieldRules,
): Record<string, unknown> {
  const all: Readonly<Record<string, string>> = { ...fields, ...(quirks.fields as Record<string, string> | undefined) };
  const sent: Record<string, unknown> = {};
  for (const name of names) {
    const value = (request as Record<string, unknown>)[name];
    if (value === undefined || value === false) continue;
    const field = Object.hasOwn(all, name) && (known?.takes === undefined || known.takes.includes(name)) ? all[name] : undefined;
    if (field === undefined) unsupported.leave(name, `"${name}"`);
    else sent[field] = value;
  }
  return { ...sent, ...(request.vendor?.[endpoint.vendor] as object | undefined) };
}
