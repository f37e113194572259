import { type Context, errorInfo } from "@plinth/sdk";
import type { Endpoint } from "./endpoint.ts";
import { httpError, unreachable } from "./server-error.ts";

export interface ModelInfo {
  id: string;
  contextTokens?: number;
}

const PROBE_MS = 300;
const REMOTE_PROBE_MS = 1_500;
const FRESH_MS = 30_000;
const MAX_BYTES = 8 * 1024 * 1024;

/** What a server offers by GET /models, with a short memory for both answers and failures. */
export class ModelList {
  readonly #ctx: Context;
  readonly #endpoint: Endpoint;
  #probe: { at: number; models: Promise<ModelInfo[] | undefined> } | undefined;

  constructor(ctx: Context, endpoint: Endpoint) {
    this.#ctx = ctx;
    this.#endpoint = endpoint;
  }

  /** The models if the server answers at once; remembered for 30 s, silence too. */
  probe(): Promise<ModelInfo[] | undefined> {
    const now = this.#ctx.clock.now();
    if (this.#probe && now - this.#probe.at < FRESH_MS) return this.#probe.models;
    const limit = this.#endpoint.loopback ? PROBE_MS : REMOTE_PROBE_MS;
    // The limit covers the body too: a server that sends its head and then nothing is not ready.
    const models = this.fetch(AbortSignal.timeout(limit), limit).catch(() => undefined);
    this.#probe = { at: now, models };
    return models;
  }

  async fetch(signal: AbortSignal, timeoutMs: number): Promise<ModelInfo[]> {
    const { vendor, baseUrl } = this.#endpoint;
    const headers = await authorization(this.#ctx, this.#endpoint, vendor.modelsKeyHeader);
    const response = await this.#ctx
      .fetch(`${baseUrl}/models`, { headers: { accept: "application/json", ...headers }, signal, timeoutMs, maxBytes: MAX_BYTES })
      .catch((error) => {
        throw errorInfo(error).code === "PLINTH_ABORTED" ? error : unreachable(this.#endpoint, error);
      });
    if (!response.ok) throw await httpError(this.#endpoint, response);
    const models = modelsOf(await response.json().catch((error) => Promise.reject(unreachable(this.#endpoint, error))));
    this.#probe = { at: this.#ctx.clock.now(), models: Promise.resolve(models) };
    return models;
  }
}

/** Request headers with the key's handle; the host puts the key in on the way out. */
export async function authorization(ctx: Context, endpoint: Endpoint, header?: "x-api-key"): Promise<Record<string, string>> {
  const { secret, vendor } = endpoint;
  const extra = vendor.headers ?? {};
  if (secret === undefined || !(await ctx.secrets.has(secret))) return extra;
  const handle = ctx.secrets.handle(secret);
  return header ? { ...extra, [header]: handle } : { ...extra, authorization: `Bearer ${handle}` };
}

function modelsOf(answer: unknown): ModelInfo[] {
  const { data, models } = (answer ?? {}) as { data?: unknown; models?: unknown };
  const rows = Array.isArray(data) ? data : Array.isArray(models) ? models : [];
  return rows.slice(0, 2_000).flatMap((row: Record<string, unknown> | null) => {
    const id = row?.id ?? row?.name;
    if (typeof id !== "string" || id === "") return [];
    const context = [row?.context_length, row?.context_window, row?.max_model_len, row?.max_context_length].find(
      (size) => typeof size === "number" && Number.isInteger(size) && size > 0,
    );
    return [{ id, ...(context === undefined ? {} : { contextTokens: context as number }) }];
  });
}
