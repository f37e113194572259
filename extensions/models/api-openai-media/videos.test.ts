import type { GenerationItem, PurposeEndpoint, VideoRequest } from "@plinth/sdk";
import {
  createTestHost,
  describeConformance,
  greyPixel,
  type PlainAnswer,
  type PlainServer,
  type TestHost,
  videoGenerationConformance,
} from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import xai from "../../vendors/xai/plinth.json" with { type: "json" };
import extension from "./index.ts";
import { endpointOf, reached } from "./opened.testing.ts";
import manifest from "./plinth.json" with { type: "json" };
import { FILM, videoServer } from "./videos.testing.ts";

const { quirks, models } = xai.provides[0]!.descriptor.apis["plinth.video-generation"];
const styles: Readonly<Record<string, Partial<PurposeEndpoint>>> = {
  openai: { models: [{ id: "own-video", seconds: [4, 8], takes: ["seconds", "size", "first"], price: 0.1 }] as never },
  xai: { quirks, models },
};

const open = async () => {
  const server = await videoServer();
  const host = await createTestHost({ extensions: [{ manifest, extension }] });
  return { server, host, close: () => host.close().then(() => server.close()) };
};

for (const [style, more] of Object.entries(styles))
  describeConformance({ describe, it }, `films as ${style} has them`, videoGenerationConformance, {
    open: async () => {
      const { server, host, close } = await open();
      return { provider: reached(host.use("plinth.video-generation").get("openai"), endpointOf(server.url, more)), close };
    },
    good: { prompt: "A stone." },
    bad: { prompt: "" as never, model: "../x", first: { type: "image", mimeType: "image/png", url: "http://127.0.0.1/x" } },
    unsupported: { prompt: "A stone.", seed: 1 },
  });

let server: PlainServer;
let host: TestHost;
let close: () => Promise<void>;
beforeEach(async () => {
  ({ server, host, close } = await open());
});
afterEach(() => close());

async function generate(style: string, request: Partial<VideoRequest> = {}): Promise<GenerationItem[]> {
  const items: GenerationItem[] = [];
  const asked = { prompt: "A stone.", endpoint: endpointOf(server.url, styles[style]), ...request };
  for await (const item of host.use("plinth.video-generation").get("openai").generate(asked)) items.push(item);
  return items;
}
const image = { type: "image" as const, mimeType: "image/png", base64: greyPixel(7).toString("base64") };
const part = { type: "video", mimeType: "video/mp4", bytes: FILM.length, base64: FILM.toString("base64") };

describe("films of OpenAI's form", () => {
  it("are asked for, looked at, and fetched as content with the key", async () => {
    const items = await generate("openai", { seconds: 8, size: { width: 1_280, height: 720 } });
    expect(server.requests[0]).toMatchObject({
      method: "POST",
      path: "/v1/videos",
      body: { model: "own-video", prompt: "A stone.", seconds: "8", size: "1280x720" },
    });
    expect(server.requests.at(-1)).toMatchObject({ path: "/v1/videos/video_1/content", headers: { authorization: "Bearer k" } });
    expect(items).toEqual([
      { type: "job", job: "video_1" },
      { type: "progress", state: "running", percent: 33 },
      { type: "part", part },
      { type: "usage", usage: { seconds: 8, cost: 0.8 } },
      { type: "end", reason: "done" },
    ]);
  });

  it("begin with a picture as a file of a form", async () => {
    await generate("openai", { first: image });
    expect(server.requests[0]!.body).toMatchObject({ model: "own-video", input_reference: { name: "file.png", type: "image/png" } });
    expect(server.requests[0]!.body.input_reference.bytes.equals(greyPixel(7))).toBe(true);
  });
});

