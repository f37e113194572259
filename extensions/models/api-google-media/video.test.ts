import type { PurposeEndpoint, VideoRequest } from "@plinth/sdk";
import { describeConformance, greyPixel, videoGenerationConformance } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { filmOf } from "./google-videos.testing.ts";
import { all, endpointOf, opened, reached, VERTEX } from "./opened.testing.ts";

const takes = ["first", "last", "references", "negativePrompt", "seed"];
const models = [
  { id: "veo-3.1-generate-preview", seconds: [4, 6, 8], aspects: ["16:9", "9:16"], resolutions: ["720p", "1080p"], takes, price: 0.4 },
  { id: "veo-3.1-generate-001", takes: [...takes, "extend", "count"] },
];

for (const vertex of [false, true])
  describeConformance({ describe, it }, `Google's films${vertex ? " on Vertex AI" : ""}`, videoGenerationConformance, {
    open: async () => {
      const { server, host, close } = await opened({ vertex });
      const endpoint = endpointOf(server.url, { models: vertex ? models.slice(1) : models, quirks: vertex ? VERTEX : {} });
      return { provider: reached(host.use("plinth.video-generation").get("google"), endpoint), close };
    },
    good: { prompt: "A stone." },
    bad: { prompt: "A forbidden stone." },
    unsupported: { prompt: "A stone.", fps: 60 },
  });

describe("Google's films", () => {
  let world: Awaited<ReturnType<typeof opened>>;
  beforeEach(async () => {
    world = await opened();
  });
  afterEach(() => world.close());

  const provider = () => world.host.use("plinth.video-generation").get("google");
  const endpoint = (more: Partial<PurposeEndpoint> = {}) => endpointOf(world.server.url, { models, ...more });
  const generate = (request: Partial<VideoRequest>, more: Partial<PurposeEndpoint> = {}) =>
    all(provider().generate({ prompt: "A stone.", endpoint: endpoint(more), ...request }));
  const image = { type: "image" as const, mimeType: "image/png", base64: greyPixel(7).toString("base64") };
  const bytes = { bytesBase64Encoded: image.base64, mimeType: "image/png" };

  it("are asked for as the reference has it, followed by their name and fetched with the key", async () => {
    const items = await generate({
      aspect: "9:16",
      resolution: "720p",
      seconds: 8,
      negativePrompt: "moss",
      seed: 7,
      sound: true,
      first: image,
      last: image,
    });
    const { requests } = world.server;
    expect(requests.map(({ method, path, headers }) => [method, path, headers["x-goog-api-key"]])).toEqual([
      ["POST", "/v1beta/models/veo-3.1-generate-preview:predictLongRunning", "k"],
      ["GET", "/v1beta/models/veo-3.1-generate-preview/operations/plain", "k"],
      ["GET", "/v1beta/files/film:download?alt=media", "k"],
    ]);
    expect(requests[0]?.body).toEqual({
      instances: [{ prompt: "A stone.", image: bytes, lastFrame: bytes }],
      parameters: { negativePrompt: "moss", seed: 7, aspectRatio: "9:16", resolution: "720p", durationSeconds: 8 },
    });
    expect(items).toEqual([
      { type: "job", job: "models/veo-3.1-generate-preview/operations/plain" },
      { type: "part", part: { type: "video", mimeType: "video/mp4", bytes: filmOf().length, base64: filmOf().toString("base64") } },
      { type: "usage", usage: { seconds: 8, cost: 3.2 } },
      { type: "end", reason: "done" },
    ]);
  });

  it("are not asked for with what the model cannot", async () => {
    const refused = (request: Partial<VideoRequest>) => generate(request).catch(({ code, details }) => [code, details.param]);
    const film = { type: "video" as const, mimeType: "video/mp4", base64: filmOf().toString("base64") };
    const four = [image, image, image, image];
    const what: Partial<VideoRequest>[] = [
      { seconds: 5 },
      { resolution: "4k" },
      { sound: false },
      { extend: film },
      { references: four },
      { last: image },
    ];
    for (const request of [...what, { count: 2 }, { loop: true }])
      expect(await refused(request)).toEqual(["PLINTH_MODEL_UNSUPPORTED", Object.keys(request)[0]]);
    expect(world.server.requests).toEqual([]);
  });

  it("are followed later by their handle, and one that is none is believed in nothing", async () => {
    const job = "models/veo-3.1-generate-preview/operations/plain";
    expect((await all(provider().resume({ job, endpoint: endpoint() }))).map(({ type }) => type)).toEqual(["part", "end"]);
    expect(await provider().cancel({ job, endpoint: endpoint() })).toEqual({ cancelled: false });
    const before = world.server.requests.length;
    for (const other of ["__proto__", "../../etc/passwd", "https://192.0.2.1/jobs/1", "models/../operations/x/..", "models/a/operations/b?x=1"])
      await expect(all(provider().resume({ job: other, endpoint: endpoint() }))).rejects.toMatchObject({ code: "PLINTH_MODEL_JOB" });
    expect(world.server.requests).toHaveLength(before);
    for (const ask of [all(provider().resume({ job: `${job}x`, endpoint: endpoint() })), provider().cancel({ job: `${job}x`, endpoint: endpoint() })])
      await expect(ask).rejects.toMatchObject({ code: "PLINTH_MODEL_JOB" });
  });

  it("are looked at again and again, and work goes on when its reader leaves", async () => {
    const items: string[] = [];
    for await (const item of provider().generate({ prompt: "An endless stone.", endpoint: endpoint() })) {
      items.push(item.type);
      if (item.type === "progress") break;
    }
    expect(items).toEqual(["job", "progress"]);
  });

  it("are told as withheld where rules kept them back, and failed where the work failed", async () => {
    expect((await generate({ prompt: "An unsafe stone." })).at(-1)).toEqual({ type: "end", reason: "filter", withheld: 1 });
    await expect(generate({ prompt: "A broken stone." })).rejects.toMatchObject({
      code: "PLINTH_MODEL_SERVER",
      message: expect.stringContaining("internal server issue"),
    });
    await expect(generate({ prompt: "A forbidden stone." })).rejects.toMatchObject({ code: "PLINTH_MODEL_FILTER" });
  });

  it("are fetched from the server itself and from declared hosts, and the key stays with the server", async () => {
    await expect(generate({ prompt: "A stone elsewhere." })).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    const to = (location: string) =>
      world.server.files.set("/v1beta/files/film:download?alt=media", { status: 302, headers: { location }, body: "" });
    for (const away of ["http://127.0.0.1:1/film", "https://10.0.0.1/film", "https://example.com/film", "file:///etc/passwd"]) {
      to(away);
      await expect(generate({}, { quirks: { resultHosts: ["*.googleapis.com"] } })).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    }
    to("/v1beta/download/film");
    world.server.files.set("/v1beta/download/film", { body: filmOf() });
    expect((await generate({})).map(({ type }) => type)).toContain("part");
  });

  it.each([[{ body: "" }], [{ body: "no film, but words" }], [{ body: filmOf(), cut: true, headers: { "content-length": "9999" } }]])(
    "are none where something else is at their address: %#",
    async (answer) => {
      world.server.files.set("/v1beta/files/film:download?alt=media", answer);
      await expect(generate({})).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    },
  );

  it.each([[{ body: {} }], [{ body: { name: "../../x" } }], [{ body: { name: "models/a/operations/b/../../c" } }], [{ body: "nothing" }]])(
    "have a name of the server's form, or have not begun: %#",
    async (answer) => {
      world.server.script(answer);
      await expect(generate({})).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    },
  );
});

