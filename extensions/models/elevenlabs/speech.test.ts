import type { SpeechItem, SpeechRequest } from "@plinth/sdk";
import { describeConformance, type PlainAnswer, speechConformance, withEndpoint } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { refusal } from "./elevenlabs.testing.ts";
import { endpointOf, opened } from "./opened.testing.ts";

const GEORGE = "JBFqnCBsd6RMkjVDRZzb";

describeConformance({ describe, it }, "ElevenLabs' speech", speechConformance, {
  open: async () => {
    const { server, host, close } = await opened();
    return { provider: withEndpoint(host.use("plinth.speech").get("elevenlabs"), endpointOf(server.url, "plinth.speech")), close };
  },
  good: { lines: [{ text: "Hello there.", voice: "voice1" }] },
  bad: { lines: [{ text: "Hello." }], model: "none" },
  unsupported: { lines: [{ text: "Hello." }], instructions: "Whisper." },
  timed: { lines: [{ text: "Hello there." }, { text: "And on." }], timings: true },
});

let world: Awaited<ReturnType<typeof opened>>;
beforeEach(async () => {
  world = await opened();
});
afterEach(() => world.close());

const speech = () => world.host.use("plinth.speech").get("elevenlabs");
const endpoint = (headers?: Record<string, string>) => endpointOf(world.server.url, "plinth.speech", headers);

async function speak(request: Partial<SpeechRequest>, headers?: Record<string, string>) {
  const items: SpeechItem[] = [];
  for await (const item of speech().speak({ lines: [{ text: "Hello." }], endpoint: endpoint(headers), ...request })) items.push(item);
  const sound = Buffer.concat(items.flatMap((item) => (item.type === "audio" ? [Buffer.from(item.base64, "base64")] : []))).toString("latin1");
  return { items, sound };
}
const bodies = () => world.server.requests.map(({ body }) => body);