describe("films of xAI's form", () => {
  it("are fetched from where they lie without the key, and say what they cost", async () => {
    const items = await generate("xai", { seconds: 6, aspect: "16:9", resolution: "720p", first: image });
    const url = `data:image/png;base64,${image.base64}`;
    const body = { model: "grok-imagine-video-1.5", prompt: "A stone.", duration: 6, aspect_ratio: "16:9", resolution: "720p", image: { url } };
    expect(server.requests[0]).toMatchObject({ method: "POST", path: "/v1/videos/generations", body });
    expect(items.slice(-3)).toEqual([
      { type: "part", part },
      { type: "usage", usage: { seconds: 6, cost: 0.3 } },
      { type: "end", reason: "done" },
    ]);
    await generate("xai", { references: [image, image] });
    expect(server.requests.findLast(({ method }) => method === "POST")!.body.reference_images).toEqual([{ url }, { url }]);
  });

  it("are withheld where their rules say so", async () => {
    expect((await generate("xai", { prompt: "Something forbidden." })).at(-1)).toEqual({ type: "end", reason: "filter", withheld: 1 });
  });
});

describe("films of either form", () => {
  const failing = (style: string, ...answers: PlainAnswer[]) => {
    server.script(...answers);
    return generate(style).then(
      () => "done",
      ({ code, details }) => [code.replace("PLINTH_MODEL_", ""), details?.retryable],
    );
  };

  it("fail as models do", async () => {
    const error = (message: string, code: string) => ({ error: { message, code } });
    expect(await failing("openai", { status: 401, body: error("Incorrect API key provided", "invalid_api_key") })).toEqual(["AUTH", false]);
    expect(await failing("openai", { status: 429, body: error("You exceeded your current quota", "insufficient_quota") })).toEqual(["QUOTA", false]);
    expect(await failing("xai", { status: 429, body: error("Slow down", "rate_limit_exceeded"), headers: { "retry-after": "2" } })).toEqual([
      "RATE",
      true,
    ]);
    await expect(generate("openai", { prompt: "Something forbidden." })).rejects.toMatchObject({ code: "PLINTH_MODEL_FILTER" });
    expect(await failing("xai", { body: { request_id: "a" } }, { body: { status: "expired" } })).toEqual(["SERVER", true]);
  });

  it("are nothing where the answers are something else, or lie elsewhere", async () => {
    const [begun, done] = [{ body: { request_id: "a" } }, (url: string) => ({ body: { status: "done", video: { url } } })];
    expect(await failing("openai", { body: {} })).toEqual(["STREAM", false]);
    expect(await failing("openai", { body: { id: "../x" } })).toEqual(["STREAM", false]);
    expect(await failing("openai", { body: { id: "a" } }, { body: { status: "dreaming" } })).toEqual(["STREAM", false]);
    for (const url of ["https://evil.example/x.mp4", "https://vidgen.x.ai.evil.example/x", "http://127.0.0.1:1/x"])
      expect(await failing("xai", begun, done(url))).toEqual(["STREAM", false]);
    const own = `${server.url}/files/1.mp4`;
    expect(await failing("xai", begun, done(own), { status: 302, headers: { location: "http://10.0.0.1/" }, body: "" })).toEqual(["STREAM", false]);
    const half = { body: [FILM.subarray(0, 30)], headers: { "content-length": "900" }, cut: true };
    expect(await failing("xai", begun, done(own), half)).toEqual(["STREAM", true]);
  });

  it("cannot be ended, and a handle that is not theirs is data", async () => {
    const items = await generate("xai");
    const provider = host.use("plinth.video-generation").get("openai");
    const endpoint = endpointOf(server.url, styles.xai);
    const job = items.find((item) => item.type === "job")!.job;
    expect(await provider.cancel({ job, endpoint })).toEqual({ cancelled: false });
    for (const hostile of ["__proto__x", "../../etc/passwd", "https://192.0.2.1/", `${job}x`])
      await expect(provider.cancel({ job: hostile, endpoint })).rejects.toMatchObject({ code: "PLINTH_MODEL_JOB" });
  });
});
