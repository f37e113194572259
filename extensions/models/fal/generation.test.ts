import type { GenerationItem, PurposeEndpoint } from "@plinth/sdk";
import type { PlainAnswer } from "@plinth/sdk/testing";
import { greyPixel } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { all, endpointFor, MADE, opened } from "./fal.testing.ts";

type Purpose = "plinth.image-generation" | "plinth.video-generation" | "plinth.music-generation";

let world: Awaited<ReturnType<typeof opened>>;
beforeEach(async () => {
  world = await opened();
});
afterEach(() => world.close());

const provider = (purpose: Purpose) => world.host.use(purpose).get("fal");
const generate = (purpose: Purpose, request: object, endpoint: Partial<PurposeEndpoint> = {}, signal?: AbortSignal): Promise<GenerationItem[]> =>
  all(
    provider(purpose).generate(
      { prompt: "A stone.", endpoint: endpointFor(purpose, world.server.url, endpoint), ...request } as never,
      signal === undefined ? {} : { signal },
    ),
  );
const pictures = (request: object, endpoint?: Partial<PurposeEndpoint>) => generate("plinth.image-generation", request, endpoint);
const films = (request: object, endpoint?: Partial<PurposeEndpoint>) => generate("plinth.video-generation", request, endpoint);
const submitted = () => world.server.requests.filter(({ method }) => method === "POST").map(({ path, body }) => [path.slice(1), body]);
const image = { type: "image" as const, mimeType: "image/png", base64: greyPixel(7).toString("base64") };
const url = `data:image/png;base64,${image.base64}`;

describe("a picture of fal's", () => {
  it("is work in the queue, told of while it waits and runs, and there with its bytes", async () => {
    const items = await pictures({ count: 2, size: { width: 512, height: 256 }, seed: 3, format: "png" });
    expect(submitted()).toEqual([
      ["fal-ai/flux-1/dev", { prompt: "A stone.", num_images: 2, image_size: { width: 512, height: 256 }, seed: 3, output_format: "png" }],
    ]);
    const part = { type: "image", mimeType: "image/png", bytes: MADE.png.length, base64: MADE.png.toString("base64") };
    expect(items).toEqual([
      { type: "job", job: expect.stringMatching(/^fal-ai\/flux-1:[\w-]+$/) },
      { type: "progress", state: "queued", place: 1 },
      { type: "part", part, seed: 7 },
      { type: "part", part, seed: 7 },
      { type: "usage", usage: { images: 2, computeSeconds: 1.5, cost: 0.05 } },
      { type: "end", reason: "done" },
    ]);
    for (const { headers, path } of world.server.requests) if (!path.startsWith("/files/")) expect(headers.authorization, path).toBe("Key k");
  });

  it("is told in the words of its model, and goes the way of the files that come along", async () => {
    await pictures({ aspect: "16:9" });
    await pictures({ model: "fal-ai/nano-banana-2", images: [image, image], resolution: "2K" });
    await pictures({ model: "acme/own", images: [image], steps: 4, vendor: { fal: { loras: [] } } });
    expect(submitted()).toEqual([
      ["fal-ai/flux-1/dev", { prompt: "A stone.", image_size: "landscape_16_9" }],
      ["fal-ai/nano-banana-2/edit", { prompt: "A stone.", resolution: "2K", image_urls: [url, url] }],
      ["acme/own", { prompt: "A stone.", num_inference_steps: 4, image_urls: [url], loras: [] }],
    ]);
  });

  it("is not asked for with what its model cannot, and nothing is paid", async () => {
    const refused = (request: object) => pictures(request).catch(({ code, details }) => [code, details?.param]);
    expect(await refused({ images: [image] })).toEqual(["PLINTH_MODEL_UNSUPPORTED", "images"]);
    expect(await refused({ aspect: "7:1" })).toEqual(["PLINTH_MODEL_UNSUPPORTED", "aspect"]);
    expect(await refused({ format: "webp" })).toEqual(["PLINTH_MODEL_UNSUPPORTED", "format"]);
    expect(await refused({ model: "fal-ai/flux-2", images: Array(5).fill(image) })).toEqual(["PLINTH_MODEL_UNSUPPORTED", "images"]);
    expect(await refused({ model: "fal-ai/nano-banana-2", images: [{ type: "image", mimeType: "image/png", url: "http://127.0.0.1/x" }] })).toEqual([
      "PLINTH_MODEL_UNSUPPORTED",
      "images",
    ]);
    for (const model of ["../../x", "https://192.0.2.1/x", "one", "a/../b"])
      expect(await refused({ model })).toEqual(["PLINTH_MODEL_UNKNOWN", undefined]);
    expect(world.server.requests).toEqual([]);
    expect((await pictures({ aspect: "7:1", onUnsupported: "drop" })).find(({ type }) => type === "warning")).toMatchObject({ param: "aspect" });
  });

  it("is withheld where the checker of its model made it black", async () => {
    const row = { url: `${world.server.url}/files/0.png` };
    const flagged = (...flags: boolean[]): PlainAnswer => ({ body: { images: flags.map(() => row), has_nsfw_concepts: flags } });
    const answer = { body: { request_id: "r-1" } };
    world.server.script(answer, { body: { status: "COMPLETED" } }, flagged(true, false));
    expect((await pictures({ count: 2 })).at(-1)).toEqual({ type: "end", reason: "done", withheld: 1 });
    world.server.script(answer, { body: { status: "COMPLETED" } }, flagged(true));
    expect((await pictures({})).at(-1)).toEqual({ type: "end", reason: "filter", withheld: 1 });
  });

  it("costs what fal counts, where it says it", async () => {
    const result = { body: { images: [{ url: `${world.server.url}/files/0.png` }] }, headers: { "x-fal-billable-units": "3" } };
    world.server.script({ body: { request_id: "r-1" } }, { body: { status: "COMPLETED" } }, result);
    expect((await pictures({})).find(({ type }) => type === "usage")).toEqual({ type: "usage", usage: { images: 1, cost: 0.075 } });
  });
});

