import type { PurposeEndpoint, VideoRequest } from "@plinth/sdk";
import { describeConformance, greyPixel, videoGenerationConformance } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { filmOf, refusal } from "./minimax-server.testing.ts";
import { all, endpointOf, opened, reached } from "./opened.testing.ts";

const first = { id: "MiniMax-Hailuo-02", seconds: [6, 10], resolutions: ["768P", "1080P"], takes: ["first", "last", "watermark"], price: 0.05 };
const second = {
  id: "MiniMax-H3",
  seconds: [5, 10],
  resolutions: ["768P", "2K"],
  aspects: ["16:9", "1:1"],
  takes: ["first", "last", "references", "watermark"],
};
const models = { first: [first], second: [second] };

for (const which of ["first", "second"] as const)
  describeConformance({ describe, it }, `MiniMax' films of the ${which} interface`, videoGenerationConformance, {
    open: async () => {
      const { server, host, close } = await opened();
      const endpoint = endpointOf(server.url, { models: models[which] });
      return { provider: reached(host.use("plinth.video-generation").get("minimax"), endpoint), close };
    },
    good: { prompt: "A stone." },
    bad: { prompt: "A forbidden stone." },
    unsupported: { prompt: "A stone.", fps: 60 },
  });

let world: Awaited<ReturnType<typeof opened>>;
beforeEach(async () => {
  world = await opened();
});
afterEach(() => world.close());

const provider = () => world.host.use("plinth.video-generation").get("minimax");
const endpoint = (more: Partial<PurposeEndpoint> = {}) => endpointOf(world.server.url, { models: models.first, ...more });
const generate = (request: Partial<VideoRequest>, more: Partial<PurposeEndpoint> = {}) =>
  all(provider().generate({ prompt: "A stone.", endpoint: endpoint(more), ...request }));
const asked = () => world.server.requests.map(({ method, path }) => `${method} ${path}`);
const image = { type: "image" as const, mimeType: "image/png", base64: greyPixel(7).toString("base64") };
const dataUrl = `data:image/png;base64,${image.base64}`;
const part = { type: "video", mimeType: "video/mp4", bytes: filmOf().length, base64: filmOf().toString("base64") };

