import type { SpeechItem, SpeechRequest } from "@plinth/sdk";
import { describeConformance, type PlainAnswer, speechConformance, withEndpoint } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { refusal } from "./inworld.testing.ts";
import { endpointOf, opened } from "./opened.testing.ts";

describeConformance({ describe, it }, "Inworld's speech", speechConformance, {
  open: async () => {
    const { server, host, close } = await opened();
    return { provider: withEndpoint(host.use("plinth.speech").get("inworld"), endpointOf(server.url, "plinth.speech")), close };
  },
  good: { lines: [{ text: "Hello there.", voice: "Dennis" }] },
  bad: { lines: [{ text: "Hello." }], model: "none" },
  unsupported: { lines: [{ text: "Hello." }], seed: 1 },
  timed: { lines: [{ text: "Hello there." }, { text: "And on." }], timings: true },
});

let world: Awaited<ReturnType<typeof opened>>;
beforeEach(async () => {
  world = await opened();
});
afterEach(() => world.close());

const speech = () => world.host.use("plinth.speech").get("inworld");
async function speak(request: Partial<SpeechRequest>, headers?: Record<string, string>) {
  const items: SpeechItem[] = [];
  const asked = { lines: [{ text: "Hello." }], endpoint: endpointOf(world.server.url, "plinth.speech", headers), ...request };
  for await (const item of speech().speak(asked)) items.push(item);
  const sound = Buffer.concat(items.flatMap((item) => (item.type === "audio" ? [Buffer.from(item.base64, "base64")] : []))).toString("latin1");
  return { items, sound };
}
const bodies = () => world.server.requests.map(({ body }) => body);

describe("Inworld's speech", () => {
  it("is asked for as the reference has it, and comes in pieces", async () => {
    const { items, sound } = await speak({ language: "de-DE", instructions: "Softly.", speed: 1.2, before: "So.", bitRate: 32_000 });
    expect(world.server.requests[0]).toMatchObject({ method: "POST", path: "/tts/v1/voice:stream", headers: { authorization: "Basic k" } });
    expect(bodies()).toEqual([
      {
        ...{ text: "Hello.", voiceId: "Ashley", modelId: "inworld-tts-2", language: "de-DE", instruction: "Softly." },
        audioConfig: { audioEncoding: "MP3", bitRate: 32_000, speakingRate: 1.2 },
        synthesisContext: { previousRequests: [{ text: "So." }] },
      },
    ]);
    expect(items[0]).toEqual({ type: "start", mimeType: "audio/mpeg", format: "mp3" });
    expect(sound).toBe("ID3[Ashley MP3 48000]Hello.");
    expect(items.slice(-2)).toEqual([{ type: "usage", usage: { characters: 6 } }, { type: "end" }]);
  });

  it("comes whole where one head is for all of it, and without the heads that pieces of samples have", async () => {
    expect((await speak({ format: "opus" })).sound).toBe("OggS[Ashley OGG_OPUS 48000]Hello.");
    expect(world.server.requests[0]?.path).toBe("/tts/v1/voice");
    const { sound, items } = await speak({ format: "pcm" });
    expect(sound).toBe("[Ashley PCM 24000]Hello.");
    expect(items[0]).toMatchObject({ sampleRate: 24_000 });
    await expect(speak({ format: "wav", bitRate: 1_000 })).rejects.toMatchObject({ details: { param: "bitRate" } });
    await expect(speak({ model: "inworld-tts-1.5-max", instructions: "Softly." })).rejects.toMatchObject({ code: "PLINTH_MODEL_UNSUPPORTED" });
  });

  it("tells when each word is heard, over all of its parts", async () => {
    const lines = [{ text: "The quick fox." }, { text: "The end.", voice: "Dennis" }];
    const { items } = await speak({ lines, timings: true });
    expect(bodies().map(({ timestampType }) => timestampType)).toEqual(["WORD", "WORD"]);
    const said = items.flatMap((item) => (item.type === "timing" ? [[lines[item.line]!.text.slice(item.from, item.to), item.line, item.start]] : []));
    expect(said).toEqual([
      ["The", 0, 0],
      ["quick", 0, 0.5],
      ["fox.", 0, 1],
      ["The", 1, 1.4],
      ["end.", 1, 1.9],
    ]);
  });

  it("lists the account's voices, a page at a time", async () => {
    const endpoint = endpointOf(world.server.url, "plinth.speech");
    const first = await speech().voices({ endpoint });
    expect(first.voices[0]).toEqual({
      id: "Ashley",
      title: "Ashley",
      description: "The voice of Ashley.",
      languages: ["en-US"],
      labels: { gender: "female" },
    });
    const second = await speech().voices({ endpoint, cursor: first.next!, language: "de" });
    expect([second.voices.map(({ id }) => id), second.next]).toEqual([["Katja"], undefined]);
  });

  it("fails with what can be done about it, also in the middle of an answer", async () => {
    await expect(speak({}, { authorization: "Basic wrong" })).rejects.toMatchObject({ code: "PLINTH_MODEL_AUTH" });
    await expect(speak({ lines: [{ text: "Hi.", voice: "nobody" }] })).rejects.toThrow(/Voice not found/);
    await expect(speak({ speed: 3 })).rejects.toThrow(/out of range/);
    const json = { "content-type": "application/json" };
    const answers: [PlainAnswer, string][] = [
      [{ ...refusal(429, 8, "Too many requests"), headers: { "retry-after": "2" } }, "RATE"],
      [refusal(503, 14, "The service is unavailable."), "OVERLOADED"],
      [{ headers: json, body: '{"error":{"code":8,"message":"Resource has been exhausted (too many requests)"}}\n' }, "RATE"],
      [{ headers: json, body: "{oops\n" }, "STREAM"],
      [{ headers: json, body: '{"result":{"audioContent":"*"}}\n' }, "STREAM"],
      [{ headers: json, body: '{"result":{}}\n' }, "STREAM"],
      [{ headers: { ...json, "content-length": "99" }, body: [Buffer.from('{"result":{')], cut: true }, "STREAM"],
    ];
    for (const [answer, kind] of answers) {
      world.server.script(answer);
      await expect(speak({})).rejects.toMatchObject({ code: `PLINTH_MODEL_${kind}` });
    }
  });
});
