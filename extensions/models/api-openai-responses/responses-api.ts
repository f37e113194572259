import {
  type Context,
  errorInfo,
  type FetchResponse,
  isPlinthError,
  type ModelEndpoint,
  type ModelInfo,
  type ModelRequest,
  PlinthError,
  type Provider,
} from "@plinth/sdk";
import { EventStreamParser, Exchange, keptEvent, outgoing, Unsupported, withBytes } from "@plinth/sdk/kits/model-api";
import { quirksOf, urlOf } from "./quirks.ts";
import { type ResponsesRequest, RULES, responsesRequest } from "./request.ts";
import { ResponseReader } from "./response-reader.ts";

/** A picture comes in one event. */
const EVENT_LIMIT = 32 * 1024 * 1024;
const MAX_MODELS = 2_000;

/** The protocol of `POST /responses`. */
export function responsesApi(ctx: Context): Provider<"plinth.model-api"> {
  const artifacts = () => ctx.use("plinth.artifacts").one();
  /** Models, by address and name, that gave no encrypted reasoning when they were asked. */
  const plain = new Set<string>();

  const exchangeOf = ({ title }: ModelEndpoint, signal: AbortSignal) => new Exchange({ fetch: ctx.fetch, title, signal });

  const sent = async (
    endpoint: ModelEndpoint,
    input: ModelRequest,
    exchange: Exchange,
  ): Promise<{ request: ResponsesRequest; response: FetchResponse }> => {
    const { path = "/responses" } = quirksOf(endpoint);
    const key = `${endpoint.baseUrl} ${input.model}`;
    for (;;) {
      const quirks = plain.has(key) ? { ...endpoint.quirks, noEncryptedReasoning: true } : (endpoint.quirks ?? {});
      const request = responsesRequest({ ...endpoint, quirks }, input);
      try {
        const response = await exchange.post(urlOf(endpoint, path), endpoint.headers, JSON.stringify(request.body));
        return { request, response };
      } catch (error) {
        const { code, message } = errorInfo(error);
        const asked = request.body.include !== undefined && /_(REQUEST|UNSUPPORTED)$/.test(code);
        if (!asked || !/encrypted.?content|reasoning\.encrypted|\binclude\b/i.test(message)) throw error;
        plain.add(key);
      }
    }
  };

  return {
    async models({ endpoint }, { signal }) {
      const { modelsPath = "/models" } = quirksOf(endpoint);
      return { models: modelsOf(await exchangeOf(endpoint, signal).json(urlOf(endpoint, modelsPath), endpoint.headers)) };
    },

    repairs: ({ request }) => ({ repairs: outgoing(request, RULES).repairs }),

    async *stream({ endpoint, request: input }, { signal }) {
      const unsupported = new Unsupported(endpoint.title, input);
      const messages = await withBytes(input.messages, artifacts, unsupported, signal);
      const exchange = exchangeOf(endpoint, signal);
      const { request, response } = await sent(endpoint, { ...input, messages }, exchange);
      yield* [...unsupported.warnings, ...request.warnings];
      const reader = new ResponseReader(endpoint.title, { vendor: endpoint.vendor, model: input.model, toolNames: request.toolNames });
      yield* exchange.answer(response, reader, {
        parser: new EventStreamParser(EVENT_LIMIT),
        kept: (event) => keptEvent(event, artifacts, signal),
      });
    },

    async countTokens({ endpoint, request: input }, { signal }) {
      const { path = "/responses" } = quirksOf(endpoint);
      const messages = await withBytes(input.messages, artifacts, new Unsupported(endpoint.title, input), signal);
      const { body } = responsesRequest(endpoint, { ...input, messages, onUnsupported: "drop" });
      const fields = ["model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "text"];
      const counted = Object.fromEntries(fields.flatMap((name) => (body[name] === undefined ? [] : [[name, body[name]]])));
      const url = urlOf(endpoint, path.replace(/(\?|$)/, "/input_tokens$1"));
      const answer = (await exchangeOf(endpoint, signal)
        .json(url, endpoint.headers, JSON.stringify(counted))
        .catch((error) => {
          throw isPlinthError(error) && (error.details as { status?: unknown } | undefined)?.status === 404 ? uncounted(endpoint) : error;
        })) as { input_tokens?: unknown };
      if (!Number.isInteger(answer?.input_tokens)) throw uncounted(endpoint);
      return { inputTokens: answer.input_tokens as number };
    },
  };
}

const uncounted = ({ title }: ModelEndpoint): PlinthError =>
  new PlinthError("PLINTH_UNSUPPORTED", `${title} does not count tokens.`, { next: "Go by an estimate." });

function modelsOf(answer: unknown): ModelInfo[] {
  const { data, models } = (answer ?? {}) as { data?: unknown; models?: unknown };
  const rows = (Array.isArray(data) ? data : Array.isArray(models) ? models : []) as (Record<string, unknown> | null)[];
  const found = new Map<string, ModelInfo>();
  for (const row of rows.slice(0, MAX_MODELS)) {
    const id = row?.id ?? row?.slug;
    if (typeof id !== "string" || id === "" || id.length > 256) continue;
    const context = [row?.context_length, row?.context_window, row?.max_model_len].find((size) => Number.isInteger(size) && (size as number) > 0);
    found.set(id, { id, ...(context === undefined ? {} : { contextTokens: context as number }) });
  }
  return [...found.values()];
}
