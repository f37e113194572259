import type { PurposeEndpoint, SpeechItem, SpeechRequest } from "@plinth/sdk";
import { partsToSay } from "@plinth/sdk/kits/model-api";
import { describeConformance, type PlainAnswer, speechConformance } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { endpointOf, opened, reached } from "./opened.testing.ts";

const models = [
  { id: "tts-1", takes: ["speed"], maxCharacters: 4_096 },
  { id: "gpt-4o-mini-tts", takes: ["instructions"] },
];
const voices = [
  { id: "alloy", title: "Alloy" },
  { id: "nova", title: "Nova" },
];

describeConformance({ describe, it }, "OpenAI's speech", speechConformance, {
  open: async () => {
    const { server, host, close } = await opened();
    return { provider: reached(host.use("plinth.speech").get("openai"), endpointOf(server.url, { models, voices })), close };
  },
  good: { lines: [{ text: "Hello there.", voice: "nova" }] },
  bad: { lines: [{ text: "Hello." }], model: "none" },
  unsupported: { lines: [{ text: "Hello." }], instructions: "Whisper." },
});

let world: Awaited<ReturnType<typeof opened>>;
beforeEach(async () => {
  world = await opened();
});
afterEach(() => world.close());

async function speak(request: Partial<SpeechRequest>, endpoint: Partial<PurposeEndpoint> = {}) {
  const items: SpeechItem[] = [];
  const asked = { lines: [{ text: "Hello." }], endpoint: endpointOf(world.server.url, { models, voices, ...endpoint }), ...request };
  for await (const item of world.host.use("plinth.speech").get("openai").speak(asked)) items.push(item);
  const sound = Buffer.concat(items.flatMap((item) => (item.type === "audio" ? [Buffer.from(item.base64, "base64")] : []))).toString("latin1");
  return { items, sound };
}
const bodies = () => world.server.requests.map(({ body }) => body);

describe("OpenAI's speech", () => {
  it("is asked for as the reference has it, and comes as it is", async () => {
    const { items, sound } = await speak({ format: "opus", speed: 1.5 });
    expect(world.server.requests[0]).toMatchObject({ method: "POST", path: "/v1/audio/speech", headers: { authorization: "Bearer k" } });
    expect(bodies()).toEqual([{ model: "tts-1", input: "Hello.", voice: "alloy", speed: 1.5, response_format: "opus" }]);
    expect(items[0]).toEqual({ type: "start", mimeType: "audio/ogg", format: "opus" });
    expect(sound).toBe("OggSalloy:Hello.");
    expect(items.slice(-2)).toEqual([{ type: "usage", usage: { characters: 6 } }, { type: "end" }]);
  });

  it("joins lines of one voice, and recordings of several where the format allows it", async () => {
    const lines = [{ text: "One." }, { text: "Two." }, { text: "Three.", voice: "nova" }];
    const { sound, items } = await speak({ lines, format: "pcm" });
    expect(bodies().map(({ input, voice }) => [voice, input])).toEqual([
      ["alloy", "One.\nTwo."],
      ["nova", "Three."],
    ]);
    expect(sound).toBe("alloy:One.\nTwo.nova:Three.");
    expect(items[0]).toMatchObject({ sampleRate: 24_000 });
    expect(items.at(-1)).toEqual({ type: "end", seconds: sound.length / 2 / 24_000 });
    await expect(speak({ lines, format: "wav" })).rejects.toMatchObject({ code: "PLINTH_MODEL_UNSUPPORTED", details: { param: "lines" } });
  });

  it("cuts what is longer than the server takes where a sentence ends, or a word, and loses nothing of it", () => {
    const text = `${"A sentence of words. ".repeat(20)}${"x".repeat(90)}`;
    const parts = partsToSay([{ text }], 64, "v").map((part) => part.text);
    expect(parts.every((part) => part.length > 0 && part.length <= 64)).toBe(true);
    expect(parts.join("").replaceAll(/\s/g, "")).toBe(text.replaceAll(/\s/g, ""));
    expect(parts[0]).toBe("A sentence of words. A sentence of words. A sentence of words.");
  });

  it("has the vendor's own names of fields, formats and voices", async () => {
    const quirks = { voiceField: "voice_id", formats: { pcm: "raw" }, fields: { language: "lang", sampleRate: "sample_rate" } };
    world.server.script({ body: [Buffer.from("0123")], headers: { "content-type": "application/octet-stream" } });
    const { items } = await speak({ model: "own", format: "pcm", language: "de", sampleRate: 8_000 }, { quirks });
    expect(bodies()).toEqual([{ model: "own", input: "Hello.", voice_id: "alloy", lang: "de", sample_rate: 8_000, response_format: "raw" }]);
    expect(items[0]).toMatchObject({ format: "pcm", sampleRate: 8_000 });
  });

  it("is no sound where it is something else, nothing, or cut", async () => {
    const answers: PlainAnswer[] = [
      { body: { audio: "no" } },
      { body: [], headers: { "content-type": "audio/mpeg" } },
      { body: [Buffer.from("ID3")], headers: { "content-type": "audio/mpeg", "content-length": "9" }, cut: true },
    ];
    for (const answer of answers) {
      world.server.script(answer);
      await expect(speak({})).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    }
    await expect(speak({}, { voices: [] })).rejects.toMatchObject({ code: "PLINTH_MODEL_REQUEST" });
  });
});
