import type { PurposeEndpoint, SpeechRequest } from "@plinth/sdk";
import { describeConformance, speechConformance } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { events, refusal } from "./minimax-server.testing.ts";
import { all, endpointOf, opened, reached } from "./opened.testing.ts";

const takes = ["language", "speed", "sampleRate", "bitRate"];
const models = [{ id: "speech-2.8-hd", formats: ["mp3", "pcm", "flac", "wav", "mulaw"], takes, maxCharacters: 9_999 }];
const voices = ["English_expressive_narrator", "male-qn-qingse"].map((id) => ({ id, title: id }));

describeConformance({ describe, it }, "MiniMax' speech", speechConformance, {
  open: async () => {
    const { server, host, close } = await opened();
    return { provider: reached(host.use("plinth.speech").get("minimax"), endpointOf(server.url, { models, voices })), close };
  },
  good: { lines: [{ text: "Hello there." }] },
  bad: { lines: [{ text: "Hello." }], model: "none" },
  unsupported: { lines: [{ text: "Hello." }], seed: 2 },
});

let world: Awaited<ReturnType<typeof opened>>;
beforeEach(async () => {
  world = await opened();
});
afterEach(() => world.close());

const provider = () => world.host.use("plinth.speech").get("minimax");
async function speak(request: Partial<SpeechRequest>, endpoint: Partial<PurposeEndpoint> = {}) {
  const asked = { lines: [{ text: "Hello." }], endpoint: endpointOf(world.server.url, { models, voices, ...endpoint }), ...request };
  const items = await all(provider().speak(asked));
  return { items, sound: Buffer.concat(items.flatMap((item) => (item.type === "audio" ? [Buffer.from(item.base64, "base64")] : []))).toString() };
}
const bodies = () => world.server.requests.map(({ body }) => body);

