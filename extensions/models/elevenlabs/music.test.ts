import type { GenerationItem, MusicRequest } from "@plinth/sdk";
import { describeConformance, musicGenerationConformance, withEndpoint } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { refusal } from "./elevenlabs.testing.ts";
import { endpointOf, opened } from "./opened.testing.ts";

describeConformance({ describe, it }, "ElevenLabs' music", musicGenerationConformance, {
  open: async () => {
    const { server, host, close } = await opened();
    return {
      provider: withEndpoint(host.use("plinth.music-generation").get("elevenlabs"), endpointOf(server.url, "plinth.music-generation")),
      close,
    };
  },
  good: { prompt: "A slow waltz." },
  bad: { prompt: "A slow waltz.", model: "none" },
  unsupported: { prompt: "A slow waltz.", seed: 1 },
});

let world: Awaited<ReturnType<typeof opened>>;
beforeEach(async () => {
  world = await opened();
});
afterEach(() => world.close());

async function generate(request: Partial<MusicRequest>) {
  const items: GenerationItem[] = [];
  const asked = { prompt: "A slow waltz.", endpoint: endpointOf(world.server.url, "plinth.music-generation"), ...request };
  for await (const item of world.host.use("plinth.music-generation").get("elevenlabs").generate(asked)) items.push(item);
  const part = items.find((item) => item.type === "part")?.part;
  return { items, sound: part?.type === "audio" ? Buffer.from(part.base64 ?? "", "base64").toString("latin1") : undefined, part };
}
const last = () => world.server.requests.at(-1)!;

describe("ElevenLabs' music", () => {
  it("is asked for as the reference has it, and is there with its bytes", async () => {
    const { items, sound, part } = await generate({ seconds: 30, instrumental: true });
    expect(last()).toMatchObject({ method: "POST", path: "/v1/music?output_format=auto", headers: { "xi-api-key": "k" } });
    expect(last().body).toEqual({ prompt: "A slow waltz.", model_id: "music_v2", music_length_ms: 30_000, force_instrumental: true });
    expect(part).toMatchObject({ type: "audio", mimeType: "audio/mpeg" });
    expect(sound).toBe("ID3[music_v2 auto]A slow waltz.");
    expect(items.slice(-2)).toEqual([
      { type: "usage", usage: { seconds: 30 } },
      { type: "end", reason: "done" },
    ]);
  });

  it("sings the words that it is given", async () => {
    await generate({ lyrics: "La la la.", model: "music_v1", format: "mp3", sampleRate: 48_000, bitRate: 320_000 });
    expect(last().path).toBe("/v1/music?output_format=mp3_48000_320");
    expect(last().body).toEqual({ prompt: "A slow waltz.\n\nLyrics:\nLa la la.", model_id: "music_v1" });
  });

  it("makes sounds by the model for sounds", async () => {
    const { items, sound } = await generate({ prompt: "Rain.", model: "eleven_text_to_sound_v2", seconds: 5, guidance: 0.8 });
    expect(last().path).toBe("/v1/sound-generation?output_format=mp3_44100_128");
    expect(last().body).toEqual({ text: "Rain.", model_id: "eleven_text_to_sound_v2", duration_seconds: 5, prompt_influence: 0.8 });
    expect(sound).toContain("Rain.");
    expect(items.at(-2)).toEqual({ type: "usage", usage: { credits: 40, seconds: 5 } });
    await expect(generate({ model: "eleven_text_to_sound_v2", seconds: 60 })).rejects.toMatchObject({ details: { param: "seconds" } });
  });

  it("fails with what can be done about it", async () => {
    world.server.script(refusal(422, "bad_prompt", "Your prompt names an artist. Try the suggestion."));
    await expect(generate({})).rejects.toMatchObject({ code: "PLINTH_MODEL_FILTER" });
    world.server.script({ status: 402, body: { detail: { status: "payment_required", message: "The music API needs a paid plan." } } });
    await expect(generate({})).rejects.toMatchObject({ code: "PLINTH_MODEL_BILLING" });
    await expect(generate({ count: 2 })).rejects.toMatchObject({ code: "PLINTH_MODEL_UNSUPPORTED", details: { param: "count" } });
    for (const body of [{ job: 1 }, [Buffer.alloc(0)]]) {
      world.server.script({ body, headers: { "content-type": Array.isArray(body) ? "audio/mpeg" : "application/json" } });
      await expect(generate({})).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    }
    world.server.script({ body: [Buffer.from("ID3")], headers: { "content-type": "audio/mpeg", "content-length": "99" }, cut: true });
    await expect(generate({})).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
  });
});
