import type { SpeechItem, SpeechRequest } from "@plinth/sdk";
import { describeConformance, type PlainAnswer, speechConformance, withEndpoint } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { refusal } from "./deepgram.testing.ts";
import { endpointOf, opened } from "./opened.testing.ts";

describeConformance({ describe, it }, "Deepgram's speech", speechConformance, {
  open: async () => {
    const { server, host, close } = await opened();
    return { provider: withEndpoint(host.use("plinth.speech").get("deepgram"), endpointOf(server.url, "plinth.speech")), close };
  },
  good: { lines: [{ text: "Hello there.", voice: "aura-2-orion-en" }] },
  bad: { lines: [{ text: "Hello.", voice: "nobody" }] },
  unsupported: { lines: [{ text: "Hello." }], timings: true },
});

let world: Awaited<ReturnType<typeof opened>>;
beforeEach(async () => {
  world = await opened();
});
afterEach(() => world.close());

async function speak(request: Partial<SpeechRequest>, headers?: Record<string, string>) {
  const items: SpeechItem[] = [];
  const asked = { lines: [{ text: "Hello." }], endpoint: endpointOf(world.server.url, "plinth.speech", headers), ...request };
  for await (const item of world.host.use("plinth.speech").get("deepgram").speak(asked)) items.push(item);
  const sound = Buffer.concat(items.flatMap((item) => (item.type === "audio" ? [Buffer.from(item.base64, "base64")] : []))).toString("latin1");
  return { items, sound };
}
const paths = () => world.server.requests.map(({ path }) => path);

describe("Deepgram's speech", () => {
  it("is asked for as the reference has it, and comes as it is", async () => {
    const { items, sound } = await speak({ speed: 1.2 });
    expect(world.server.requests[0]).toMatchObject({ method: "POST", headers: { authorization: "Token k" }, body: { text: "Hello." } });
    expect(paths()).toEqual(["/v1/speak?model=aura-2-thalia-en&encoding=mp3&speed=1.2"]);
    expect(items[0]).toEqual({ type: "start", mimeType: "audio/mpeg", format: "mp3" });
    expect(sound).toContain("Hello.");
    expect(items.slice(-2)).toEqual([{ type: "usage", usage: { characters: 6 } }, { type: "end" }]);
  });

  it("has the encoding, the container, the rate and the bits that are wanted", async () => {
    const asked: [Partial<SpeechRequest>, string][] = [
      [{ format: "opus" }, "encoding=opus&container=ogg"],
      [{ format: "wav", sampleRate: 16_000 }, "encoding=linear16&container=wav&sample_rate=16000"],
      [{ format: "pcm" }, "encoding=linear16&container=none&sample_rate=24000"],
      [{ format: "mulaw" }, "encoding=mulaw&container=none&sample_rate=8000"],
      [{ format: "mp3", bitRate: 32_000 }, "encoding=mp3&bit_rate=32000"],
      [{ format: "flac" }, "encoding=flac"],
    ];
    for (const [request, query] of asked) {
      await speak(request);
      expect(paths().at(-1)).toBe(`/v1/speak?model=aura-2-thalia-en&${query}`);
    }
    await expect(speak({ sampleRate: 16_000 })).rejects.toMatchObject({ code: "PLINTH_MODEL_UNSUPPORTED", details: { param: "sampleRate" } });
    expect((await speak({ format: "pcm", bitRate: 1_000, onUnsupported: "drop" })).items[1]).toMatchObject({ type: "warning", param: "bitRate" });
    const { items } = await speak({ format: "pcm" });
    expect(items.at(-1)).toMatchObject({ seconds: expect.any(Number) });
  });

  it("speaks with a voice of the language, or the one that is named as the model", async () => {
    await speak({ language: "de-DE" });
    await speak({ model: "aura-2-zeus-en" });
    await speak({ model: "aura" });
    await speak({ model: "aura-9-new-fr" }).catch(() => {});
    const voices = paths().map((path) => new URL(path, "http://x").searchParams.get("model"));
    expect(voices[0]).toMatch(/^aura-2-\w+-de$/);
    expect(voices[1]).toBe("aura-2-zeus-en");
    expect(voices[2]).toMatch(/^aura-[a-z]+-en$/);
    expect(voices[3]).toBe("aura-9-new-fr");
    await expect(speak({ language: "tlh" })).rejects.toMatchObject({ code: "PLINTH_MODEL_UNSUPPORTED", details: { param: "language" } });
    const { voices: dutch } = await world.host
      .use("plinth.speech")
      .get("deepgram")
      .voices({ endpoint: endpointOf(world.server.url, "plinth.speech"), language: "nl" });
    expect(dutch.length).toBeGreaterThan(5);
    expect(dutch.every(({ id }) => id.endsWith("-nl"))).toBe(true);
  });

  it("cuts what is longer than the server takes", async () => {
    await speak({ lines: [{ text: "A sentence here. ".repeat(200) }] });
    expect(world.server.requests.length).toBe(2);
    expect(world.server.requests.every(({ body }) => body.text.length <= 2_000)).toBe(true);
  });

  it("fails with what can be done about it, in the server's words", async () => {
    await expect(speak({}, { authorization: "Token wrong" })).rejects.toMatchObject({ code: "PLINTH_MODEL_AUTH" });
    await expect(speak({ lines: [{ text: "Hi.", voice: "nobody" }] })).rejects.toThrow(/No such model/);
    const answers: [PlainAnswer, string][] = [
      [refusal(429, "TOO_MANY_REQUESTS", "Too many requests. Please try again later", { "retry-after": "4" }), "RATE"],
      [refusal(402, "ASR_PAYMENT_REQUIRED", "Project does not have enough credits."), "BILLING"],
      [refusal(503, "Service Unavailable", "Please try again later."), "OVERLOADED"],
    ];
    for (const [answer, kind] of answers) {
      world.server.script(answer);
      await expect(speak({})).rejects.toMatchObject({ code: `PLINTH_MODEL_${kind}` });
    }
  });

  it("is no sound where it is something else, nothing, or cut", async () => {
    const answers: [PlainAnswer, Partial<SpeechRequest>][] = [
      [{ body: { audio: "no" } }, {}],
      [{ body: [], headers: { "content-type": "audio/mpeg" } }, {}],
      [{ body: [Buffer.from("ID3")], headers: { "content-type": "audio/mpeg", "content-length": "9" }, cut: true }, {}],
      [{ body: [Buffer.from("RIFF....")], headers: { "content-type": "audio/ogg" } }, { format: "opus" }],
    ];
    for (const [answer, request] of answers) {
      world.server.script(answer);
      await expect(speak(request)).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    }
  });
});
