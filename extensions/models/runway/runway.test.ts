import type { GenerationItem } from "@plinth/sdk";
import {
  describeConformance,
  greyPixel,
  imageGenerationConformance,
  modelVendorConformance,
  type PlainAnswer,
  videoGenerationConformance,
} from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { hasPeer, peer } from "../../../test/peers/programs.testing.ts";
import manifest from "./plinth.json" with { type: "json" };
import { all, endpointFor, FILM, opened, type Purpose, reached } from "./runway.testing.ts";

const opening = (purpose: Purpose) => async () => {
  const { server, host, close } = await opened();
  return { provider: reached(host.use(purpose).get("runway"), endpointFor(purpose, server.url)) as any, close };
};
const subject = { bad: { prompt: "Something forbidden." }, slow: { prompt: "A slow stone." }, unsupported: { prompt: "A stone.", watermark: true } };

describeConformance({ describe, it }, "Runway's films", videoGenerationConformance, {
  open: opening("plinth.video-generation"),
  good: { prompt: "A stone." },
  ...subject,
});
describeConformance({ describe, it }, "Runway's pictures", imageGenerationConformance, {
  open: opening("plinth.image-generation"),
  good: { prompt: "A stone.", count: 2, model: "gpt_image_2" },
  ...subject,
});
describeConformance({ describe, it }, "Runway's data", modelVendorConformance, { manifest: manifest as never, id: "runway" });

let world: Awaited<ReturnType<typeof opened>>;
beforeEach(async () => {
  world = await opened();
});
afterEach(() => world.close());

const generate = (purpose: Purpose, request: object, signal?: AbortSignal): Promise<GenerationItem[]> =>
  all(
    world.host
      .use(purpose)
      .get("runway")
      .generate(
        { prompt: "A stone.", endpoint: endpointFor(purpose, world.server.url), ...request } as never,
        signal === undefined ? {} : { signal },
      ),
  );
const films = (request: object, signal?: AbortSignal) => generate("plinth.video-generation", request, signal);
const pictures = (request: object) => generate("plinth.image-generation", request);
const begun = () => world.server.requests.filter(({ method }) => method === "POST").map(({ path, body }) => [path.replace("/v1/", ""), body]);
const image = { type: "image" as const, mimeType: "image/png", base64: greyPixel(7).toString("base64") };
const uri = `data:image/png;base64,${image.base64}`;

describe("a film of Runway's", () => {
  it("is a task, told of while it waits and runs, and there with its bytes and what it took", async () => {
    const items = await films({ seconds: 8, seed: 3, aspect: "9:16" });
    expect(begun()).toEqual([["text_to_video", { model: "gen4.5", promptText: "A stone.", ratio: "720:1280", duration: 8, seed: 3 }]]);
    expect(items).toEqual([
      { type: "job", job: expect.stringMatching(/^[\w-]{36}$/) },
      { type: "progress", state: "queued" },
      { type: "part", part: { type: "video", mimeType: "video/mp4", bytes: FILM.length, base64: FILM.toString("base64") } },
      { type: "usage", usage: { seconds: 8, credits: 25 } },
      { type: "end", reason: "done" },
    ]);
    for (const { headers, path } of world.server.requests)
      expect([headers.authorization, headers["x-runway-version"]], path).toEqual(
        path.startsWith("/files/") ? [undefined, undefined] : ["Bearer k", "2024-11-06"],
      );
  });

  it("begins and ends with pictures where its model can, and has the length and size that its model has", async () => {
    await films({ first: image });
    await films({ model: "veo3.1", first: image, last: image, sound: false, size: { width: 1_920, height: 1_080 }, seconds: 4 });
    expect(begun()).toEqual([
      ["image_to_video", { model: "gen4.5", promptText: "A stone.", ratio: "1280:720", duration: 5, promptImage: [{ uri, position: "first" }] }],
      [
        "image_to_video",
        {
          ...{ model: "veo3.1", promptText: "A stone.", ratio: "1920:1080", audio: false, duration: 4 },
          promptImage: [
            { uri, position: "first" },
            { uri, position: "last" },
          ],
        },
      ],
    ]);
    const refused = (request: object) => films(request).catch(({ code, details }) => [code, details?.param]);
    expect(await refused({ last: image })).toEqual(["PLINTH_MODEL_UNSUPPORTED", "last"]);
    expect(await refused({ model: "veo3.1", seconds: 5 })).toEqual(["PLINTH_MODEL_UNSUPPORTED", "seconds"]);
    expect(await refused({ aspect: "4:1" })).toEqual(["PLINTH_MODEL_UNSUPPORTED", "aspect"]);
    expect(await refused({ size: { width: 1, height: 1 } })).toEqual(["PLINTH_MODEL_UNSUPPORTED", "size"]);
    expect(await refused({ edit: { type: "video", mimeType: "video/mp4", base64: "AAAA" } })).toEqual(["PLINTH_MODEL_UNSUPPORTED", "edit"]);
    expect(begun()).toHaveLength(2);
  });
});

it("a picture of Runway's goes by others", async () => {
  await pictures({ images: [image, image], aspect: "1:1" });
  expect(begun()).toEqual([
    ["text_to_image", { model: "gen4_image", promptText: "A stone.", ratio: "1024:1024", referenceImages: [{ uri }, { uri }] }],
  ]);
  await expect(pictures({ images: Array(4).fill(image) })).rejects.toMatchObject({ details: { param: "images" } });
});

