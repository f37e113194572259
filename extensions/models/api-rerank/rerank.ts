import type { Context, MeteredUsage, Provider, RerankModel, RerankRequest } from "@plinth/sdk";
import { Exchange, failure, isAmount, listing, type PurposeServer, serverOf, wellFormed } from "@plinth/sdk/kits/model-api";

const ASK_MS = 50_000;
/** No text of people has so many characters to a token: what is longer than that is too long for sure. */
const CHARACTERS = 12;

/** `POST …/rerank`, as https://docs.cohere.com/reference/rerank has it, and others after it. */
export function rerank(ctx: Context): Provider<"plinth.rerank"> {
  return {
    status: listing.status,
    models: (input) => listing.models<RerankModel>(input),
    async rerank(request, { signal }) {
      const server = serverOf<RerankModel>(request);
      const body = JSON.stringify(fieldsOf(server, request));
      const exchange = new Exchange({ fetch: (url, options) => ctx.fetch(url, options), title: server.title, signal });
      const answer = await exchange.json(server.url(String(server.quirks.path ?? "/rerank")), server.endpoint.headers, body, ASK_MS);
      const usage = usageOf(answer);
      return { model: server.model, results: resultsIn(answer, server.title, request), ...(usage === undefined ? {} : { usage }) };
    },
  };
}

function fieldsOf(server: PurposeServer<RerankModel>, request: RerankRequest): object {
  const { endpoint, known, model, quirks, title } = server;
  const { documents, top, vendor, truncate } = request;
  if (known?.maxDocuments !== undefined && documents.length > known.maxDocuments)
    throw failure("CONTEXT", `${title} takes at most ${known.maxDocuments} documents with ${model}; these are ${documents.length}.`);
  const most = known?.maxInputTokens === undefined ? undefined : known.maxInputTokens * CHARACTERS;
  // These servers cut by themselves, and do not say so.
  if (truncate !== true && most !== undefined && documents.some(({ length }) => length > most))
    throw failure("CONTEXT", `A document is longer than ${known!.maxInputTokens} tokens, which ${model} of ${title} reads.`);
  return {
    model,
    query: wellFormed(request.query),
    documents: documents.map((text) => wellFormed(most === undefined ? text : text.slice(0, most)) || " "),
    [String(quirks.topField ?? "top_n")]: Math.min(top ?? documents.length, documents.length),
    ...(quirks.noDocuments === true ? { return_documents: false } : {}),
    ...(vendor?.[endpoint.vendor] as object | undefined),
  };
}

function resultsIn(answer: any, title: string, { documents, top = documents.length }: RerankRequest): { index: number; score: number }[] {
  const broken = (what: string) => failure("STREAM", `${title} ${what}.`, { details: { retryable: false } });
  const rows = [answer?.results, answer?.data].find(Array.isArray) as any[] | undefined;
  if (rows === undefined) throw broken("answered without an order");
  const seen = new Set<number>();
  const results = rows.map((row) => {
    const [index, score] = [row?.index, row?.relevance_score ?? row?.score];
    if (!Number.isInteger(index) || index < 0 || index >= documents.length || seen.has(index))
      throw broken("named a document that was not asked about");
    if (typeof score !== "number" || !Number.isFinite(score)) throw broken("sent a document without a score");
    seen.add(index);
    return { index, score };
  });
  return results.sort((a, b) => b.score - a.score).slice(0, top);
}

/** Cohere bills searches, others tokens. */
function usageOf({ meta, usage }: any): MeteredUsage | undefined {
  const searches = meta?.billed_units?.search_units;
  const tokens = [usage?.total_tokens, usage?.prompt_tokens, meta?.tokens?.input_tokens].find((one) => Number.isInteger(one) && one >= 0);
  if (isAmount(searches)) return { searches };
  return tokens === undefined ? undefined : { inputTokens: tokens };
}