describe("ElevenLabs' speech", () => {
  it("is asked for as the reference has it, and comes as it is", async () => {
    const { items, sound } = await speak({ model: "eleven_flash_v2_5", language: "de-AT", speed: 1.1, seed: 7, before: "So.", after: "Then." });
    expect(world.server.requests[0]).toMatchObject({
      method: "POST",
      path: `/v1/text-to-speech/${GEORGE}/stream?output_format=mp3_44100_128`,
      headers: { "xi-api-key": "k", "content-type": "application/json" },
    });
    expect(bodies()).toEqual([
      {
        ...{ text: "Hello.", model_id: "eleven_flash_v2_5", language_code: "de", seed: 7 },
        ...{ voice_settings: { speed: 1.1 }, previous_text: "So.", next_text: "Then." },
      },
    ]);
    expect(items[0]).toEqual({ type: "start", mimeType: "audio/mpeg", format: "mp3", sampleRate: 44_100 });
    expect(sound).toBe(`[eleven_flash_v2_5 mp3_44100_128 ${GEORGE}]Hello.`);
    expect(items.slice(-2)).toEqual([{ type: "usage", usage: { characters: 6, credits: 6 } }, { type: "end" }]);
  });

  it("has the format, rate and bits that are wanted, and says which it does not have", async () => {
    const asked: [Partial<SpeechRequest>, string][] = [
      [{ format: "pcm" }, "pcm_24000"],
      [{ format: "pcm", sampleRate: 16_000 }, "pcm_16000"],
      [{ format: "mulaw" }, "ulaw_8000"],
      [{ format: "opus", bitRate: 32_000 }, "opus_48000_32"],
      [{ sampleRate: 22_050 }, "mp3_22050_32"],
    ];
    for (const [request, name] of asked) {
      const { items } = await speak(request);
      expect(world.server.requests.at(-1)?.path).toContain(`output_format=${name}`);
      expect(items[0]).toMatchObject({ type: "start", sampleRate: Number(name.split("_")[1]) });
    }
    await expect(speak({ format: "wav" })).rejects.toMatchObject({ code: "PLINTH_MODEL_UNSUPPORTED", details: { param: "format" } });
    await expect(speak({ sampleRate: 11_025 })).rejects.toMatchObject({ code: "PLINTH_MODEL_UNSUPPORTED", details: { param: "sampleRate" } });
    const { items } = await speak({ format: "pcm", sampleRate: 11_025, onUnsupported: "drop" });
    expect(items[0]).toMatchObject({ sampleRate: 24_000 });
    expect(items[1]).toMatchObject({ type: "warning", param: "sampleRate" });
  });

  it("goes on in one voice over what it was cut in, where the model minds what stands beside it", async () => {
    const lines = [{ text: "One." }, { text: "Two.", voice: "voice2" }, { text: "Three.", voice: "voice2" }];
    const { sound } = await speak({ lines, format: "pcm" });
    expect(bodies().map(({ text, previous_text: before, next_text: after }) => [text, before, after])).toEqual([
      ["One.", undefined, undefined],
      ["Two.\nThree.", undefined, undefined],
    ]);
    expect(sound).toContain("]One.[");
    await speak({ lines: [{ text: `${"A sentence here. ".repeat(700)}` }], before: "So." });
    const [first, second] = bodies().slice(2);
    expect([first.previous_text, first.next_text, second.previous_text, second.next_text]).toEqual(["So.", second.text, first.text, undefined]);
    await speak({ lines: [{ text: `${"A sentence here. ".repeat(400)}` }], model: "eleven_v3" });
    expect(bodies().slice(4).flatMap(Object.keys)).not.toContain("previous_text");
  });

  it("tells when each word is heard, also of words that come in pieces", async () => {
    const lines = [{ text: "The quick brown fox." }, { text: "The end." }];
    const { items, sound } = await speak({ lines, timings: true });
    expect(world.server.requests[0]?.path).toContain("/stream/with-timestamps?");
    const said = items.flatMap((item) => (item.type === "timing" ? [[lines[item.line]!.text.slice(item.from, item.to), item.line, item.start]] : []));
    expect(said).toEqual([
      ["The", 0, 0],
      ["quick", 0, 0.4],
      ["brown", 0, 1],
      ["fox.", 0, 1.6],
      ["The", 1, 2.1],
      ["end.", 1, 2.5],
    ]);
    expect(sound).toContain("The quick brown fox.\nThe end.");
    world.server.script({ body: "{oops\n", headers: { "content-type": "application/json" } });
    await expect(speak({ lines, timings: true })).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    world.server.script({ body: '{"audio_base64":"*"}\n', headers: { "content-type": "application/json" } });
    await expect(speak({ lines, timings: true })).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
  });

  it("has the account's voices, a page at a time", async () => {
    const first = await speech().voices({ endpoint: endpoint() });
    expect(first.voices[0]).toMatchObject({ id: GEORGE, title: "George", labels: { accent: "British" } });
    const second = await speech().voices({ endpoint: endpoint(), cursor: first.next! });
    expect(second.voices.map(({ title, languages }) => [title, languages])).toEqual([
      ["Roger", undefined],
      ["Sarah", ["de"]],
    ]);
    expect(second.next).toBeUndefined();
    world.server.script({ body: { nothing: 1 } });
    await expect(speech().voices({ endpoint: endpoint() })).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
  });

  it("fails with what can be done about it, in the server's words", async () => {
    await expect(speak({}, { "xi-api-key": "wrong" })).rejects.toMatchObject({ code: "PLINTH_MODEL_AUTH" });
    await expect(speak({ lines: [{ text: "Hi.", voice: "../x" }] })).rejects.toMatchObject({ code: "PLINTH_MODEL_REQUEST" });
    expect(world.server.requests.at(-1)?.path).toContain("/v1/text-to-speech/..%2Fx/stream");
    await expect(speak({ speed: 3 })).rejects.toThrow(/Invalid setting for speed/);
    world.server.script(refusal(401, "quota_exceeded", "You have 2 credits remaining."));
    await expect(speak({})).rejects.toMatchObject({ code: "PLINTH_MODEL_QUOTA" });
    world.server.script({ ...refusal(429, "too_many_concurrent_requests", "Too many."), headers: { "retry-after": "3" } });
    await expect(speak({})).rejects.toMatchObject({ code: "PLINTH_MODEL_RATE", details: { retryable: true, retryAfterMs: 3_000 } });
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
