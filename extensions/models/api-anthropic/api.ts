import { type Context, type ModelEndpoint, type ModelInfo, PlinthError, type Provider } from "@plinth/sdk";
import { Exchange, failure, outgoing, Unsupported, withBytes } from "@plinth/sdk/kits/model-api";
import { MessageReader } from "./message-reader.ts";
import { messagesRequest, rulesOf } from "./messages-request.ts";
import { catalogueOf, modelOf } from "./models.ts";
import { type Quirks, quirksOf } from "./quirks.ts";

const VERSION = "2023-06-01";
/** Of 1,000 models each. */
const PAGES = 4;
const COUNTED = ["system", "messages", "tools", "tool_choice", "thinking", "output_config"];

/** The Messages API, for every vendor that speaks it. */
export function createApi(ctx: Context): Provider<"plinth.model-api"> {
  const artifacts = () => ctx.use("plinth.artifacts").one();
  const exchange = ({ title }: ModelEndpoint, signal: AbortSignal) => new Exchange({ fetch: ctx.fetch, title, signal });

  return {
    async models({ endpoint }, { signal }) {
      const quirks = quirksOf(endpoint);
      if (quirks.noModels) return { models: catalogueOf(endpoint) };
      const found = new Map<string, ModelInfo>();
      let after: string | undefined;
      for (let page = 0; page < PAGES; page++) {
        const query = `?limit=1000${after === undefined ? "" : `&after_id=${encodeURIComponent(after)}`}`;
        const answer = await exchange(endpoint, signal).json(`${endpoint.baseUrl}${quirks.modelsPath}${query}`, headersOf(endpoint, quirks, []));
        const { data, has_more, last_id } = (answer ?? {}) as { data?: unknown; has_more?: unknown; last_id?: unknown };
        if (!Array.isArray(data)) throw failure("STREAM", `${endpoint.title} answered without a list of models.`, { details: { retryable: false } });
        for (const model of data.slice(0, 1_000).map(modelOf)) if (model !== undefined && !found.has(model.id)) found.set(model.id, model);
        if (has_more !== true || typeof last_id !== "string" || last_id === after) break;
        after = last_id;
      }
      return { models: [...found.values()] };
    },

    async countTokens({ endpoint, request: given }, { signal }) {
      const quirks = quirksOf(endpoint);
      if (quirks.noCount) throw new PlinthError("PLINTH_UNSUPPORTED", `${endpoint.title} does not count tokens.`, { next: "Estimate them." });
      const input = outgoing({ ...given, onUnsupported: "drop" }, rulesOf(endpoint, given.model, quirks)).request;
      const messages = await withBytes(input.messages, artifacts, new Unsupported(endpoint.title, input), signal);
      const { body, betas } = messagesRequest(endpoint, { ...input, messages }, quirks);
      const counted = COUNTED.flatMap((name) => (body[name] === undefined ? [] : [[name, body[name]]]));
      const answer = await exchange(endpoint, signal).json(
        `${endpoint.baseUrl}${pathFor(quirks.countPath, input.model)}`,
        headersOf(endpoint, quirks, betas),
        JSON.stringify({ model: input.model, ...versionIn(quirks), ...Object.fromEntries(counted) }),
      );
      const { input_tokens: inputTokens } = (answer ?? {}) as { input_tokens?: unknown };
      if (typeof inputTokens === "number" && Number.isInteger(inputTokens) && inputTokens >= 0) return { inputTokens };
      throw failure("STREAM", `${endpoint.title} answered without a count of tokens.`, { details: { retryable: false } });
    },

    repairs: ({ endpoint, request }) => ({ repairs: outgoing(request, rulesOf(endpoint, request.model, quirksOf(endpoint))).repairs }),

    stream({ endpoint, request: given }, { signal }) {
      const server = exchange(endpoint, signal);
      return server.asked(async () => {
        const quirks = quirksOf(endpoint);
        const input = outgoing(given, rulesOf(endpoint, given.model, quirks)).request;
        const unsupported = new Unsupported(endpoint.title, input);
        const messages = await withBytes(input.messages, artifacts, unsupported, signal);
        const { body, betas, toolNames, warnings } = messagesRequest(endpoint, { ...input, messages }, quirks);
        const model = quirks.path.includes("{model}") ? {} : { model: input.model };
        const response = await server.post(
          `${endpoint.baseUrl}${pathFor(quirks.path, input.model)}`,
          headersOf(endpoint, quirks, betas),
          JSON.stringify({ ...model, ...versionIn(quirks), ...body, stream: true }),
        );
        const reader = new MessageReader(endpoint.title, endpoint.vendor, toolNames);
        return { response, reader, before: [...unsupported.warnings, ...warnings] };
      });
    },
  };
}

const pathFor = (path: string, model: string): string => path.replaceAll("{model}", encodeURIComponent(model));
const versionIn = ({ version }: Quirks): object => (version === undefined ? {} : { anthropic_version: version });

/** Ours, and over them the endpoint's as they are. Betas of both are asked for. */
function headersOf({ headers }: ModelEndpoint, { version, betas: always }: Quirks, betas: readonly string[]): Record<string, string> {
  const given = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const asked = new Set([...(given["anthropic-beta"] ?? "").split(","), ...always, ...betas].map((one) => one.trim()).filter((one) => one !== ""));
  return {
    ...(version === undefined ? { "anthropic-version": VERSION } : {}),
    ...given,
    ...(asked.size === 0 ? {} : { "anthropic-beta": [...asked].join(",") }),
  };
}
