import type { EmbeddingRequest, PurposeEndpoint } from "@plinth/sdk";
import { describeConformance, embeddingConformance, greyPixel } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import { endpointOf, opened, reached, VERTEX } from "./opened.testing.ts";

const models = [
  { id: "gemini-embedding-2", dimensions: 3_072, shorter: [768, 1_536], maxInputTokens: 8_192, input: ["image"], price: 0.2 },
  { id: "gemini-embedding-001", dimensions: 3_072, shorter: [768], maxInputTokens: 2_048 },
];
const texts = (...all: string[]) => all.map((text) => [{ type: "text" as const, text }]);

for (const vertex of [false, true])
  for (const model of ["gemini-embedding-2", "gemini-embedding-001"])
    describeConformance({ describe, it }, `Google's embeddings ${model}${vertex ? " on Vertex AI" : ""}`, embeddingConformance, {
      open: async () => {
        const { server, host, close } = await opened({ vertex });
        const endpoint = endpointOf(server.url, { models, quirks: vertex ? VERTEX : {} });
        return { provider: reached(host.use("plinth.embedding").get("google"), endpoint), close };
      },
      good: { model, inputs: texts("a stone", "a river") },
      bad: { inputs: texts("a stone"), model: "gemini-embedding-9" },
      unsupported: { model, inputs: texts("a stone"), form: "bits" },
      long: { model, inputs: texts("long ".repeat(10_000)) },
      shorter: 768,
    });

let world: Awaited<ReturnType<typeof opened>>;

async function embed(request: Partial<EmbeddingRequest>, endpoint: Partial<PurposeEndpoint> = {}) {
  world = await opened({ vertex: endpoint.quirks?.vertex === true });
  return again(request, endpoint);
}
const again = (request: Partial<EmbeddingRequest>, endpoint: Partial<PurposeEndpoint> = {}) =>
  world.host
    .use("plinth.embedding")
    .get("google")
    .embed({ inputs: texts("a stone"), endpoint: endpointOf(world.server.url, { models, ...endpoint }), ...request });
const bodies = () => world.server.requests.map(({ body }) => body);

describe("Google's embeddings", () => {
  afterEach(() => world.close());

  it("are asked for together, and say what they took", async () => {
    const answer = await embed({ inputs: texts("a stone", "a river bed"), dimensions: 768 });
    const requests = ["a stone", "a river bed"].map((text) => ({
      model: "models/gemini-embedding-2",
      content: { parts: [{ text }] },
      outputDimensionality: 768,
    }));
    expect(world.server.requests).toMatchObject([
      { method: "POST", path: "/v1beta/models/gemini-embedding-2:batchEmbedContents", headers: { "x-goog-api-key": "k" } },
    ]);
    expect(bodies()).toEqual([{ requests }]);
    expect(answer).toMatchObject({ model: "gemini-embedding-2", identity: "acme/gemini-embedding-2/768", dimensions: 768 });
    expect(answer.usage).toEqual({ inputTokens: 5, cost: 0.000001 });
  });

  it("are told what they are for: older models with a word, later ones in the text, as Google's guide has it", async () => {
    await embed({ model: "gemini-embedding-001", purpose: "query" });
    for (const purpose of ["query", "document", "similarity"] as const) await again({ purpose });
    expect(bodies()[0].requests[0]).toMatchObject({ taskType: "RETRIEVAL_QUERY", content: { parts: [{ text: "a stone" }] } });
    expect(bodies().slice(1)).toMatchObject([
      { requests: [{ content: { parts: [{ text: "task: search result | query: a stone" }] } }] },
      { requests: [{ content: { parts: [{ text: "title: none | text: a stone" }] } }] },
      { requests: [{ content: { parts: [{ text: "task: sentence similarity | query: a stone" }] } }] },
    ]);
    expect(bodies()[1].requests[0]).not.toHaveProperty("taskType");
  });

  it("are made of pictures too, where the model reads them", async () => {
    const image = { type: "image" as const, mimeType: "image/png", base64: greyPixel(7).toString("base64") };
    const inputs = [[{ type: "text" as const, text: "A pixel." }, image]];
    await embed({ inputs, purpose: "query" });
    const data = greyPixel(7).toString("base64");
    expect(bodies()[0].requests[0].content.parts).toEqual([{ text: "A pixel." }, { inlineData: { mimeType: "image/png", data } }]);
    await expect(again({ inputs, model: "gemini-embedding-001" })).rejects.toMatchObject({
      code: "PLINTH_MODEL_UNSUPPORTED",
      details: { param: "inputs" },
    });
  });

  it("are asked for on Vertex AI as its models want it", async () => {
    const answer = await embed({ inputs: texts("a stone", "a river"), purpose: "document", truncate: true }, { quirks: VERTEX });
    const paths = () => world.server.requests.map(({ path }) => path.replace("/v1/projects/p/locations/l/publishers/google/models/", ""));
    expect(paths()).toEqual(["gemini-embedding-2:embedContent", "gemini-embedding-2:embedContent"]);
    expect(bodies()[0]).toEqual({
      content: { role: "user", parts: [{ text: "title: none | text: a stone" }] },
      embedContentConfig: { autoTruncate: true },
    });
    expect(answer.usage?.inputTokens).toBe(14);
    await again(
      { model: "gemini-embedding-001", inputs: texts("a", "b"), purpose: "clustering", dimensions: 768 },
      { quirks: { vertex: true, batch: 1 } },
    );
    expect(bodies().slice(2)).toEqual(
      ["a", "b"].map((content) => ({
        instances: [{ content, task_type: "CLUSTERING" }],
        parameters: { autoTruncate: false, outputDimensionality: 768 },
      })),
    );
  });

  it.each([
    [{}],
    [{ embeddings: [] }],
    [{ embeddings: [{ values: [] }] }],
    [{ embeddings: [{ values: ["1"] }] }],
    [{ embeddings: [{ values: [0, 0] }] }],
  ])("are none where they are something else: %j", async (body) => {
    world = await opened();
    world.server.script({ body });
    await expect(again({})).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
  });
});
