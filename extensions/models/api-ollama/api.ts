import type { Context, ModelEndpoint, ModelInfo, Provider } from "@plinth/sdk";
import { BYTE_LIMITS, Exchange, failure, LineParser, outgoing, Unsupported, withBytes } from "@plinth/sdk/kits/model-api";
import { ChatReader } from "./chat-reader.ts";
import { chatRequest, RULES, sees } from "./chat-request.ts";
import { ContextSizes } from "./context-size.ts";
import { KnownModels } from "./known-models.ts";

const MOST_MODELS = 256;

/** Ollama's own protocol: https://github.com/ollama/ollama/blob/main/docs/api.md */
export function createApi(ctx: Context): Provider<"plinth.model-api"> {
  const artifacts = () => ctx.use("plinth.artifacts").one();
  const exchangeOf = ({ title }: ModelEndpoint, signal: AbortSignal) =>
    new Exchange({ fetch: (url, options) => ctx.fetch(url, options), title, signal });
  const known = new KnownModels(exchangeOf, ctx.clock);
  const sizes = new ContextSizes();

  return {
    async models({ endpoint }, { signal }) {
      const answer = (await exchangeOf(endpoint, signal).json(urlOf(endpoint, "/api/tags"), endpoint.headers)) as { models?: unknown };
      if (!Array.isArray(answer?.models))
        throw failure("STREAM", `${endpoint.title} answered without a list of models.`, { details: { retryable: false } });
      const names = answer.models.slice(0, MOST_MODELS).flatMap((row: any) => {
        const name = row?.model ?? row?.name;
        return typeof name === "string" && name !== "" && name.length <= 256 ? [name] : [];
      });
      const models: ModelInfo[] = [];
      // A few at a time: the server answers from its files.
      for (let at = 0; at < names.length; at += 4) {
        models.push(
          ...(await Promise.all([...new Set(names)].slice(at, at + 4).map((name) => known.of(endpoint, name, signal)))).map(({ info }) => info),
        );
      }
      return { models };
    },

    repairs: ({ request }) => ({ repairs: outgoing(request, RULES).repairs }),

    async *stream({ endpoint, request: input }, { signal }) {
      const unsupported = new Unsupported(endpoint.title, input);
      const model = await known.of(endpoint, input.model, signal);
      const messages = await withBytes(input.messages, artifacts, unsupported, signal, { ...BYTE_LIMITS, results: sees(model) });
      const request = chatRequest(endpoint, { ...input, messages }, model, unsupported, sizes);
      const exchange = exchangeOf(endpoint, signal);
      const response = await exchange.post(urlOf(endpoint, "/api/chat"), { accept: "application/x-ndjson", ...endpoint.headers }, request.body);
      yield* unsupported.warnings;
      yield* exchange.answer(response, new ChatReader(endpoint.title, request.toolNames), { parser: new LineParser() });
    },
  };
}

/** The native protocol stands beside the compatible one, at the server's root. */
const urlOf = ({ baseUrl }: ModelEndpoint, path: string): string => `${baseUrl.replace(/\/(?:v1|api)$/, "")}${path}`;
