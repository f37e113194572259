import { type Context, isLoopbackHost, type ModelEndpoint, type ModelEvent, type ModelInfo, type Provider } from "@plinth/sdk";
import { Exchange, failure, keptEvent, outgoing, Unsupported, withBytes } from "@plinth/sdk/kits/model-api";
import { ConverseReader } from "./converse-reader.ts";
import { converseRequest, rulesOf } from "./converse-request.ts";
import { Credentials } from "./credentials.ts";
import { foundationModel, inferenceProfile } from "./models.ts";
import { type Quirks, quirksOf } from "./quirks.ts";
import type { Unsigned } from "./signing.ts";

/** AWS's own servers. Besides them and this machine nobody is shown who the chain says that this is. */
const AWS = /(^|\.)(amazonaws\.com|amazonaws\.com\.cn|api\.aws)$/;
/** Pages of inference profiles, of 1,000 each. */
const PAGES = 4;

/** Amazon Bedrock's Converse API. */
export function createApi(ctx: Context): Provider<"plinth.model-api"> {
  const artifacts = () => ctx.use("plinth.artifacts").one();
  const credentials = new Credentials();

  /** Whose request it is: as the endpoint's headers say it, or signed. */
  const proven = async (endpoint: ModelEndpoint, { region, profile }: Quirks, request: Unsigned): Promise<Record<string, string>> => {
    const { headers } = request;
    if (Object.keys(headers).some((name) => name.toLowerCase() === "authorization")) return headers;
    const { host, hostname } = new URL(request.url);
    if (!AWS.test(hostname) && !isLoopbackHost(hostname)) {
      throw failure("AUTH", `${endpoint.title} at ${host} is no server of AWS's: requests to it are not signed.`, {
        next: "Give it a key of its own.",
        details: { retryable: false },
      });
    }
    const identity = await credentials.identity(endpoint, profile);
    const { regionOf, signed } = await import("./signing.ts");
    return signed(request, identity, regionOf(endpoint.baseUrl, region, ctx.env), ctx.clock.now());
  };

  return {
    async models({ endpoint }, { signal }) {
      const quirks = quirksOf(endpoint);
      if (quirks.noModels) return { models: [...new Map((endpoint.models ?? []).map((one) => [one.id, one])).values()] };
      const base = quirks.modelsUrl ?? endpoint.baseUrl.replace("//bedrock-runtime", "//bedrock");
      // A token that was lent for the one address goes to no other.
      const isToken = Object.keys(endpoint.headers).some((name) => name.toLowerCase() === "authorization");
      if (isToken && endpoint.models !== undefined && new URL(base).origin !== new URL(endpoint.baseUrl).origin) return { models: endpoint.models };
      const list = async (path: string): Promise<Record<string, any>> => {
        const url = `${base}${path}`;
        const headers = await proven(endpoint, quirks, { method: "GET", url, headers: { accept: "application/json", ...endpoint.headers } });
        return ((await new Exchange({ fetch: ctx.fetch, title: endpoint.title, signal }).json(url, headers)) ?? {}) as Record<string, any>;
      };
      const { modelSummaries } = await list("/foundation-models?byOutputModality=TEXT");
      if (!Array.isArray(modelSummaries))
        throw failure("STREAM", `${endpoint.title} answered without a list of models.`, { details: { retryable: false } });
      const found = new Map<string, ModelInfo>();
      const keep = (model: ModelInfo | undefined) => model !== undefined && !found.has(model.id) && found.set(model.id, model);
      for (const row of modelSummaries.slice(0, 2_000)) keep(foundationModel(row));
      // Newer models are asked over these. Who may not list them has the others still.
      let token: string | undefined;
      for (let page = 0; page < PAGES; page++) {
        const query = `?maxResults=1000${token === undefined ? "" : `&nextToken=${encodeURIComponent(token)}`}`;
        const answer = await list(`/inference-profiles${query}`).catch((error) => {
          if (signal.aborted) throw error;
          return {} as Record<string, any>;
        });
        for (const row of Array.isArray(answer.inferenceProfileSummaries) ? answer.inferenceProfileSummaries : []) keep(inferenceProfile(row));
        if (typeof answer.nextToken !== "string" || answer.nextToken === token) break;
        token = answer.nextToken;
      }
      return { models: [...found.values()] };
    },

    repairs: ({ endpoint, request }) => ({ repairs: outgoing(request, rulesOf(endpoint, request)).repairs }),

    async *stream({ endpoint, request: given }, { signal }) {
      const quirks = quirksOf(endpoint);
      const input = outgoing(given, rulesOf(endpoint, given)).request;
      const unsupported = new Unsupported(endpoint.title, input);
      const messages = await withBytes(input.messages, artifacts, unsupported, signal);
      const request = converseRequest(endpoint, { ...input, messages }, quirks);
      const url = `${endpoint.baseUrl}/model/${encodeURIComponent(input.model)}/converse-stream`;
      const body = JSON.stringify(request.body);
      const plain = { "content-type": "application/json", accept: "application/vnd.amazon.eventstream", ...endpoint.headers };
      const headers = await proven(endpoint, quirks, { method: "POST", url, headers: plain, body });
      // AWS's libraries are loaded when they are needed first, not when the extension is.
      const { EventFrames } = await import("./event-frames.ts");
      const exchange = new Exchange({ fetch: ctx.fetch, title: endpoint.title, signal });
      const response = await exchange.post(url, headers, body);
      yield* [...unsupported.warnings, ...request.warnings];
      const reader = new ConverseReader(endpoint.title, endpoint.vendor, request.toolNames);
      const kept = (event: ModelEvent) => keptEvent(event, artifacts, signal);
      yield* exchange.answer(response, reader, { parser: new EventFrames(endpoint.title), kept });
    },
  };
}
