import type { MusicRequest, PurposeEndpoint } from "@plinth/sdk";
import { describeConformance, musicGenerationConformance } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { all, endpointOf, opened, reached } from "./opened.testing.ts";

const models = [
  { id: "lyria-3.5", formats: ["mp3", "wav"], takes: ["lyrics", "instrumental", "seconds"] },
  { id: "lyria-3-clip-preview", formats: ["mp3"], takes: ["lyrics", "instrumental"], maxSeconds: 30 },
];

describeConformance({ describe, it }, "Google's music", musicGenerationConformance, {
  open: async () => {
    const { server, host, close } = await opened();
    return { provider: reached(host.use("plinth.music-generation").get("google"), endpointOf(server.url, { models })), close };
  },
  good: { prompt: "A song of stones." },
  bad: { prompt: "A forbidden song." },
  unsupported: { prompt: "A song of stones.", seed: 1 },
});

let world: Awaited<ReturnType<typeof opened>>;
beforeEach(async () => {
  world = await opened();
});
afterEach(() => world.close());

const generate = (request: Partial<MusicRequest>, endpoint: Partial<PurposeEndpoint> = {}) =>
  all(
    world.host
      .use("plinth.music-generation")
      .get("google")
      .generate({ prompt: "A song.", endpoint: endpointOf(world.server.url, { models, ...endpoint }), ...request }),
  );
const bodies = () => world.server.requests.map(({ body }) => body);

describe("Google's music", () => {
  it("is asked for as the guide has it: how long, without singing or with which words is said in the prompt", async () => {
    const items = await generate({ seconds: 90, lyrics: "[Verse]\nStones.", format: "wav" });
    expect(world.server.requests[0]?.path).toBe("/v1beta/models/lyria-3.5:generateContent");
    expect(bodies()[0]).toEqual({
      contents: [{ role: "user", parts: [{ text: "A song.\n\nIt is 90 seconds long.\n\nWith the following lyrics:\n\n[Verse]\nStones." }] }],
      generationConfig: { responseModalities: ["AUDIO", "TEXT"], responseFormat: { audio: { mimeType: "audio/wav" } } },
    });
    expect(items[0]).toMatchObject({ type: "part", part: { type: "audio", mimeType: "audio/wav", transcript: "[Verse]\nLa la." } });
    const [instrumental] = await generate({ instrumental: true });
    expect(bodies()[1].contents[0].parts[0].text).toBe("A song.\n\nInstrumental only, no vocals.");
    expect(instrumental).toMatchObject({ part: { mimeType: "audio/mpeg" } });
    expect((instrumental as any).part).not.toHaveProperty("transcript");
  });

  it("is not asked for with what the model cannot", async () => {
    const model = "lyria-3-clip-preview";
    const refused = (request: Partial<MusicRequest>) => generate({ model, ...request }).catch(({ code, details }) => [code, details.param]);
    for (const request of [{ seconds: 90 }, { format: "wav" as const }, { count: 2 }, { negativePrompt: "drums" }])
      expect(await refused(request)).toEqual(["PLINTH_MODEL_UNSUPPORTED", Object.keys(request)[0]]);
    expect(bodies()).toEqual([]);
  });

  it.each([
    [{ body: {} }, "PLINTH_MODEL_STREAM"],
    [{ body: { candidates: [{ content: { parts: [{ text: "La la." }] }, finishReason: "STOP" }] } }, "PLINTH_MODEL_STREAM"],
    [{ body: { promptFeedback: { blockReason: "SAFETY" } } }, "PLINTH_MODEL_FILTER"],
  ])("is none where there is none: %#", async (answer, code) => {
    world.server.script(answer);
    await expect(generate({})).rejects.toMatchObject({ code });
  });

  it("is told as withheld where rules kept it back", async () => {
    world.server.script({ body: { candidates: [{ content: {}, finishReason: "RECITATION" }] } });
    expect(await generate({})).toEqual([{ type: "end", reason: "filter", withheld: 1 }]);
  });
});