describe("Google's films on Vertex AI", () => {
  let world: Awaited<ReturnType<typeof opened>>;
  beforeEach(async () => {
    world = await opened({ vertex: true });
  });
  afterEach(() => world.close());

  const generate = (request: Partial<VideoRequest>) =>
    all(
      world.host
        .use("plinth.video-generation")
        .get("google")
        .generate({ prompt: "A stone.", endpoint: endpointOf(world.server.url, { models: models.slice(1), quirks: VERTEX }), ...request }),
    );

  it("are asked for with fetchPredictOperation, and come with their bytes", async () => {
    const film = { type: "video" as const, mimeType: "video/mp4", base64: filmOf("before").toString("base64") };
    const items = await generate({ sound: false, extend: film, count: 2 });
    const folder = "/v1/projects/p/locations/l/publishers/google/models/veo-3.1-generate-001";
    const name = "projects/p/locations/l/publishers/google/models/veo-3.1-generate-001/operations/plain";
    expect(world.server.requests.map(({ path, body }) => [path, body])).toEqual([
      [
        `${folder}:predictLongRunning`,
        {
          instances: [{ prompt: "A stone.", video: { bytesBase64Encoded: film.base64, mimeType: "video/mp4" } }],
          parameters: { generateAudio: false, sampleCount: 2 },
        },
      ],
      [`${folder}:fetchPredictOperation`, { operationName: name }],
    ]);
    expect(items.slice(0, 2)).toMatchObject([
      { type: "job", job: name },
      { type: "part", part: { mimeType: "video/mp4" } },
    ]);
  });

  it("that lie in a bucket cannot be fetched", async () => {
    await expect(generate({ prompt: "A stored stone." })).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
  });
});
