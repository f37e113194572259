import { type PlainServer, plainServer } from "./plain-server.ts";

const words = (text: string): string[] => text.toLowerCase().match(/[a-z0-9]+/g) ?? [];

/** A server of Cohere's rerank endpoint (https://docs.cohere.com/reference/rerank): a document is as good as the words of the query that it has. */
export const rerankServer = (): Promise<PlainServer> =>
  plainServer(({ path, method, headers, body }) => {
    const refuse = (status: number, message: string) => ({ status, body: { id: "1", message } });
    if (!path.endsWith("/rerank") || method !== "POST") return refuse(404, "page not found");
    if (headers.authorization === undefined) return refuse(401, "no api key supplied");
    const { model, query, documents, top_n: top } = body ?? {};
    if (model !== "rerank-v3.5") return refuse(404, `model '${model}' not found, make sure the correct model ID was used`);
    if (typeof query !== "string" || query === "") return refuse(400, "query must not be empty");
    if (!Array.isArray(documents) || documents.some((one) => typeof one !== "string" || one === ""))
      return refuse(400, "documents must not be empty");
    const wanted = words(query);
    const results = documents.map((text: string, index: number) => ({
      index,
      relevance_score: wanted.filter((word) => words(text).includes(word)).length / Math.max(1, wanted.length),
    }));
    results.sort((a, b) => b.relevance_score - a.relevance_score);
    return { body: { id: "1", results: results.slice(0, top), meta: { api_version: { version: "2" }, billed_units: { search_units: 1 } } } };
  });
