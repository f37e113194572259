import type { PurposeEndpoint, RerankRequest } from "@plinth/sdk";
import { createTestHost, describeConformance, type PlainServer, rerankConformance, rerankServer, type TestHost } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

const models = [{ id: "rerank-v3.5", maxInputTokens: 10, maxDocuments: 5 }];
const documents = ["The river is wide.", "A stone in the river bed.", "Nothing of it."];

const endpointOf = (url: string, more: Partial<PurposeEndpoint> = {}): PurposeEndpoint => ({
  ...{ vendor: "acme", title: "Acme", baseUrl: `${url}/v2`, headers: { authorization: "Bearer k" }, models },
  ...more,
});

async function opened() {
  const server = await rerankServer();
  const host = await createTestHost({ extensions: [{ manifest, extension }] });
  return { server, host, close: () => host.close().then(() => server.close()) };
}

describeConformance({ describe, it }, "the rerank endpoint", rerankConformance, {
  open: async () => {
    const { server, host, close } = await opened();
    const api = host.use("plinth.rerank").get("rerank");
    const endpoint = endpointOf(server.url);
    const given = (method: "status" | "models" | "rerank") => (input: object, options?: object) =>
      (api as any)[method]({ ...input, endpoint }, options);
    return { provider: { status: given("status"), models: given("models"), rerank: given("rerank") } as typeof api, close };
  },
  good: { query: "stone in a river", documents },
  bad: { query: "stone", documents, model: "none" },
  best: 1,
});

let host: TestHost;
let server: PlainServer;
let close: () => Promise<void>;
beforeEach(async () => {
  ({ host, server, close } = await opened());
});
afterEach(() => close());

const ask = (request: Partial<RerankRequest>, endpoint: Partial<PurposeEndpoint> = {}) =>
  host
    .use("plinth.rerank")
    .get("rerank")
    .rerank({ query: "stone river", documents, endpoint: endpointOf(server.url, endpoint), ...request });

describe("the rerank endpoint", () => {
  it("is asked as Cohere's reference has it, and says what it billed", async () => {
    const answer = await ask({ top: 2 });
    expect(server.requests[0]).toMatchObject({ method: "POST", path: "/v2/rerank", headers: { authorization: "Bearer k" } });
    expect(server.requests[0]?.body).toEqual({ model: "rerank-v3.5", query: "stone river", documents, top_n: 2 });
    expect(answer).toEqual({
      model: "rerank-v3.5",
      results: [
        { index: 1, score: 1 },
        { index: 0, score: 0.5 },
      ],
      usage: { searches: 1 },
    });
  });

  it("is asked in others' words where the vendor's data has them, and is put in order whatever the order of the answer", async () => {
    const data = [0.1, 0.9].map((relevance_score, index) => ({ index, relevance_score, document: { text: "x" } }));
    server.script({ body: { data, usage: { total_tokens: 7 } } });
    const quirks = { path: "/reranking", topField: "top_k", noDocuments: true };
    expect(await ask({ model: "own", top: 1, vendor: { acme: { truncation: false } } }, { quirks })).toEqual({
      model: "own",
      results: [{ index: 1, score: 0.9 }],
      usage: { inputTokens: 7 },
    });
    expect(server.requests[0]).toMatchObject({ path: "/v2/reranking", body: { top_k: 1, return_documents: false, truncation: false } });
  });

  it("refuses what is too long for sure, and cuts it where that is wanted", async () => {
    const long = ["stone ".repeat(100)];
    await expect(ask({ documents: long })).rejects.toMatchObject({ code: "PLINTH_MODEL_CONTEXT" });
    await expect(ask({ documents: [...documents, ...documents] })).rejects.toMatchObject({ code: "PLINTH_MODEL_CONTEXT" });
    expect(server.requests).toEqual([]);
    await ask({ documents: long, truncate: true });
    expect(server.requests[0]?.body.documents[0]).toHaveLength(120);
  });

  it.each([
    [{}],
    [{ results: [{ index: 9, relevance_score: 1 }] }],
    [{ results: [{ index: 0 }] }],
    [{ results: [0, 0].map(() => ({ index: 0, score: 1 })) }],
  ])("is no order where it is something else: %j", async (body) => {
    server.script({ body });
    await expect(ask({})).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
  });
});
