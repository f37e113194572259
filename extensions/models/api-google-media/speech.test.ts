import type { PurposeEndpoint, SpeechRequest } from "@plinth/sdk";
import { describeConformance, speechConformance } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { all, endpointOf, opened, reached } from "./opened.testing.ts";

const models = [{ id: "gemini-3.8-flash-tts", formats: ["wav", "pcm", "mulaw", "alaw"], takes: ["instructions", "language"] }];
const voices = ["Kore", "Puck", "Zephyr"].map((id) => ({ id, title: id }));

describeConformance({ describe, it }, "Google's speech", speechConformance, {
  open: async () => {
    const { server, host, close } = await opened();
    return { provider: reached(host.use("plinth.speech").get("google"), endpointOf(server.url, { models, voices })), close };
  },
  good: { lines: [{ text: "Hello there.", voice: "Puck" }], format: "pcm" },
  bad: { lines: [{ text: "Hello." }], model: "none" },
  unsupported: { lines: [{ text: "Hello." }], speed: 2 },
});

let world: Awaited<ReturnType<typeof opened>>;
beforeEach(async () => {
  world = await opened();
});
afterEach(() => world.close());

async function speak(request: Partial<SpeechRequest>, endpoint: Partial<PurposeEndpoint> = {}) {
  const asked = { lines: [{ text: "Hello." }], endpoint: endpointOf(world.server.url, { models, voices, ...endpoint }), ...request };
  const items = await all(world.host.use("plinth.speech").get("google").speak(asked));
  const sound = Buffer.concat(items.flatMap((item) => (item.type === "audio" ? [Buffer.from(item.base64, "base64")] : [])));
  return { items, sound };
}
const bodies = () => world.server.requests.map(({ body }) => body);
const event = (value: object) => `data: ${JSON.stringify(value)}\n\n`;
const sse = (...events: object[]) => ({ headers: { "content-type": "text/event-stream" }, body: events.map(event).join("") });
const sounding = (mimeType: string) => ({ candidates: [{ content: { parts: [{ inlineData: { mimeType, data: "AAAA" } }] } }] });

