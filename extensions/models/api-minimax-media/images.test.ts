import type { ImageRequest, PurposeEndpoint } from "@plinth/sdk";
import { describeConformance, greyPixel, imageGenerationConformance } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { refusal } from "./minimax-server.testing.ts";
import { all, endpointOf, opened, reached } from "./opened.testing.ts";

const models = [{ id: "image-01", aspects: ["1:1", "16:9"], maxImages: 1, takes: ["seed", "watermark"], price: 0.0035 }];

describeConformance({ describe, it }, "MiniMax' pictures", imageGenerationConformance, {
  open: async () => {
    const { server, host, close } = await opened();
    return { provider: reached(host.use("plinth.image-generation").get("minimax"), endpointOf(server.url, { models })), close };
  },
  good: { prompt: "A stone." },
  bad: { prompt: "A forbidden stone." },
  unsupported: { prompt: "A stone.", negativePrompt: "moss" },
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
      .get("minimax")
      .generate({ prompt: "A stone.", endpoint: endpointOf(world.server.url, { models, ...endpoint }), ...request }),
  );
const bodies = () => world.server.requests.map(({ body }) => body);
const image = { type: "image" as const, mimeType: "image/png", base64: greyPixel(7).toString("base64") };
const pixel = (shade: number) => ({
  type: "image",
  mimeType: "image/png",
  bytes: greyPixel(shade).length,
  base64: greyPixel(shade).toString("base64"),
});

describe("MiniMax' pictures", () => {
  it("are asked for as the reference has it", async () => {
    const items = await generate({ aspect: "16:9", count: 2, seed: 7, enhance: true, watermark: true, images: [image] });
    expect(world.server.requests[0]).toMatchObject({ method: "POST", path: "/v1/image_generation", headers: { authorization: "Bearer k" } });
    expect(bodies()).toEqual([
      {
        ...{ model: "image-01", prompt: "A stone.", response_format: "base64", aspect_ratio: "16:9", n: 2, seed: 7 },
        ...{ prompt_optimizer: true, aigc_watermark: true },
        subject_reference: [{ type: "character", image_file: `data:image/png;base64,${image.base64}` }],
      },
    ]);
    expect(items).toEqual([
      { type: "part", part: pixel(1) },
      { type: "part", part: pixel(2) },
      { type: "usage", usage: { images: 2, cost: 0.007 } },
      { type: "end", reason: "done" },
    ]);
  });

  it("are as many requests as they take", async () => {
    const items = await generate({ count: 10, size: { width: 1_024, height: 512 } });
    expect(bodies().map(({ n, width, height }) => [n, width, height])).toEqual([
      [9, 1_024, 512],
      [1, 1_024, 512],
    ]);
    expect(items.filter(({ type }) => type === "part")).toHaveLength(10);
  });

  it("are not asked for with what the model cannot", async () => {
    const refused = (request: Partial<ImageRequest>) => generate(request).catch(({ code, details }) => [code, details.param]);
    const what: Partial<ImageRequest>[] = [
      { aspect: "8:1" },
      { images: [image, image] },
      { size: { width: 100, height: 512 } },
      { format: "webp" },
      { mask: image },
    ];
    for (const request of what) expect(await refused(request)).toEqual(["PLINTH_MODEL_UNSUPPORTED", Object.keys(request)[0]]);
    expect(bodies()).toEqual([]);
  });

  it("are told as withheld where rules kept them back", async () => {
    expect((await generate({ prompt: "An unsafe stone." })).at(-1)).toEqual({ type: "end", reason: "filter", withheld: 1 });
    const items = await generate({ prompt: "Stones, half of them.", count: 4 });
    expect(items.slice(-2)).toEqual([
      { type: "usage", usage: { images: 2, cost: 0.007 } },
      { type: "end", reason: "done", withheld: 2 },
    ]);
  });

  it.each([
    [refusal(1027, "output sensitive"), "FILTER"],
    [refusal(1008, "insufficient balance"), "BILLING"],
    [{ body: {} }, "STREAM"],
    [{ body: "{" }, "STREAM"],
    [{ body: '{"data":', cut: true }, "STREAM"],
    [{ body: { data: { image_base64: [Buffer.from("no picture").toString("base64")] } } }, "STREAM"],
  ])("fail as the server fails: %#", async (answer, kind) => {
    world.server.script(answer);
    await expect(generate({})).rejects.toMatchObject({ code: `PLINTH_MODEL_${kind}` });
  });
});