describe("a film of fal's", () => {
  it("is told in the words of its model", async () => {
    await films({ model: "fal-ai/veo3.1", seconds: 8, resolution: "1080p", sound: false, enhance: false });
    await films({ first: image, last: image, seconds: 4 });
    await films({ model: "fal-ai/kling-video/v3/pro/text-to-video", seconds: 5, guidance: 0.4, first: image });
    await films({ model: "fal-ai/veo3.1", references: [image] });
    expect(submitted()).toEqual([
      ["fal-ai/veo3.1", { prompt: "A stone.", duration: "8s", resolution: "1080p", generate_audio: false, auto_fix: false }],
      ["fal-ai/veo3.1/fast/first-last-frame-to-video", { prompt: "A stone.", duration: "4s", first_frame_url: url, last_frame_url: url }],
      ["fal-ai/kling-video/v3/pro/image-to-video", { prompt: "A stone.", duration: "5", cfg_scale: 0.4, start_image_url: url }],
      ["fal-ai/veo3.1/reference-to-video", { prompt: "A stone.", image_urls: [url] }],
    ]);
    await expect(films({ seconds: 5 })).rejects.toMatchObject({ details: { param: "seconds" } });
    await expect(films({ last: image })).rejects.toMatchObject({ details: { param: "last" } });
  });

  it("says what it cost by its length", async () => {
    const items = await films({ model: "fal-ai/veo3.1", seconds: 8 });
    expect(items.find(({ type }) => type === "usage")).toEqual({ type: "usage", usage: { seconds: 8, computeSeconds: 1.5, cost: 1.6 } });
  });
});

it("music of fal's has its words, and the names that its model has for them", async () => {
  const items = await generate("plinth.music-generation", { model: "fal-ai/ace-step", lyrics: "[verse]\nLa", seconds: 30 });
  expect(submitted()).toEqual([["fal-ai/ace-step", { tags: "A stone.", lyrics: "[verse]\nLa", duration: 30 }]]);
  expect(items.find(({ type }) => type === "part")).toMatchObject({ part: { mimeType: "audio/mpeg", transcript: "[verse]\nLa" } });
  await generate("plinth.music-generation", { model: "fal-ai/minimax-music/v2", lyrics: "La", format: "flac" });
  expect(submitted()[1]).toEqual(["fal-ai/minimax-music/v2", { prompt: "A stone.", lyrics_prompt: "La", audio_setting: { format: "flac" } }]);
});