describe("Google's speech", () => {
  it("is asked for as the reference has it, and comes while it is made", async () => {
    const { items, sound } = await speak({ format: "pcm", instructions: "Whisper.", language: "en-GB" });
    expect(world.server.requests[0]).toMatchObject({
      method: "POST",
      path: "/v1beta/models/gemini-3.8-flash-tts:streamGenerateContent?alt=sse",
      headers: { "x-goog-api-key": "k" },
    });
    expect(bodies()).toEqual([
      {
        contents: [{ role: "user", parts: [{ text: "Hello.", speechMetadata: { style: "Whisper." } }] }],
        generationConfig: {
          responseModalities: ["AUDIO"],
          speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: "Kore" } }, languageCode: "en-GB" },
        },
      },
    ]);
    expect(items[0]).toEqual({ type: "start", mimeType: "audio/pcm", format: "pcm", sampleRate: 24_000 });
    expect(items.filter(({ type }) => type === "audio").length).toBeGreaterThan(1);
    expect(sound.toString()).toBe("Kore:Hello.;");
    expect(items.slice(-2)).toEqual([
      { type: "usage", usage: { characters: 6, inputTokens: 5, outputTokens: 40 } },
      { type: "end", seconds: 12 / 2 / 24_000 },
    ]);
  });

  it("is a file by itself where nothing else is asked for: PCM with a head that says how long it is", async () => {
    const { items, sound } = await speak({});
    expect(items[0]).toMatchObject({ type: "start", mimeType: "audio/wav", format: "wav", sampleRate: 24_000 });
    expect([sound.toString("latin1", 0, 4), sound.readUInt32LE(4), sound.readUInt32LE(24), sound.readUInt32LE(40)]).toEqual(["RIFF", 48, 24_000, 12]);
    expect(sound.toString("latin1", 44)).toBe("Kore:Hello.;");
    expect(items.at(-1)).toEqual({ type: "end", seconds: 12 / 2 / 24_000 });
  });

  it("is a conversation where two speak, and as many conversations as it takes where more do", async () => {
    const lines = [
      { text: "One.", voice: "Kore" },
      { text: "Two.", voice: "Puck" },
      { text: "Three.", voice: "Kore" },
    ];
    const { sound } = await speak({ lines, instructions: "Calmly." });
    expect(bodies()).toHaveLength(1);
    expect(bodies()[0].contents[0].parts[1]).toEqual({ text: "Two.", speechMetadata: { speaker: "Speaker 2", style: "Calmly." } });
    expect(bodies()[0].generationConfig.speechConfig.multiSpeakerVoiceConfig.speakerVoiceConfigs).toEqual([
      { speaker: "Speaker 1", voiceConfig: { prebuiltVoiceConfig: { voiceName: "Kore" } } },
      { speaker: "Speaker 2", voiceConfig: { prebuiltVoiceConfig: { voiceName: "Puck" } } },
    ]);
    expect(sound.toString("latin1", 44).trim()).toBe("Speaker 1:One.;Speaker 2:Two.;Speaker 1:Three.;");
    const more = await speak({ lines: [...lines, { text: "Four.", voice: "Zephyr" }] });
    expect(bodies()).toHaveLength(3);
    expect(more.sound.readUInt32LE(40)).toBe(more.sound.length - 44);
  });

  it("is cut where a sentence ends when it is longer than one answer, and is one recording all the same", async () => {
    const text = "A sentence of words. ".repeat(1_000);
    const { sound } = await speak({ lines: [{ text }], format: "pcm" });
    const said = bodies().map(({ contents }) => contents[0].parts[0].text as string);
    expect(said.length).toBeGreaterThan(2);
    expect(said.every((piece) => piece.length <= 8_000 && piece.endsWith("."))).toBe(true);
    expect(said.join(" ")).toBe(text.trim());
    expect(sound.toString("latin1").split("Kore:")).toHaveLength(said.length + 1);
  });

  it("is what telephones take, at their rate, where that is asked for", async () => {
    const { items } = await speak({ format: "mulaw" });
    expect(bodies()[0].generationConfig.responseFormat).toEqual({ audio: { mimeType: "AUDIO_MULAW", sampleRate: 8_000 } });
    expect(items[0]).toMatchObject({ mimeType: "audio/basic", sampleRate: 8_000 });
    await speak({ format: "pcm", sampleRate: 16_000 });
    expect(bodies()[1].generationConfig.responseFormat).toEqual({ audio: { mimeType: "AUDIO_L16", sampleRate: 16_000 } });
    await expect(speak({ sampleRate: 44_100 })).rejects.toMatchObject({ code: "PLINTH_MODEL_UNSUPPORTED", details: { param: "sampleRate" } });
    await expect(speak({ format: "mp3" })).rejects.toMatchObject({ code: "PLINTH_MODEL_UNSUPPORTED", details: { param: "format" } });
  });

  it("knows a voice that somebody made by its id", async () => {
    await speak({ lines: [{ text: "Hello.", voice: "voice_abc" }] });
    expect(bodies()[0].generationConfig.speechConfig).toEqual({ voiceConfig: { voice: "voice_abc" } });
  });

  it.each([
    [sse(), "PLINTH_MODEL_STREAM"],
    [sse({ candidates: [{ finishReason: "STOP" }] }), "PLINTH_MODEL_STREAM"],
    [sse(sounding("audio/L16;rate=24000")), "PLINTH_MODEL_STREAM"],
    [sse(sounding("audio/mpeg"), { candidates: [{ finishReason: "STOP" }] }), "PLINTH_MODEL_STREAM"],
    [sse({ candidates: [{ content: { parts: [{ text: "I cannot." }] }, finishReason: "STOP" }] }), "PLINTH_MODEL_STREAM"],
    [sse({ candidates: [{ finishReason: "PROHIBITED_CONTENT" }] }), "PLINTH_MODEL_FILTER"],
    [sse({ error: { code: 503, message: "The model is overloaded.", status: "UNAVAILABLE" } }), "PLINTH_MODEL_OVERLOADED"],
    [{ headers: { "content-type": "text/event-stream" }, body: "data: {\n\n" }, "PLINTH_MODEL_STREAM"],
    [{ headers: { "content-type": "text/event-stream" }, body: event(sounding("audio/L16")), cut: true }, "PLINTH_MODEL_STREAM"],
  ])("is none where it is something else: %#", async (answer, code) => {
    world.server.script(answer);
    await expect(speak({ format: "pcm" })).rejects.toMatchObject({ code });
  });
});
