import type { Clock, ModelEndpoint, ModelInfo } from "@plinth/sdk";
import type { Exchange } from "@plinth/sdk/kits/model-api";

/** What a model can do, as its server says. */
export interface Known {
  readonly info: ModelInfo;
  /** Absent: the server does not say. */
  readonly capabilities: ReadonlySet<string> | undefined;
  /** In tokens: the model's own, and what its file asks for. */
  readonly context: number | undefined;
  readonly numCtx: number | undefined;
}

const FRESH_MS = 300_000;
const MOST = 512;

/** Asks `POST /api/show` once in five minutes for each model. Where that fails, nothing is known: the request itself says what is wrong. */
export class KnownModels {
  readonly #exchangeOf: (endpoint: ModelEndpoint, signal: AbortSignal) => Exchange;
  readonly #clock: Clock;
  readonly #known = new Map<string, { at: number; known: Known }>();

  constructor(exchangeOf: (endpoint: ModelEndpoint, signal: AbortSignal) => Exchange, clock: Clock) {
    this.#exchangeOf = exchangeOf;
    this.#clock = clock;
  }

  async of(endpoint: ModelEndpoint, model: string, signal: AbortSignal): Promise<Known> {
    const key = `${endpoint.baseUrl} ${model}`;
    const found = this.#known.get(key);
    if (found !== undefined && this.#clock.now() - found.at < FRESH_MS) return found.known;
    const shown = endpoint.quirks?.noShow === true ? undefined : await this.#show(endpoint, model, signal);
    const known = knownOf(
      model,
      shown,
      endpoint.models?.find(({ id, aliases }) => id === model || aliases?.includes(model)),
    );
    if (shown !== undefined) {
      this.#known.delete(key);
      this.#known.set(key, { at: this.#clock.now(), known });
      if (this.#known.size > MOST) this.#known.delete(this.#known.keys().next().value!);
    }
    return known;
  }

  async #show(endpoint: ModelEndpoint, model: string, signal: AbortSignal): Promise<any> {
    const url = `${endpoint.baseUrl.replace(/\/(?:v1|api)$/, "")}/api/show`;
    try {
      return await this.#exchangeOf(endpoint, signal).json(url, endpoint.headers, JSON.stringify({ model }));
    } catch (error) {
      if (signal.aborted) throw error;
      return undefined;
    }
  }
}

function knownOf(id: string, shown: any, listed: ModelInfo | undefined): Known {
  const facts = shown?.model_info ?? {};
  const context = sizeOf(facts[`${facts["general.architecture"]}.context_length`]) ?? listed?.contextTokens;
  const capabilities: ReadonlySet<string> | undefined = Array.isArray(shown?.capabilities) ? new Set(shown.capabilities.map(String)) : undefined;
  const numCtx = sizeOf(Number(/^\s*num_ctx\s+(\d+)\s*$/m.exec(typeof shown?.parameters === "string" ? shown.parameters : "")?.[1]));
  const family = shown?.details?.family;
  const can = (word: string) => capabilities?.has(word) === true;
  return {
    capabilities,
    context,
    numCtx,
    info: {
      ...listed,
      id,
      ...(typeof family === "string" && family !== "" ? { family: family.slice(0, 120) } : {}),
      ...(context === undefined ? {} : { contextTokens: context }),
      ...(capabilities === undefined
        ? {}
        : { input: can("vision") ? ["image"] : [], tools: can("tools") ? ("parallel" as const) : ("none" as const), structured: "schema" as const }),
      ...(can("thinking") ? { thinking: { efforts: ["low", "medium", "high"] } } : {}),
    },
  };
}

const sizeOf = (value: unknown): number | undefined => (Number.isInteger(value) && (value as number) > 0 ? (value as number) : undefined);
