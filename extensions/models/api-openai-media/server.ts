import type { PurposeEndpoint } from "@plinth/sdk";
import { failure, type Unsupported } from "@plinth/sdk/kits/model-api";

export interface Server<Model extends { id: string }> {
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
export function serverOf<Model extends { id: string; aliases?: string[] }>(asked: { endpoint?: PurposeEndpoint; model?: string }): Server<Model> {
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

/** Refuse, or leave out, each of these fields that is asked for. */
export function leaveOut(unsupported: Unsupported, request: object, names: readonly string[]): void {
  for (const name of names) if ((request as Record<string, unknown>)[name] !== undefined) unsupported.leave(name, `"${name}"`);
}
