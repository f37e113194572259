import { type Context, isPlinthError, type ModelEndpoint, type ModelInfo, PlinthError, type Provider } from "@plinth/sdk";
import { EventStreamParser, Exchange, keptEvent, outgoing, Unsupported, withBytes } from "@plinth/sdk/kits/model-api";
import { GeminiReader } from "./answer-reader.ts";
import { methodUrl, quirksOf, urlOf } from "./quirks.ts";
import { geminiRequest, RULES } from "./request.ts";

/** A picture comes in one event. */
const EVENT_LIMIT = 32 * 1024 * 1024;
const MAX_MODELS = 2_000;
const MAX_PAGES = 20;

/** The protocol of `generateContent`, at the Gemini API and at Vertex AI. */
export function geminiApi(ctx: Context): Provider<"plinth.model-api"> {
  const artifacts = () => ctx.use("plinth.artifacts").one();
  const exchangeOf = ({ title }: ModelEndpoint, signal: AbortSignal) => new Exchange({ fetch: ctx.fetch, title, signal });

  return {
    async models({ endpoint }, { signal }) {
      const { modelsPath = "/models" } = quirksOf(endpoint);
      const found = new Map<string, ModelInfo>();
      let pageToken = "";
      for (let page = 0; page < MAX_PAGES && found.size < MAX_MODELS; page++) {
        const url = urlOf(endpoint, modelsPath, { pageSize: "1000", ...(pageToken === "" ? {} : { pageToken }) });
        const answer = (await exchangeOf(endpoint, signal).json(url, endpoint.headers)) as Record<string, unknown> | null;
        for (const info of modelsOf(answer)) if (found.size < MAX_MODELS) found.set(info.id, info);
        const next = answer?.nextPageToken;
        if (typeof next !== "string" || next === "" || next === pageToken) break;
        pageToken = next;
      }
      return { models: [...found.values()] };
    },

    repairs: ({ request }) => ({ repairs: outgoing(request, RULES).repairs }),

    async *stream({ endpoint, request: input }, { signal }) {
      const unsupported = new Unsupported(endpoint.title, input);
      const messages = await withBytes(input.messages, artifacts, unsupported, signal);
      const request = geminiRequest(endpoint, { ...input, messages });
      const exchange = exchangeOf(endpoint, signal);
      const url = methodUrl(endpoint, input.model, "streamGenerateContent", { alt: "sse" });
      const response = await exchange.post(url, endpoint.headers, JSON.stringify(request.body));
      yield* [...unsupported.warnings, ...request.warnings];
      const reader = new GeminiReader(endpoint.title, { vendor: endpoint.vendor, model: input.model, toolNames: request.toolNames });
      yield* exchange.answer(response, reader, {
        parser: new EventStreamParser(EVENT_LIMIT),
        kept: (event) => keptEvent(event, artifacts, signal),
      });
    },

    async countTokens({ endpoint, request: input }, { signal }) {
      const messages = await withBytes(input.messages, artifacts, new Unsupported(endpoint.title, { onUnsupported: "drop" }), signal);
      const { contents, systemInstruction, tools } = geminiRequest(endpoint, { ...input, messages, onUnsupported: "drop" }).body;
      const counted = { contents, ...(systemInstruction === undefined ? {} : { systemInstruction }), ...(tools === undefined ? {} : { tools }) };
      const whole = { generateContentRequest: { model: input.model.includes("/") ? input.model : `models/${input.model}`, ...counted } };
      const body = JSON.stringify(quirksOf(endpoint).vertex ? counted : whole);
      const answer = (await exchangeOf(endpoint, signal)
        .json(methodUrl(endpoint, input.model, "countTokens"), endpoint.headers, body)
        .catch((error) => {
          throw isNothing(error) ? uncounted(endpoint) : error;
        })) as { totalTokens?: unknown } | null;
      if (!Number.isInteger(answer?.totalTokens)) throw uncounted(endpoint);
      return { inputTokens: answer!.totalTokens as number };
    },
  };
}

const uncounted = ({ title }: ModelEndpoint): PlinthError =>
  new PlinthError("PLINTH_UNSUPPORTED", `${title} does not count tokens.`, { next: "Go by an estimate." });

/** There is nothing at the address; a model that is not there is told otherwise. */
const isNothing = (error: unknown): boolean =>
  isPlinthError(error) && error.code === "PLINTH_MODEL_REQUEST" && (error.details as { status?: unknown } | undefined)?.status === 404;

/** The models that make answers, of https://ai.google.dev/api/models or of Vertex AI's publisher. */
function modelsOf(answer: Record<string, unknown> | null): ModelInfo[] {
  const rows = answer?.models ?? answer?.publisherModels;
  return (Array.isArray(rows) ? rows : []).flatMap((row: Record<string, any> | null) => {
    const name = row?.name;
    if (typeof name !== "string") return [];
    const id = name.replace(/^(publishers\/[^/]+\/)?models\//, "");
    const methods = row!.supportedGenerationMethods;
    if (id === "" || id.length > 256 || (Array.isArray(methods) && !methods.includes("generateContent"))) return [];
    const size = (value: unknown) => (Number.isInteger(value) && (value as number) > 0 ? (value as number) : undefined);
    const [contextTokens, maxOutputTokens] = [size(row!.inputTokenLimit), size(row!.outputTokenLimit)];
    const title = row!.displayName;
    return [
      {
        id,
        ...(typeof title === "string" ? { title: title.slice(0, 200) } : {}),
        ...(contextTokens === undefined ? {} : { contextTokens }),
        ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
        ...(row!.thinking === true ? { thinking: {} } : {}),
      },
    ];
  });
}
