import type { TranscriptionItem, TranscriptionRequest } from "@plinth/sdk";
import { describeConformance, transcriptionConformance, withEndpoint } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { recordingOf, refusal } from "./deepgram.testing.ts";
import { endpointOf, opened } from "./opened.testing.ts";

const said = "The quick brown fox";
const audio = { type: "audio" as const, mimeType: "audio/ogg; codecs=opus", name: "voice.oga", base64: recordingOf(said) };

describeConformance({ describe, it }, "Deepgram's transcription", transcriptionConformance, {
  open: async () => {
    const { server, host, close } = await opened();
    return { provider: withEndpoint(host.use("plinth.transcription").get("deepgram"), endpointOf(server.url, "plinth.transcription")), close };
  },
  good: { audio },
  bad: { audio, model: "none" },
  unsupported: { audio, translateTo: "en" },
  timed: { audio, timings: "word" },
  says: /quick brown fox/,
});

let world: Awaited<ReturnType<typeof opened>>;
beforeEach(async () => {
  world = await opened();
});
afterEach(() => world.close());

async function transcribe(request: Partial<TranscriptionRequest>): Promise<TranscriptionItem[]> {
  const items: TranscriptionItem[] = [];
  const asked = { audio, endpoint: endpointOf(world.server.url, "plinth.transcription"), ...request };
  for await (const item of world.host.use("plinth.transcription").get("deepgram").transcribe(asked)) items.push(item);
  return items;
}
const query = () => new URL(world.server.requests.at(-1)!.path, "http://x").searchParams;
const segments = (items: TranscriptionItem[]) => items.flatMap((item) => (item.type === "segment" ? [item.segment] : []));

describe("Deepgram's transcription", () => {
  it("sends the recording as it is, with its kind", async () => {
    const items = await transcribe({});
    const request = world.server.requests[0]!;
    expect(request).toMatchObject({ method: "POST", headers: { authorization: "Token k", "content-type": "audio/ogg; codecs=opus" } });
    expect(request.bytes.toString("base64")).toBe(audio.base64);
    expect(Object.fromEntries(query())).toEqual({
      model: "nova-3",
      smart_format: "true",
      punctuate: "true",
      utterances: "true",
      detect_language: "true",
    });
    expect(segments(items)[0]).toMatchObject({ text: said, start: 0, words: [{ text: "The", start: 0, end: 0.4, confidence: 0.98 }, {}, {}, {}] });
    expect(items.slice(-2)).toEqual([
      { type: "usage", usage: { seconds: 2.5 } },
      { type: "end", text: said, language: "en", seconds: 2.5 },
    ]);
  });

  it("says what is wanted in the server's words", async () => {
    await transcribe({ languages: ["en-GB"], terms: ["fox", "red deer"], verbatim: true, redact: ["pii", "numbers", "profanity"] });
    expect(query().getAll("keyterm")).toEqual(["fox", "red deer"]);
    expect(query().getAll("redact")).toEqual(["pii", "numbers"]);
    expect(Object.fromEntries(query())).toMatchObject({ language: "en-GB", filler_words: "true", profanity_filter: "true" });
    expect(query().has("detect_language")).toBe(false);
    await transcribe({ languages: ["en", "es"] });
    expect(query().getAll("detect_language")).toEqual(["en", "es"]);
    await expect(transcribe({ model: "nova-2", terms: ["fox"] })).rejects.toMatchObject({ code: "PLINTH_MODEL_UNSUPPORTED" });
  });

  it("tells who speaks, and each channel by itself", async () => {
    expect(segments(await transcribe({ speakers: {} })).map(({ speaker, text }) => [speaker, text])).toEqual([
      ["0", "The quick"],
      ["1", "brown fox"],
    ]);
    const items = await transcribe({ channels: true });
    expect(segments(items).map(({ channel, text }) => [channel, text])).toEqual([
      [0, said],
      [1, `not ${said}`],
    ]);
    expect(items.at(-1)).toMatchObject({ text: `${said}\nnot ${said}` });
  });

  it("reads an answer without utterances, and one in which nobody speaks", async () => {
    const words = [{ word: "hi", punctuated_word: "Hi.", start: 0.5, end: 0.9, confidence: 0.9 }];
    world.server.script({
      body: { metadata: { duration: 1 }, results: { channels: [{ alternatives: [{ transcript: "Hi.", confidence: 0.9, words }] }] } },
    });
    expect(segments(await transcribe({}))).toEqual([
      { text: "Hi.", start: 0.5, end: 0.9, confidence: 0.9, words: [{ text: "Hi.", start: 0.5, end: 0.9, confidence: 0.9 }] },
    ]);
    expect((await transcribe({ audio: { ...audio, base64: recordingOf("") } })).at(-1)).toMatchObject({ type: "end", text: "" });
  });

  it("fails with what can be done about it, and is no transcript where there is none", async () => {
    await expect(transcribe({ audio: { ...audio, base64: "AAAA" } })).rejects.toThrow(/corrupt or unsupported data/);
    world.server.script(refusal(429, "TOO_MANY_REQUESTS", "Too many requests. Please try again later"));
    await expect(transcribe({})).rejects.toMatchObject({ code: "PLINTH_MODEL_RATE" });
    for (const body of [{ result: 1 }, { results: { channels: [] } }, "<html>"]) {
      world.server.script({ body, headers: { "content-type": "application/json" } });
      await expect(transcribe({})).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    }
    const { base64: _, ...rest } = audio;
    await expect(transcribe({ audio: { ...rest, url: "http://127.0.0.1/x" } })).rejects.toMatchObject({ details: { param: "audio" } });
  });
});
