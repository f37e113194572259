import { type Context, errorInfo, type FetchResponse, type ModelEndpoint, type ModelRequest, type Provider } from "@plinth/sdk";
import { BYTE_LIMITS, Exchange, failure, keptEvent, outgoing, Unsupported, withBytes } from "@plinth/sdk/kits/model-api";
import { AnswerParser } from "./answer-parser.ts";
import { CompletionReader } from "./completion-reader.ts";
import { type CompletionRequest, completionRequest } from "./completion-request.ts";
import { Lessons } from "./learned.ts";
import { modelsOf } from "./models.ts";
import { type Quirks, quirksOf } from "./quirks.ts";

/** How often one request is changed by what its refusals teach. */
const LESSONS = 3;

/** Chat completions, for every vendor that speaks them. */
export function createApi(ctx: Context): Provider<"plinth.model-api"> {
  const lessons = new Lessons();
  const artifacts = () => ctx.use("plinth.artifacts").one();
  const exchangeOf = ({ title }: ModelEndpoint, signal: AbortSignal) =>
    new Exchange({ fetch: (url, options) => ctx.fetch(url, options), title, signal });

  /** A server that refuses what it may be asked without is asked without, and not again. */
  const post = async (
    endpoint: ModelEndpoint,
    input: ModelRequest,
    quirks: Quirks,
    exchange: Exchange,
  ): Promise<{ request: CompletionRequest; response: FetchResponse }> => {
    let learned = lessons.of(endpoint, input.model);
    for (let tries = 0; ; tries++) {
      const request = completionRequest(endpoint, input, quirks, learned);
      try {
        return { request, response: await exchange.post(urlOf(endpoint, quirks.path, input.model, quirks), endpoint.headers, request.body) };
      } catch (error) {
        const lesson = tries < LESSONS ? lessons.from(endpoint, input.model, learned, errorInfo(error)) : undefined;
        if (lesson === undefined) throw error;
        learned = lesson;
      }
    }
  };

  return {
    async models({ endpoint }, { signal }) {
      const quirks = quirksOf(endpoint, "");
      if (quirks.noModels) return { models: endpoint.models ?? [] };
      const models = modelsOf(await exchangeOf(endpoint, signal).json(urlOf(endpoint, quirks.modelsPath, "", quirks), endpoint.headers));
      if (models !== undefined) return { models };
      throw failure("STREAM", `${endpoint.title} answered without a list of models.`, { details: { retryable: false } });
    },

    repairs: ({ endpoint, request }) => ({ repairs: outgoing(request, quirksOf(endpoint, request.model).rules).repairs }),

    async *stream({ endpoint, request: input }, call) {
      const quirks = quirksOf(endpoint, input.model);
      const unsupported = new Unsupported(endpoint.title, input);
      const messages = await withBytes(input.messages, artifacts, unsupported, call.signal, {
        ...BYTE_LIMITS,
        results: quirks.rules.resultMedia !== undefined,
      });
      const exchange = exchangeOf(endpoint, call.signal);
      const { request, response } = await post(endpoint, { ...input, messages }, quirks, exchange);
      yield* [...unsupported.warnings, ...request.warnings];
      const reader = new CompletionReader(endpoint.title, request.toolNames, { thinkTags: quirks.thinkTags });
      yield* exchange.answer(response, reader, { parser: new AnswerParser(), kept: (event) => keptEvent(event, artifacts, call.signal) });
    },
  };
}

function urlOf({ baseUrl }: ModelEndpoint, path: string, model: string, { query }: Quirks): string {
  const url = `${baseUrl}${path.replaceAll("{model}", encodeURIComponent(model))}`;
  const parameters = new URLSearchParams(query).toString();
  return parameters === "" ? url : `${url}${url.includes("?") ? "&" : "?"}${parameters}`;
}
