import type { GenerationItem, SpeechItem, VendorPurpose } from "@plinth/sdk";
import {
  describeConformance,
  imageGenerationConformance,
  modelVendorConformance,
  type PlainAnswer,
  speechConformance,
  videoGenerationConformance,
  withEndpoint,
} from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { endpointOf, opened } from "./opened.testing.ts";
import manifest from "./plinth.json" with { type: "json" };
import { refusal } from "./vydra.testing.ts";

describeConformance({ describe, it }, "Vydra's data", modelVendorConformance, { manifest: manifest as never, id: "vydra" });

const provider = async (purpose: VendorPurpose): Promise<any> => {
  const { server, host, close } = await opened();
  return { provider: withEndpoint(host.use(purpose as "plinth.speech").get("vydra"), endpointOf(server.url, purpose)), close };
};
describeConformance({ describe, it }, "Vydra's pictures", imageGenerationConformance, {
  open: () => provider("plinth.image-generation"),
  good: { prompt: "A stone." },
  bad: { prompt: "A stone.", model: "none" },
  unsupported: { prompt: "A stone.", seed: 1 },
});
describeConformance({ describe, it }, "Vydra's films", videoGenerationConformance, {
  open: () => provider("plinth.video-generation"),
  good: { prompt: "A river." },
  bad: { prompt: "A river.", model: "none/x" },
  unsupported: { prompt: "A river.", seconds: 5 },
});
describeConformance({ describe, it }, "Vydra's speech", speechConformance, {
  open: () => provider("plinth.speech"),
  good: { lines: [{ text: "Hello there.", voice: "21m00Tcm4TlvDq8ikWAM" }] },
  unsupported: { lines: [{ text: "Hello." }], speed: 2 },
});

let world: Awaited<ReturnType<typeof opened>>;
beforeEach(async () => {
  world = await opened();
});
afterEach(() => world.close());

async function generate(contract: "plinth.image-generation", request: object, headers?: Record<string, string>): Promise<GenerationItem[]> {
  const items: GenerationItem[] = [];
  const asked = { prompt: "A stone.", endpoint: endpointOf(world.server.url, contract, headers), ...request };
  for await (const item of world.host.use("plinth.image-generation").get("vydra").generate(asked)) items.push(item);
  return items;
}
async function film(request: object): Promise<GenerationItem[]> {
  const items: GenerationItem[] = [];
  const asked = { prompt: "A river.", endpoint: endpointOf(world.server.url, "plinth.video-generation"), ...request };
  for await (const item of world.host.use("plinth.video-generation").get("vydra").generate(asked)) items.push(item);
  return items;
}
async function speak(request: object = {}): Promise<SpeechItem[]> {
  const items: SpeechItem[] = [];
  const asked = { lines: [{ text: "Hello." }], endpoint: endpointOf(world.server.url, "plinth.speech"), ...request };
  for await (const item of world.host.use("plinth.speech").get("vydra").speak(asked)) items.push(item);
  return items;
}

describe("Vydra", () => {
  it("is asked for a picture as a picture, which is there with its bytes; its key does not go where the picture lies", async () => {
    const items = await generate("plinth.image-generation", {});
    const [asked, fetched] = world.server.requests;
    expect(asked).toMatchObject({ method: "POST", path: "/api/v1/models/grok-imagine", headers: { authorization: "Bearer k" } });
    expect(asked?.body).toEqual({ prompt: "A stone.", model: "text-to-image" });
    expect(fetched?.headers.authorization).toBeUndefined();
    expect(items).toMatchObject([
      { type: "part", part: { type: "image", mimeType: "image/png" } },
      { type: "usage", usage: { images: 1, cost: 0.04 } },
      { type: "end", reason: "done" },
    ]);
    const picture = { type: "image", mimeType: "image/png", url: "https://example.com/a.png" };
    await generate("plinth.image-generation", { model: "flux-edit/edit", images: [picture] });
    expect(world.server.requests[2]).toMatchObject({ path: "/api/v1/models/flux-edit/edit", body: { image_url: picture.url } });
    const inline = { type: "image", mimeType: "image/png", base64: "AAAA" };
    await expect(generate("plinth.image-generation", { model: "flux-edit/edit", images: [inline] })).rejects.toMatchObject({
      details: { param: "images" },
    });
  });

  it("follows a film until it is there, also by its name alone", async () => {
    const items = await film({ model: "veo3" });
    expect(items.map(({ type }) => type).filter((type) => type !== "progress")).toEqual(["job", "part", "end"]);
    expect(items.find((item) => item.type === "part")?.part).toMatchObject({ type: "video", mimeType: "video/mp4" });
    const endpoint = endpointOf(world.server.url, "plinth.video-generation");
    const again: GenerationItem[] = [];
    for await (const item of world.host.use("plinth.video-generation").get("vydra").resume({ job: "film-0", endpoint })) again.push(item);
    expect(again.map(({ type }) => type)).toEqual(["part", "end"]);
    for (const job of ["none", "../x"])
      await expect(
        world.host.use("plinth.video-generation").get("vydra").resume({ job, endpoint })[Symbol.asyncIterator]().next(),
      ).rejects.toMatchObject({
        code: "PLINTH_MODEL_JOB",
      });
    await expect(film({ prompt: "fail" })).rejects.toThrow(/could not be filmed/);
  });

  it("says text in mp3, a part after the other", async () => {
    const items = await speak({ lines: [{ text: "One." }, { text: "Two.", voice: "other" }] });
    const posted = world.server.requests.filter(({ method }) => method === "POST");
    expect(posted.map(({ body }) => body)).toEqual([
      { text: "One.", voice_id: "21m00Tcm4TlvDq8ikWAM" },
      { text: "Two.", voice_id: "other" },
    ]);
    const sound = Buffer.concat(items.flatMap((item) => (item.type === "audio" ? [Buffer.from(item.base64, "base64")] : []))).toString("latin1");
    expect(sound).toMatch(/:One\.ID3.*:Two\.$/);
  });

  it("takes nothing from where nothing of it is expected, and fails with what can be done about it", async () => {
    await expect(generate("plinth.image-generation", {}, { authorization: "Bearer wrong" })).rejects.toMatchObject({ code: "PLINTH_MODEL_AUTH" });
    const answers: [PlainAnswer, string][] = [
      [refusal(402, "Insufficient credits", { credits_required: 8, credits_remaining: 0 }), "BILLING"],
      [refusal(429, "Too many requests"), "RATE"],
      [{ body: { imageUrl: "https://evil.example/x.png" } }, "STREAM"],
      [{ body: { imageUrl: "http://169.254.169.254/latest" } }, "STREAM"],
      [{ body: { imageUrl: "https://notvydra.ai/x.png" } }, "STREAM"],
      [{ body: { status: "completed" } }, "STREAM"],
      [{ body: "<html>", headers: { "content-type": "application/json" } }, "STREAM"],
    ];
    for (const [answer, kind] of answers) {
      world.server.script(answer);
      await expect(generate("plinth.image-generation", {})).rejects.toMatchObject({ code: `PLINTH_MODEL_${kind}` });
    }
    world.server.script({ body: { audioUrl: "" } });
    await expect(speak()).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
  });
});