describe("a task of Runway's", () => {
  const failing = (...answers: PlainAnswer[]) => {
    world.server.script(...answers);
    return films({}).then(
      () => "done",
      ({ code, details }) => [code.replace("PLINTH_MODEL_", ""), details?.retryable],
    );
  };
  const id = "12345678-1";
  const failed = (failureCode: string): PlainAnswer => ({ body: { id, status: "FAILED", failure: "It went wrong.", failureCode } });

  it("fails as models do, with the server's words", async () => {
    expect(await failing({ status: 401, body: { error: "Invalid API key" } })).toEqual(["AUTH", false]);
    expect(await failing({ status: 400, body: { error: "You do not have enough credits to run this task." } })).toEqual(["BILLING", false]);
    expect(await failing({ status: 429, body: { error: "Too many requests" }, headers: { "retry-after": "2" } })).toEqual(["RATE", true]);
    expect(await failing({ status: 503, body: { error: "Shedding load" } })).toEqual(["OVERLOADED", true]);
    expect(await failing({ body: { id } }, failed("SAFETY.OUTPUT.VIDEO"))).toEqual(["FILTER", false]);
    expect(await failing({ body: { id } }, failed("ASSET.INVALID"))).toEqual(["REQUEST", false]);
    expect(await failing({ body: { id } }, failed("INTERNAL.BAD_OUTPUT.CODE01"))).toEqual(["SERVER", true]);
    world.server.script({ status: 400, body: { error: "ratio: Invalid value" } });
    await expect(films({})).rejects.toMatchObject({ code: "PLINTH_MODEL_REQUEST", message: expect.stringContaining("ratio: Invalid value") });
  });

  it("is nothing where its answers are something else", async () => {
    const done = (...output: unknown[]): PlainAnswer[] => [{ body: { id } }, { body: { id, status: "SUCCEEDED", output } }];
    expect(await failing({ body: {} })).toEqual(["STREAM", false]);
    expect(await failing({ body: { id: "../x" } })).toEqual(["STREAM", false]);
    expect(await failing({ body: { id } }, { body: { id, status: "DREAMING" } })).toEqual(["STREAM", false]);
    expect(await failing(...done())).toEqual(["STREAM", false]);
    for (const address of ["https://evil.example/x.mp4", "http://127.0.0.1:1/x.mp4", "https://x.cloudfront.net/x.mp4"])
      expect(await failing(...done(address))).toEqual(["STREAM", false]);
    const own = `${world.server.url}/files/0.mp4`;
    expect(await failing(...done(own), { status: 302, headers: { location: "http://10.0.0.1/" }, body: "" })).toEqual(["STREAM", false]);
    expect(await failing(...done(own), { body: "<html>" })).toEqual(["STREAM", false]);
    const half = { body: [FILM.subarray(0, 30)], headers: { "content-length": "900" }, cut: true };
    expect(await failing(...done(own), half)).toEqual(["STREAM", true]);
  });

  it("is cancelled while it is to be done, and what is done is never deleted", async () => {
    const slow = films({ prompt: "A slow stone." });
    await vi.waitFor(() => expect([...world.server.tasks.values()].map(({ looks }) => looks > 1)).toEqual([true]));
    const { endpoint } = { endpoint: endpointFor("plinth.video-generation", world.server.url) };
    const provider = world.host.use("plinth.video-generation").get("runway");
    const [job] = [...world.server.tasks.keys()];
    expect(await provider.cancel({ job: job!, endpoint })).toEqual({ cancelled: true });
    expect((await slow).at(-1)).toEqual({ type: "end", reason: "cancelled" });
    await films({});
    const [, made] = [...world.server.tasks.keys()];
    expect(await provider.cancel({ job: made!, endpoint })).toEqual({ cancelled: false });
    expect(world.server.tasks.has(made!)).toBe(true);
  });

  it("is cancelled where its reader leaves before it has a name", async () => {
    const release = world.server.hold();
    const leaving = new AbortController();
    const asked = films({ prompt: "A slow stone." }, leaving.signal).catch(({ code }) => code);
    await vi.waitFor(() => expect(world.server.requests).toHaveLength(1));
    leaving.abort();
    expect(await asked).toMatch(/^PLINTH_/);
    release();
    await vi.waitFor(() => expect(world.server.requests.map(({ method }) => method)).toEqual(["POST", "GET", "DELETE"]));
  });
});

// The vendor's own client and ours tell the same server the same, and read the same.
it.runIf(hasPeer("@runwayml/sdk"))("the vendor's own client does what ours does", async () => {
  const { default: RunwayML } = await peer("@runwayml/sdk");
  const client = new RunwayML({ apiKey: "k", baseURL: world.server.url, maxRetries: 0 });
  const input = { model: "veo3.1_fast", promptText: "A stone.", ratio: "1280:720", duration: 4, seed: 3 };
  const { id } = await client.textToVideo.create(input);
  await client.tasks.retrieve(id);
  const { output, status } = await client.tasks.retrieve(id);
  const wire = () =>
    world.server.requests.map(({ method, path, headers, body }) => [method, path.replace(/[\w-]{36}/, "ID"), headers["x-runway-version"], body]);
  const theirs = wire();
  const items = await films({ model: "veo3.1_fast", seconds: 4, seed: 3 });
  expect(wire().slice(theirs.length, 2 * theirs.length)).toEqual(theirs);
  expect([status, output.length]).toEqual(["SUCCEEDED", items.filter(({ type }) => type === "part").length]);
});
