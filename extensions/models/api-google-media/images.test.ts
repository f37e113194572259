import type { ImageRequest, PurposeEndpoint } from "@plinth/sdk";
import { describeConformance, greyPixel, imageGenerationConformance } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { refusal } from "./google-server.testing.ts";
import { all, endpointOf, opened, reached } from "./opened.testing.ts";

const models = [{ id: "gemini-nano-banana-2.1", aspects: ["1:1", "16:9"], resolutions: ["1K", "2K"], maxImages: 2, takes: [], price: 0.04 }];

describeConformance({ describe, it }, "Google's pictures", imageGenerationConformance, {
  open: async () => {
    const { server, host, close } = await opened();
    return { provider: reached(host.use("plinth.image-generation").get("google"), endpointOf(server.url, { models })), close };
  },
  good: { prompt: "A stone.", count: 2 },
  bad: { prompt: "A forbidden stone." },
  unsupported: { prompt: "A stone.", seed: 1 },
});

let world: Awaited<ReturnType<typeof opened>>;
beforeEach(async () => {
  world = await opened();
});
afterEach(() => world.close());

const generate = (request: Partial<ImageRequest>, endpoint: Partial<PurposeEndpoint> = {}) =>
  all(
    world.host
      .use("plinth.image-generation")
      .get("google")
      .generate({ prompt: "A stone.", endpoint: endpointOf(world.server.url, { models, ...endpoint }), ...request }),
  );
const bodies = () => world.server.requests.map(({ body }) => body);
const image = { type: "image" as const, mimeType: "image/png", base64: greyPixel(7).toString("base64") };
const pixel = { type: "image", mimeType: "image/png", bytes: greyPixel(1).length, base64: greyPixel(1).toString("base64") };

describe("Google's pictures", () => {
  it("are asked for as the reference has it, one with each request, and what was drawn on the way is none", async () => {
    const items = await generate({ aspect: "16:9", resolution: "2K", count: 2 });
    expect(world.server.requests[0]).toMatchObject({
      method: "POST",
      path: "/v1beta/models/gemini-nano-banana-2.1:generateContent",
      headers: { "x-goog-api-key": "k" },
    });
    const body = {
      contents: [{ role: "user", parts: [{ text: "A stone." }] }],
      generationConfig: { responseModalities: ["IMAGE"], imageConfig: { aspectRatio: "16:9", imageSize: "2K" } },
    };
    expect(bodies()).toEqual([body, body]);
    expect(items).toEqual([
      { type: "part", part: pixel },
      { type: "part", part: pixel },
      { type: "usage", usage: { images: 2, inputTokens: 18, outputTokens: 2_400, cost: 0.08 } },
      { type: "end", reason: "done" },
    ]);
  });

  it("are changed from others, which go with their bytes", async () => {
    await generate({ images: [image] });
    const data = greyPixel(7).toString("base64");
    expect(bodies()[0].contents[0].parts).toEqual([{ text: "A stone." }, { inlineData: { mimeType: "image/png", data } }]);
  });

  it("are not asked for with what the model cannot", async () => {
    const refused = (request: Partial<ImageRequest>) => generate(request).catch(({ code, details }) => [code, details.param]);
    const what: Partial<ImageRequest>[] = [
      { aspect: "8:1" },
      { resolution: "4K" },
      { images: [image, image, image] },
      { mask: image },
      { size: { width: 1, height: 1 } },
      { negativePrompt: "moss" },
      { format: "webp" },
      { watermark: false },
    ];
    for (const request of what) expect(await refused(request)).toEqual(["PLINTH_MODEL_UNSUPPORTED", Object.keys(request)[0]]);
    expect(bodies()).toEqual([]);
  });

  it("are told their format on Vertex AI, and what is said to this vendor alone", async () => {
    const wide = [{ id: "gemini-3-pro-image", takes: ["format", "compression", "seed"] }];
    const endpoint = { models: wide, quirks: { vertex: true }, baseUrl: `${world.server.url}/v1/publishers/google` };
    await generate({ format: "jpeg", compression: 80, seed: 7, vendor: { acme: { imageConfig: { imageOutputOptions: {} } } } }, endpoint);
    await generate({ format: "jpeg", compression: 80 }, endpoint);
    expect(bodies()[0].generationConfig).toEqual({ responseModalities: ["IMAGE"], seed: 7, imageConfig: { imageOutputOptions: {} } });
    expect(bodies()[1].generationConfig.imageConfig).toEqual({ imageOutputOptions: { mimeType: "image/jpeg", compressionQuality: 80 } });
  });

  it("are told as withheld where rules kept them back", async () => {
    expect((await generate({ prompt: "An unsafe stone." })).at(-1)).toEqual({ type: "end", reason: "filter", withheld: 1 });
    await expect(generate({ prompt: "A forbidden stone." })).rejects.toMatchObject({ code: "PLINTH_MODEL_FILTER" });
  });

  it("are a failure where the model talks instead, in its words", async () => {
    await expect(generate({ prompt: "Only words." })).rejects.toMatchObject({
      code: "PLINTH_MODEL_STREAM",
      message: expect.stringContaining("I would rather talk about it."),
    });
  });

  it.each([
    [
      refusal(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", [
        { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID" },
      ]),
      { code: "PLINTH_MODEL_AUTH" },
    ],
    [
      refusal(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details.", [
        { "@type": "type.googleapis.com/google.rpc.QuotaFailure", violations: [{ quotaId: "GenerateRequestsPerDayPerProjectPerModel" }] },
      ]),
      { code: "PLINTH_MODEL_QUOTA" },
    ],
    [
      refusal(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted.", [
        { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "34s" },
      ]),
      { code: "PLINTH_MODEL_RATE", details: { retryAfterMs: 34_000 } },
    ],
    [refusal(400, "INVALID_ARGUMENT", "Aspect ratio 5:7 is not known."), { code: "PLINTH_MODEL_REQUEST", message: expect.stringContaining("5:7") }],
    [refusal(503, "UNAVAILABLE", "The model is overloaded. Please try again later."), { code: "PLINTH_MODEL_OVERLOADED" }],
    [{ body: "{" }, { code: "PLINTH_MODEL_STREAM" }],
    [{ body: {} }, { code: "PLINTH_MODEL_STREAM" }],
    [{ body: '{"candidates":[', cut: true }, { code: "PLINTH_MODEL_STREAM" }],
    [
      { body: { candidates: [{ content: { parts: [{ inlineData: { data: Buffer.from("no picture").toString("base64") } }] } }] } },
      { code: "PLINTH_MODEL_STREAM" },
    ],
  ])("fail as the server fails: %#", async (answer, error) => {
    world.server.script(answer);
    await expect(generate({})).rejects.toMatchObject(error);
  });
});