describe("MiniMax' speech", () => {
  it("is asked for as the reference has it, and comes while it is made", async () => {
    const vendor = { acme: { voice_setting: { emotion: "calm" } } };
    const { items, sound } = await speak({ language: "en-GB", speed: 1.5, bitRate: 128_000, vendor });
    expect(world.server.requests[0]).toMatchObject({ method: "POST", path: "/v1/t2a_v2", headers: { authorization: "Bearer k" } });
    expect(bodies()).toEqual([
      {
        model: "speech-2.8-hd",
        stream: true,
        stream_options: { exclude_aggregated_audio: true },
        text: "Hello.",
        voice_setting: { voice_id: "English_expressive_narrator", speed: 1.5, emotion: "calm" },
        audio_setting: { format: "mp3", bitrate: 128_000, channel: 1 },
        language_boost: "English",
      },
    ]);
    expect(items[0]).toEqual({ type: "start", mimeType: "audio/mpeg", format: "mp3" });
    expect(items.filter(({ type }) => type === "audio")).toHaveLength(2);
    expect(sound).toBe("English_expressive_narrator:Hello.;");
    expect(items.slice(-2)).toEqual([{ type: "usage", usage: { characters: 6 } }, { type: "end" }]);
  });

  it("is said once, though the server says all of it again in the end", async () => {
    const vendor = { acme: { stream_options: { exclude_aggregated_audio: false } } };
    expect((await speak({ vendor })).sound).toBe("English_expressive_narrator:Hello.;");
  });

  it("is a whole answer as WAV, which says in its head how long it is", async () => {
    const { items, sound } = await speak({ format: "wav" });
    expect(bodies()[0]).toMatchObject({ stream: false, output_format: "hex", audio_setting: { format: "wav" } });
    expect(items[0]).toMatchObject({ format: "wav" });
    expect(sound).toContain("Hello.");
  });

  it("is samples at the rate that is wanted, and what telephones take at theirs", async () => {
    const { items } = await speak({ format: "pcm" });
    expect(bodies()[0].audio_setting).toEqual({ format: "pcm", sample_rate: 32_000, channel: 1 });
    expect([items[0], items.at(-1)]).toMatchObject([{ sampleRate: 32_000 }, { seconds: 35 / 2 / 32_000 }]);
    expect((await speak({ format: "mulaw" })).items.at(-1)).toEqual({ type: "end", seconds: 35 / 8_000 });
    expect(bodies()[1].audio_setting).toEqual({ format: "pcmu_raw", sample_rate: 8_000, channel: 1 });
  });

  it("is one recording of several voices, and of more text than the server takes at once", async () => {
    const lines = [{ text: "One." }, { text: "Two.", voice: "male-qn-qingse" }, { text: "A sentence of words. ".repeat(800) }];
    const { sound } = await speak({ lines });
    expect(bodies().map(({ voice_setting }) => voice_setting.voice_id)).toEqual([voices[0]!.id, voices[1]!.id, voices[0]!.id, voices[0]!.id]);
    expect(sound).toMatch(/^English_expressive_narrator:One\.;male-qn-qingse:Two\.;English_expressive_narrator:A sentence/);
    expect(bodies().every(({ text }) => text.length < 10_000)).toBe(true);
  });

  it("is not asked for with what it cannot take", async () => {
    const refused = (request: Partial<SpeechRequest>) => speak(request).catch(({ code, details }) => [code, details.param]);
    for (const request of [{ language: "eo" }, { instructions: "Whisper." }, { timings: true }, { format: "pcm" as const, bitRate: 64_000 }])
      expect(await refused(request)).toEqual(["PLINTH_MODEL_UNSUPPORTED", Object.keys(request).at(-1)]);
    expect(await refused({ format: "mulaw", sampleRate: 24_000 })).toEqual(["PLINTH_MODEL_UNSUPPORTED", "sampleRate"]);
    expect(bodies()).toEqual([]);
  });

  it("has the voices that the server lists, those of the account too", async () => {
    const endpoint = endpointOf(world.server.url);
    const { voices: listed } = await provider().voices({ endpoint });
    expect(bodies()).toEqual([{ voice_type: "all" }]);
    expect(listed).toEqual([
      { id: "English_expressive_narrator", title: "Expressive Narrator", description: "An adult voice for stories.", languages: ["en"] },
      { id: "male-qn-qingse", title: "青涩青年音色" },
      { id: "Chinese (Mandarin)_News_Anchor", title: "News Anchor", languages: ["zh"] },
      { id: "my-own", title: "my-own" },
    ]);
    const english = await provider().voices({ endpoint, language: "en-GB" });
    expect(english.voices.map(({ id }) => id)).toEqual(["English_expressive_narrator", "male-qn-qingse", "my-own"]);
    world.server.script({ body: { base_resp: { status_code: 0 } } });
    await expect(provider().voices({ endpoint })).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
  });

  it("ends the request when its reader leaves", async () => {
    const asked = { lines: [{ text: "Hello." }], endpoint: endpointOf(world.server.url, { models, voices }) };
    for await (const item of provider().speak(asked)) if (item.type === "audio") break;
    expect((await speak({})).sound).toContain("Hello.");
  });

  it.each([
    [refusal(1002, "rate limit"), "RATE", true],
    [refusal(1039, "token limit"), "RATE", true],
    [refusal(1004, "login fail: the key sk-123456789012345678901234567890 is none"), "AUTH", false],
    [refusal(2049, "invalid api key"), "AUTH", false],
    [refusal(1008, "insufficient balance"), "BILLING", false],
    [refusal(2061, "your current token plan not support model, speech-2.8-hd"), "BILLING", false],
    [refusal(2056, "usage limit exceeded"), "QUOTA", false],
    [refusal(1026, "input new_sensitive"), "FILTER", false],
    [refusal(1000, "unknown error"), "SERVER", true],
    [refusal(1042, "the text has too many invisible characters"), "REQUEST", false],
    [refusal(9999, "something of its own"), "REQUEST", false],
    [events([{ data: { audio: "00", status: 1 } }, { base_resp: { status_code: 1002, status_msg: "rate limit" } }]), "RATE", true],
    [{ status: 401, body: { base_resp: { status_code: 1004, status_msg: "login fail" } } }, "AUTH", false],
    [{ status: 429, headers: { "retry-after": "3" }, body: {} }, "RATE", true],
    [{ status: 503, body: "" }, "OVERLOADED", true],
    [{ body: "{" }, "STREAM", true],
    [{ body: {} }, "STREAM", true],
    [events([{ data: { audio: "00", status: 1 } }]), "STREAM", true],
    [events([{ data: { audio: "0x", status: 1 } }]), "STREAM", false],
    [events([{ data: { audio: "", status: 2 } }]), "STREAM", true],
    [{ headers: { "content-type": "text/event-stream" }, body: "data: {\n\n" }, "STREAM", true],
    [{ headers: { "content-type": "text/event-stream" }, body: 'data: {"data":{"audio":"00', cut: true }, "STREAM", true],
  ] as const)("fails as the server fails: %#", async (answer, kind, retryable) => {
    world.server.script(answer);
    const thrown = await speak({}).catch((error) => error);
    expect([thrown.code, thrown.details.retryable]).toEqual([`PLINTH_MODEL_${kind}`, retryable]);
    expect(thrown.message).not.toContain("sk-1234");
  });

  it("quotes what the server says is wrong", async () => {
    await expect(speak({ lines: [{ text: "Hello.", voice: "nobody" }] })).rejects.toMatchObject({
      code: "PLINTH_MODEL_REQUEST",
      message: "Acme refused the request with its code 20132: Invalid samples or voice_id",
      details: { vendorCode: 20_132 },
    });
  });
});
