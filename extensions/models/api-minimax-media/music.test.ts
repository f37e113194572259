import type { MusicRequest, PurposeEndpoint } from "@plinth/sdk";
import { describeConformance, musicGenerationConformance } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { refusal } from "./minimax-server.testing.ts";
import { all, endpointOf, opened, reached } from "./opened.testing.ts";

const models = [{ id: "music-2.6", formats: ["mp3", "wav", "pcm"], takes: ["lyrics", "instrumental", "sampleRate", "bitRate"] }];

describeConformance({ describe, it }, "MiniMax' music", musicGenerationConformance, {
  open: async () => {
    const { server, host, close } = await opened();
    return { provider: reached(host.use("plinth.music-generation").get("minimax"), endpointOf(server.url, { models })), close };
  },
  good: { prompt: "A waltz." },
  bad: { prompt: "A forbidden waltz." },
  unsupported: { prompt: "A waltz.", seed: 7 },
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
      .get("minimax")
      .generate({ prompt: "A waltz.", endpoint: endpointOf(world.server.url, { models, ...endpoint }), ...request }),
  );
const bodies = () => world.server.requests.map(({ body }) => body);

describe("MiniMax' music", () => {
  it("is asked for as the reference has it, and what is sung is its transcript", async () => {
    const items = await generate({ lyrics: "[Verse]\nLa la.", format: "wav", sampleRate: 44_100 });
    expect(world.server.requests[0]).toMatchObject({ method: "POST", path: "/v1/music_generation", headers: { authorization: "Bearer k" } });
    expect(bodies()).toEqual([
      {
        ...{ model: "music-2.6", prompt: "A waltz.", output_format: "hex", stream: false, lyrics: "[Verse]\nLa la." },
        audio_setting: { format: "wav", sample_rate: 44_100 },
      },
    ]);
    expect(items).toMatchObject([
      { type: "part", part: { type: "audio", mimeType: "audio/wav", transcript: "[Verse]\nLa la." } },
      { type: "usage", usage: { seconds: 25.364 } },
      { type: "end", reason: "done" },
    ]);
  });

  it("has words of the server's where there are none, and none where nobody sings", async () => {
    await generate({});
    await generate({ instrumental: true });
    expect(bodies().map(({ lyrics_optimizer, is_instrumental }) => [lyrics_optimizer, is_instrumental])).toEqual([
      [true, undefined],
      [undefined, true],
    ]);
  });

  it("is not asked for with what the model cannot", async () => {
    const refused = (request: Partial<MusicRequest>) => generate(request).catch(({ code, details }) => [code, details.param]);
    for (const request of [{ seconds: 30 }, { count: 2 }, { format: "opus" as const }])
      expect(await refused(request)).toEqual(["PLINTH_MODEL_UNSUPPORTED", Object.keys(request)[0]]);
    expect(bodies()).toEqual([]);
  });

  it.each([
    [refusal(1026, "lyrics contain sensitive content"), "FILTER"],
    [refusal(1002, "rate limit"), "RATE"],
    [{ body: { data: { audio: "", status: 2 } } }, "STREAM"],
    [{ body: { data: { audio: "abc", status: 2 } } }, "STREAM"],
    [{ body: { data: { audio: Buffer.from("no music").toString("hex"), status: 2 } } }, "STREAM"],
    [{ body: '{"data":', cut: true }, "STREAM"],
  ])("fails as the server fails: %#", async (answer, kind) => {
    world.server.script(answer);
    await expect(generate({})).rejects.toMatchObject({ code: `PLINTH_MODEL_${kind}` });
  });
});