describe("MiniMax' films", () => {
  it("are asked for as the reference has it, followed by their task and fetched from where it says", async () => {
    const items = await generate({ seconds: 6, resolution: "1080P", enhance: false, watermark: true, first: image, last: image });
    expect(world.server.requests[0]?.body).toEqual({
      ...{ model: "MiniMax-Hailuo-02", prompt: "A stone.", duration: 6, resolution: "1080P", prompt_optimizer: false, aigc_watermark: true },
      ...{ first_frame_image: dataUrl, last_frame_image: dataUrl },
    });
    expect(asked()).toEqual([
      "POST /v1/video_generation",
      "GET /v1/query/video_generation?task_id=plain",
      "GET /v1/files/retrieve?file_id=plain",
      "GET /files/film.mp4",
    ]);
    expect(items).toEqual([
      { type: "job", job: "v1/plain" },
      { type: "part", part },
      { type: "usage", usage: { seconds: 6, cost: 0.3 } },
      { type: "end", reason: "done" },
    ]);
  });

  it("of later models are asked for with the second interface", async () => {
    const more = { models: models.second };
    const items = await generate({ aspect: "1:1", seconds: 10, resolution: "2K" }, more);
    expect(world.server.requests[0]).toMatchObject({ path: "/v2/video_generation", headers: { authorization: "Bearer k" } });
    expect(world.server.requests[0]?.body).toEqual({
      ...{ model: "MiniMax-H3", content: [{ type: "text", text: "A stone." }], resolution: "2K", duration: 10, ratio: "1:1" },
    });
    expect(items).toEqual([
      { type: "job", job: "v2/plain" },
      { type: "part", part },
      { type: "usage", usage: { seconds: 5 } },
      { type: "end", reason: "done" },
    ]);
    await generate({ first: image, last: image }, more);
    await generate({ references: [image, image] }, more);
    const bodies = world.server.requests.filter(({ method }) => method === "POST").map(({ body }) => body);
    expect(bodies.map(({ content, ratio }) => [ratio, ...content.map((one: any) => one.role ?? one.type)])).toEqual([
      ["1:1", "text"],
      [undefined, "text", "first_frame", "last_frame"],
      ["adaptive", "text", "reference_image", "reference_image"],
    ]);
    expect(bodies[1].content[1]).toEqual({ type: "image_url", image_url: { url: dataUrl }, role: "first_frame" });
  });

  it("are not asked for with what the model cannot", async () => {
    const refused = (request: Partial<VideoRequest>, more = {}) => generate(request, more).catch(({ code, details }) => [code, details.param]);
    const what: Partial<VideoRequest>[] = [
      { seconds: 5 },
      { resolution: "2K" },
      { aspect: "16:9" },
      { references: [image] },
      { seed: 7 },
      { count: 2 },
    ];
    for (const request of what) expect(await refused(request)).toEqual(["PLINTH_MODEL_UNSUPPORTED", Object.keys(request)[0]]);
    const later: Partial<VideoRequest>[] = [{ aspect: "1:1", first: image }, { references: [image], first: image }, { enhance: true }];
    for (const request of later)
      expect(await refused(request, { models: models.second })).toEqual(["PLINTH_MODEL_UNSUPPORTED", Object.keys(request)[0]]);
    expect(asked()).toEqual([]);
  });

  it("are followed later by their handle, and one that is none is believed in nothing", async () => {
    for (const job of ["v1/plain", "v2/plain"])
      expect((await all(provider().resume({ job, endpoint: endpoint() }))).map(({ type }) => type)).toContain("part");
    const before = asked().length;
    for (const job of ["plain", "v3/plain", "v1/../x", "v1/a&b=c", "https://192.0.2.1/jobs/1", "__proto__"])
      await expect(all(provider().resume({ job, endpoint: endpoint() }))).rejects.toMatchObject({ code: "PLINTH_MODEL_JOB" });
    expect(asked()).toHaveLength(before);
    for (const job of ["v1/none", "v2/none"])
      for (const ask of [all(provider().resume({ job, endpoint: endpoint() })), provider().cancel({ job, endpoint: endpoint() })])
        await expect(ask).rejects.toMatchObject({ code: "PLINTH_MODEL_JOB" });
  });

  it("are ended while they wait, where the server has a way to; what is done is not forgotten there", async () => {
    const cancel = async (job: string) => (await provider().cancel({ job, endpoint: endpoint() })).cancelled;
    expect(await Promise.all(["v2/waiting", "v2/endless", "v2/plain", "v1/waiting"].map(cancel))).toEqual([true, false, false, false]);
    expect(asked().filter((one) => one.startsWith("DELETE"))).toEqual(["DELETE /v2/video_generation/waiting"]);
  });

  it("are ended when whoever asked leaves before they have a handle", async () => {
    const leaving = new AbortController();
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    world.server.held = held;
    const request = { prompt: "A waiting stone.", endpoint: endpoint({ models: models.second }) };
    const beginning = all(provider().generate(request, { signal: leaving.signal }));
    await expect.poll(asked).toEqual(["POST /v2/video_generation"]);
    leaving.abort();
    await expect(beginning).rejects.toBeDefined();
    release();
    await expect.poll(asked).toContain("DELETE /v2/video_generation/waiting");
  });

  it("are looked at again and again, and work goes on when its reader leaves", async () => {
    for (const which of ["first", "second"] as const) {
      const items: string[] = [];
      for await (const item of provider().generate({ prompt: "An endless stone.", endpoint: endpoint({ models: models[which] }) })) {
        items.push(item.type);
        if (item.type === "progress") break;
      }
      expect(items).toEqual(["job", "progress"]);
    }
  });

  it("are a failure of their own where rules kept them back, or where the work failed", async () => {
    for (const which of ["first", "second"] as const) {
      const more = { models: models[which] };
      for (const word of ["unsafe", "forbidden"])
        await expect(generate({ prompt: `A ${word} stone.` }, more)).rejects.toMatchObject({ code: "PLINTH_MODEL_FILTER" });
      await expect(generate({ prompt: "A broken stone." }, more)).rejects.toMatchObject({
        message: expect.stringContaining("internal server issue"),
      });
    }
    await expect(generate({ prompt: "A stone that is gone." }, { models: models.second })).rejects.toMatchObject({ code: "PLINTH_MODEL_JOB" });
  });

  it("are fetched from the server itself and from declared hosts, and the key stays with the server", async () => {
    for (const which of ["first", "second"] as const)
      await expect(generate({ prompt: "A stone elsewhere." }, { models: models[which] })).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    const to = (location: string) => world.server.files.set("/files/film.mp4", { status: 302, headers: { location }, body: "" });
    for (const away of ["http://127.0.0.1:1/film", "https://10.0.0.1/film", "https://example.com/film", "file:///etc/passwd"]) {
      to(away);
      await expect(generate({}, { quirks: { resultHosts: ["*.aliyuncs.com"] } })).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    }
  });

  it.each([[{ body: "" }], [{ body: "no film, but words" }], [{ body: filmOf(), cut: true, headers: { "content-length": "9999" } }]])(
    "are none where something else is at their address: %#",
    async (answer) => {
      world.server.files.set("/files/film.mp4", answer);
      await expect(generate({})).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    },
  );

  it.each([
    [{ body: {} }, "STREAM"],
    [{ body: { task_id: "../../x" } }, "STREAM"],
    [{ body: "nothing" }, "STREAM"],
    [refusal(1008, "insufficient balance"), "BILLING"],
    [{ status: 402, body: { type: "error", error: { type: "insufficient_balance_error", message: "insufficient balance (1008)" } } }, "BILLING"],
    [{ status: 429, body: { type: "error", error: { type: "rate_limit_error", message: "rate limit, please retry later (1002)" } } }, "RATE"],
    [{ status: 401, body: { type: "error", error: { type: "authorized_error", message: "login fail (1004)" } } }, "AUTH"],
  ])("have begun, or fail as the server fails: %#", async (answer, kind) => {
    world.server.script(answer);
    await expect(generate({})).rejects.toMatchObject({ code: `PLINTH_MODEL_${kind}` });
  });

  it("that are nowhere are a failure", async () => {
    const task = { body: { task_id: "x" } };
    const row = { base_resp: { status_code: 0 }, status: "Success" };
    world.server.script(task, { body: row });
    await expect(generate({})).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    world.server.script(task, { body: { ...row, file_id: 7 } }, { body: {} });
    await expect(generate({})).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    world.server.script(task, { body: { task: { status: "succeeded" } } });
    await expect(generate({}, { models: models.second })).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
  });
});
