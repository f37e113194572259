import type { ModelEndpoint } from "@plinth/sdk";

/** How a vendor's server differs; the manifest says what each means. */
export interface Quirks {
  path?: string;
  modelsPath?: string;
  query?: Record<string, string>;
  systemRole?: "instructions" | "developer" | "system";
  instructions?: string;
  leaveOut?: string[];
  store?: boolean;
  noEncryptedReasoning?: boolean;
  noItemIds?: boolean;
  summary?: "auto" | "concise" | "detailed" | "none";
  offEffort?: string;
  textResults?: boolean;
  serverTools?: Record<string, string>;
  extraBody?: Record<string, unknown>;
}

export const quirksOf = ({ quirks }: Pick<ModelEndpoint, "quirks">): Quirks => (quirks ?? {}) as Quirks;

/** An address below the endpoint's, with the query that this server wants. */
export function urlOf({ baseUrl, quirks }: ModelEndpoint, path: string): string {
  const { query = {} } = quirksOf({ quirks });
  const [, own = ""] = path.split("?");
  const all = new URLSearchParams([...new URLSearchParams(own), ...Object.entries(query)]).toString();
  return `${baseUrl}${path.split("?")[0]}${all === "" ? "" : `?${all}`}`;
}
