import type { GenerationItem, ImageRequest, PurposeEndpoint } from "@plinth/sdk";
import { describeConformance, greyPixel, imageGenerationConformance } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { endpointOf, opened, reached } from "./opened.testing.ts";

const models = [
  { id: "gpt-image-1", takes: ["quality", "background", "format", "compression", "moderation"], maxImages: 16 },
  { id: "dall-e-3", takes: ["quality", "style"], maxCount: 1, maxImages: 0, price: 0.04, sizes: [{ width: 1_024, height: 1_024 }] },
];

describeConformance({ describe, it }, "OpenAI's pictures", imageGenerationConformance, {
  open: async () => {
    const { server, host, close } = await opened();
    return { provider: reached(host.use("plinth.image-generation").get("openai"), endpointOf(server.url, { models })), close };
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

async function generate(request: Partial<ImageRequest>, endpoint: Partial<PurposeEndpoint> = {}): Promise<GenerationItem[]> {
  const items: GenerationItem[] = [];
  const asked = { prompt: "A stone.", endpoint: endpointOf(world.server.url, { models, ...endpoint }), ...request };
  for await (const item of world.host.use("plinth.image-generation").get("openai").generate(asked)) items.push(item);
  return items;
}
const bodies = () => world.server.requests.map(({ body }) => body);
const image = { type: "image" as const, mimeType: "image/png", base64: greyPixel(7).toString("base64") };

describe("OpenAI's pictures", () => {
  it("are asked for as the reference has it, and are there with their bytes", async () => {
    const items = await generate({ size: { width: 1_024, height: 1_536 }, quality: "low", background: "transparent", format: "webp", count: 2 });
    expect(world.server.requests[0]).toMatchObject({ method: "POST", path: "/v1/images/generations", headers: { authorization: "Bearer k" } });
    expect(bodies()).toEqual([
      { model: "gpt-image-1", prompt: "A stone.", n: 2, size: "1024x1536", quality: "low", background: "transparent", output_format: "webp" },
    ]);
    expect(items).toEqual([
      ...[0, 1].map((shade) => ({
        type: "part",
        part: { type: "image", mimeType: "image/png", bytes: greyPixel(shade).length, base64: greyPixel(shade).toString("base64") },
      })),
      { type: "usage", usage: { images: 2, inputTokens: 12, outputTokens: 544 } },
      { type: "end", reason: "done" },
    ]);
  });

  it("are changed from others with a form", async () => {
    await generate({ images: [image], mask: image });
    expect(world.server.requests[0]?.path).toBe("/v1/images/edits");
    expect(bodies()[0]).toMatchObject({ prompt: "A stone.", image: { name: "file.png", type: "image/png" }, mask: { name: "file.png" } });
    expect(bodies()[0].image.bytes.equals(greyPixel(7))).toBe(true);
    await generate({ images: [image, image] });
    expect(bodies()[1]["image[]"]).toHaveLength(2);
  });

  it("say in whose words they were made, and what they cost", async () => {
    const items = await generate({ model: "dall-e-3", style: "vivid" });
    expect(bodies()).toEqual([{ model: "dall-e-3", prompt: "A stone.", style: "vivid", response_format: "b64_json" }]);
    expect(items[0]).toMatchObject({ type: "part", prompt: "A picture: A stone." });
    expect(items[1]).toEqual({ type: "usage", usage: { images: 1, cost: 0.04 } });
  });

  it("are not asked for with what the model cannot", async () => {
    const refused = (request: Partial<ImageRequest>) =>
      generate({ model: "dall-e-3", ...request }).catch(({ code, details }) => [code, details.param]);
    expect(await refused({ count: 2 })).toEqual(["PLINTH_MODEL_UNSUPPORTED", "count"]);
    expect(await refused({ images: [image] })).toEqual(["PLINTH_MODEL_UNSUPPORTED", "images"]);
    expect(await refused({ size: { width: 1, height: 1 } })).toEqual(["PLINTH_MODEL_UNSUPPORTED", "size"]);
    expect(await refused({ background: "transparent" })).toEqual(["PLINTH_MODEL_UNSUPPORTED", "background"]);
    expect(bodies()).toEqual([]);
  });

  it("go in the vendor's own words where its data has them", async () => {
    const quirks = { widthAndHeight: true, responseFormat: "base64", fields: { seed: "seed", negativePrompt: "negative_prompt" } };
    world.server.script({ body: { data: [{ index: 0, b64_json: greyPixel().toString("base64"), type: "b64_json" }] } });
    await generate({ model: "flux", size: { width: 512, height: 256 }, seed: 7, negativePrompt: "moss" }, { quirks });
    expect(bodies()).toEqual([
      { model: "flux", prompt: "A stone.", width: 512, height: 256, seed: 7, negative_prompt: "moss", response_format: "base64" },
    ]);
  });

  it("are told as withheld where rules kept some back, and refused as such where all", async () => {
    world.server.script({ body: { data: [{ b64_json: greyPixel().toString("base64") }] } });
    expect((await generate({ count: 3 })).at(-1)).toEqual({ type: "end", reason: "done", withheld: 2 });
    await expect(generate({ prompt: "Something forbidden." })).rejects.toMatchObject({ code: "PLINTH_MODEL_FILTER" });
  });

  it.each([
    [{}],
    [{ b64_json: Buffer.from("no picture").toString("base64") }],
    [{ url: "http://127.0.0.1:1/x.png" }],
    [{ url: "https://127.0.0.1/x.png" }],
    [{ url: "https://localhost/x.png" }],
    [{ url: "https://user@example.com/x.png" }],
  ])("are none where they are something else: %j", async (row) => {
    world.server.script({ body: { data: [row] } });
    await expect(generate({})).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
  });
});