describe("work in fal's queue", () => {
  const failing = (answers: PlainAnswer[], endpoint?: Partial<PurposeEndpoint>) => {
    world.server.script(...answers);
    return pictures({}, endpoint).then(
      () => "done",
      ({ code, details }) => [code.replace("PLINTH_MODEL_", ""), details.retryable],
    );
  };
  const detail = (said: unknown, more: object = {}) => ({ detail: said, ...more });

  it("fails as models do, with the server's words", async () => {
    const exhausted = "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing.";
    expect(await failing([{ status: 401, body: detail("No user found for Key ID and Secret") }])).toEqual(["AUTH", false]);
    expect(await failing([{ status: 403, body: detail(exhausted) }])).toEqual(["BILLING", false]);
    expect(await failing([{ status: 429, body: detail("Slow down."), headers: { "retry-after": "3" } }])).toEqual(["RATE", true]);
    const bad = [{ loc: ["body", "steps"], msg: "Input should be less than 50", type: "less_than" }];
    expect(await failing([{ status: 422, body: detail(bad) }])).toEqual(["REQUEST", false]);
    expect(await failing([{ status: 503, body: detail("No runner", { error_type: "runner_scheduling_failure" }) }])).toMatchObject([
      "OVERLOADED",
      true,
    ]);
    world.server.script({ status: 422, body: detail(bad) });
    await expect(pictures({})).rejects.toMatchObject({ message: expect.stringContaining("steps: Input should be less than 50") });
    await expect(pictures({ prompt: "Something forbidden." })).rejects.toMatchObject({ code: "PLINTH_MODEL_FILTER" });
    const timeout = { body: { status: "COMPLETED", error: "Request timed out", error_type: "request_timeout" } };
    const queued = { body: { request_id: "r-1" } };
    expect(await failing([queued, timeout, { body: {} }])).toEqual(["SERVER", true]);
  });

  it("is looked at again where a look fails, and never submitted again", async () => {
    const busy = { status: 503, body: detail("busy") };
    const made = { body: { images: [{ url: `${world.server.url}/files/0.png` }] } };
    const cut = { body: "{", headers: { "content-type": "application/json" }, cut: true };
    world.server.script({ body: { request_id: "r-1" } }, busy, cut, { body: { status: "COMPLETED" } }, made);
    expect((await pictures({})).at(-1)).toEqual({ type: "end", reason: "done" });
    expect(world.server.requests.filter(({ method }) => method === "POST")).toHaveLength(1);
    expect(await failing([cut])).toEqual(["STREAM", false]);
  });

  it("is nothing where its answers are something else", async () => {
    const [queued, done] = [{ body: { request_id: "r-1" } }, { body: { status: "COMPLETED" } }];
    expect(await failing([{ body: {} }])).toEqual(["STREAM", false]);
    expect(await failing([{ body: { request_id: "../x" } }])).toEqual(["STREAM", false]);
    expect(await failing([queued, { body: { status: "DREAMING" } }])).toEqual(["STREAM", false]);
    expect(await failing([queued, done, { body: { images: [] } }])).toEqual(["STREAM", false]);
    const made = { body: { images: [{ url: `${world.server.url}/files/0.png` }] } };
    expect(await failing([queued, done, { body: "no JSON" }, done, made])).toBe("done");
    for (const address of ["https://evil.example/x.png", "http://127.0.0.1:1/x.png", "https://fal.media.evil.example/x.png", "file:///etc/passwd"])
      expect(await failing([queued, done, { body: { images: [{ url: address }] } }])).toEqual(["STREAM", false]);
    const own = { body: { images: [{ url: `${world.server.url}/files/0.png` }] } };
    const moved = { status: 302, headers: { location: "http://10.0.0.1/" }, body: "" };
    expect(await failing([queued, done, own, moved])).toEqual(["STREAM", false]);
    expect(await failing([queued, done, own, { body: "<html>" }])).toEqual(["STREAM", false]);
    expect(await failing([queued, done, own, { body: [Buffer.from("\x89PNG", "latin1")], headers: { "content-length": "900" }, cut: true }])).toEqual(
      ["STREAM", true],
    );
  });

  it("is cancelled at fal where its reader leaves before it has a name", async () => {
    const release = world.server.hold();
    const leaving = new AbortController();
    const asked = generate("plinth.video-generation", { prompt: "A slow stone." }, {}, leaving.signal).catch(({ code }) => code);
    await vi.waitFor(() => expect(world.server.requests).toHaveLength(1));
    leaving.abort();
    expect(await asked).toMatch(/^PLINTH_/);
    release();
    await vi.waitFor(() => expect([...world.server.work.values()].map(({ state }) => state)).toEqual(["cancelled"]));
  });

  it("goes from the queue where it is cancelled while it waits", async () => {
    world.server.script({ body: { request_id: "r-1" } }, { status: 404, body: { detail: "Not Found" } });
    expect((await pictures({})).at(-1)).toEqual({ type: "end", reason: "cancelled" });
  });
});
