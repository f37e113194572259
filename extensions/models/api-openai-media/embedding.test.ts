import type { EmbeddingRequest, PurposeEndpoint } from "@plinth/sdk";
import { describeConformance, embeddingConformance } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { endpointOf, opened, reached } from "./opened.testing.ts";

const models = [
  { id: "text-embedding-3-small", dimensions: 1_536, shorter: [512], maxInputTokens: 8_192, price: 0.02 },
  { id: "text-embedding-ada-002", dimensions: 1_536, maxInputTokens: 8_192 },
];
const texts = (...all: string[]) => all.map((text) => [{ type: "text" as const, text }]);

for (const quirks of [{}, { base64: true }])
  describeConformance({ describe, it }, `OpenAI's embeddings ${JSON.stringify(quirks)}`, embeddingConformance, {
    open: async () => {
      const { server, host, close } = await opened();
      return { provider: reached(host.use("plinth.embedding").get("openai"), endpointOf(server.url, { models, quirks })), close };
    },
    good: { inputs: texts("a stone", "a river") },
    bad: { inputs: texts("a stone"), model: "none" },
    unsupported: { inputs: texts("a stone"), form: "bits" },
    long: { inputs: texts("long ".repeat(10_000)) },
    shorter: 512,
  });

let world: Awaited<ReturnType<typeof opened>>;
beforeEach(async () => {
  world = await opened();
});
afterEach(() => world.close());

const embed = (request: Partial<EmbeddingRequest>, endpoint: Partial<PurposeEndpoint> = {}) =>
  world.host
    .use("plinth.embedding")
    .get("openai")
    .embed({ inputs: texts("a stone"), endpoint: endpointOf(world.server.url, { models, ...endpoint }), ...request });
const bodies = () => world.server.requests.map(({ body }) => body);
const row = (index: number, embedding: unknown) => ({ object: "embedding", index, embedding });

describe("OpenAI's embeddings", () => {
  it("are asked for as the reference has it, and say what they took", async () => {
    const answer = await embed({ inputs: texts("a stone", "a river bed") });
    expect(world.server.requests[0]).toMatchObject({ method: "POST", path: "/v1/embeddings", headers: { authorization: "Bearer k" } });
    expect(bodies()).toEqual([{ model: "text-embedding-3-small", input: ["a stone", "a river bed"] }]);
    expect(answer).toMatchObject({ model: "text-embedding-3-small", identity: "acme/text-embedding-3-small/1536", dimensions: 1_536 });
    expect(answer.usage).toEqual({ inputTokens: 5, cost: 1e-7 });
  });

  it("are asked for in batches that the server takes and that are parsed in a moment, in order", async () => {
    const { vectors, usage } = await embed({ inputs: texts(...Array.from({ length: 100 }, (_, at) => `text ${at}`)) });
    expect(vectors).toHaveLength(100);
    expect(bodies().map(({ input }) => input.length)).toEqual([31, 31, 31, 7]);
    expect(bodies().flatMap(({ input }) => input)).toEqual(Array.from({ length: 100 }, (_, at) => `text ${at}`));
    expect(usage?.inputTokens).toBe(200);
    await embed({ inputs: texts("x".repeat(60), "y".repeat(60), "z") }, { quirks: { batchCharacters: 100, base64: true } });
    expect(bodies().slice(4)).toMatchObject([
      { input: [expect.stringMatching(/^x/)], encoding_format: "base64" },
      { input: [expect.stringMatching(/^y/), "z"] },
    ]);
    await embed({ inputs: texts("a", "b", "c") }, { quirks: { batch: 2 } });
    expect(
      bodies()
        .slice(6)
        .map(({ input }) => input),
    ).toEqual([["a", "b"], ["c"]]);
  });

  it("go in the vendor's own words where its data has them", async () => {
    const quirks = { dimensionsField: "output_dimension", purposeField: "input_type", purposes: { query: "query", document: "passage" } };
    world.server.script({ body: { data: [row(0, [3, 4])] } });
    const answer = await embed(
      { model: "own", dimensions: 2, purpose: "document", vendor: { acme: { truncate: "END" }, other: { x: 1 } } },
      { quirks },
    );
    expect(bodies()).toEqual([{ model: "own", input: ["a stone"], output_dimension: 2, input_type: "passage", truncate: "END" }]);
    const bytes = Buffer.from(answer.vectors[0]!, "base64");
    expect([bytes.readFloatLE(0), bytes.readFloatLE(4)].map((one) => Math.round(one * 100))).toEqual([60, 80]);
    expect(answer).not.toHaveProperty("usage");
  });

  it("come in the order of the texts, whatever the order of the answer", async () => {
    world.server.script({ body: { data: [row(1, [0, 1]), row(0, [1, 0])] } });
    const { vectors } = await embed({ inputs: texts("a", "b") });
    expect(vectors.map((one) => Buffer.from(one, "base64").readFloatLE(0))).toEqual([1, 0]);
  });

  it("take text alone, and dimensions where the model has others", async () => {
    const image = [{ type: "image" as const, mimeType: "image/png", base64: "iVBORw0KGgo=" }];
    await expect(embed({ inputs: [image] })).rejects.toMatchObject({ code: "PLINTH_MODEL_UNSUPPORTED", details: { param: "inputs" } });
    await expect(embed({ model: "text-embedding-ada-002", dimensions: 5 })).rejects.toMatchObject({ code: "PLINTH_MODEL_UNSUPPORTED" });
    expect(bodies()).toEqual([]);
    expect(await embed({ model: "text-embedding-ada-002", dimensions: 5, onUnsupported: "drop" })).toMatchObject({ dimensions: 1_536 });
  });

  it.each([
    [{ data: [] }],
    [{ data: [row(0, [0, 0])] }],
    [{ data: [row(0, ["1"])] }],
    [{ data: [row(0, "AAA")] }],
    [{ data: [row(7, [1])] }],
    [{ vectors: 1 }],
    ["no JSON"],
  ])("are no answer where they are no vectors: %j", async (body) => {
    world.server.script({ body });
    await expect(embed({})).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
  });

  it("fail as models do", async () => {
    const failing = async (status: number, error: object) => {
      world.server.script({ status, body: { error } });
      return embed({}).catch(({ code, details }) => [code, details.retryable]);
    };
    expect(await failing(401, { message: "Incorrect API key provided", code: "invalid_api_key" })).toEqual(["PLINTH_MODEL_AUTH", false]);
    expect(await failing(429, { message: "Rate limit reached", code: "rate_limit_exceeded" })).toEqual(["PLINTH_MODEL_RATE", true]);
    expect(await failing(429, { message: "You exceeded your current quota", code: "insufficient_quota" })).toEqual(["PLINTH_MODEL_QUOTA", false]);
    expect(await failing(503, { message: "overloaded" })).toEqual(["PLINTH_MODEL_OVERLOADED", true]);
    world.server.script({ body: "{", headers: { "content-type": "application/json" }, cut: true });
    expect(await embed({}).catch(({ code }) => code)).toBe("PLINTH_MODEL_STREAM");
  });
});
