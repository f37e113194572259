import type { PurposeEndpoint, TranscriptionItem, TranscriptionRequest } from "@plinth/sdk";
import { describeConformance, recordingOf, transcriptionConformance } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { endpointOf, opened, reached } from "./opened.testing.ts";

const models = [
  { id: "whisper-1", takes: ["prompt", "terms", "temperature", "timings", "translateTo"], maxBytes: 1_000 },
  { id: "gpt-4o-transcribe", takes: ["prompt", "terms", "temperature"] },
  { id: "gpt-4o-transcribe-diarize", takes: ["speakers"] },
];
const said = "the quick brown fox";
const audio = {
  type: "audio" as const,
  mimeType: "audio/ogg; codecs=opus",
  name: "voice.oga",
  base64: Buffer.from(recordingOf(said)).toString("base64"),
};

for (const [model, timed] of [
  ["whisper-1", { timed: { audio, model: "whisper-1" } }],
  ["gpt-4o-transcribe", { unsupported: { audio, model: "gpt-4o-transcribe", timings: "word" as const } }],
] as const)
  describeConformance({ describe, it }, `OpenAI's transcription ${model}`, transcriptionConformance, {
    open: async () => {
      const { server, host, close } = await opened();
      const endpoint = endpointOf(server.url, { models, quirks: { streamed: ["gpt-4o-transcribe"] } });
      return { provider: reached(host.use("plinth.transcription").get("openai"), endpoint), close };
    },
    good: { audio, model },
    bad: { audio, model: "none" },
    says: /quick brown fox/,
    ...timed,
  });

let world: Awaited<ReturnType<typeof opened>>;
beforeEach(async () => {
  world = await opened();
});
afterEach(() => world.close());

async function transcribe(request: Partial<TranscriptionRequest>, endpoint: Partial<PurposeEndpoint> = {}): Promise<TranscriptionItem[]> {
  const items: TranscriptionItem[] = [];
  const asked = { audio, endpoint: endpointOf(world.server.url, { models, ...endpoint }), ...request };
  for await (const item of world.host.use("plinth.transcription").get("openai").transcribe(asked)) items.push(item);
  return items;
}
const sent = () => {
  const { file, ...fields } = world.server.requests.at(-1)!.body;
  return { file, fields };
};

describe("OpenAI's transcription", () => {
  it("is asked for with a form as the reference has it, its file named by its kind alone", async () => {
    const items = await transcribe({ languages: ["en-GB"], prompt: "Animals.", terms: ["fox"], temperature: 0 });
    expect(world.server.requests[0]).toMatchObject({ method: "POST", path: "/v1/audio/transcriptions", headers: { authorization: "Bearer k" } });
    expect(sent().fields).toEqual({ model: "whisper-1", language: "en", prompt: "Animals. fox", temperature: "0", response_format: "verbose_json" });
    expect(sent().file).toMatchObject({ name: "file.ogg", type: "audio/ogg" });
    expect(sent().file.bytes.equals(recordingOf(said))).toBe(true);
    expect(items).toEqual([
      { type: "segment", segment: { text: said, start: 0, end: 2 } },
      { type: "usage", usage: { seconds: 2 } },
      { type: "end", text: said, seconds: 2 },
    ]);
  });

  it("tells the time of each word within its segment", async () => {
    const items = await transcribe({ timings: "word" });
    expect(sent().fields["timestamp_granularities[]"]).toEqual(["word", "segment"]);
    expect(items[0]).toMatchObject({ segment: { text: said, words: [{ text: "the", start: 0, end: 0.4 }, {}, {}, { text: "fox" }] } });
  });

  it("tells who speaks, in OpenAI's way and in Together's", async () => {
    const model = "gpt-4o-transcribe-diarize";
    expect((await transcribe({ model, speakers: {} }))[0]).toMatchObject({ segment: { speaker: "A", text: said } });
    expect(sent().fields).toMatchObject({ response_format: "diarized_json", chunking_strategy: "auto" });
    const words = [{ word: "Hi", start: 0, end: 0.3, speaker_id: "SPEAKER_00" }];
    const row = { id: 1, speaker_id: "SPEAKER_00", start: 0, end: 0.5, text: "Hi", words };
    world.server.script({ body: { text: "Hi", language: "en", duration: 0.5, segments: [], speaker_segments: [row], words } });
    const items = await transcribe({ model, speakers: { max: 2 } }, { quirks: { speakers: "diarize" } });
    expect(sent().fields).toMatchObject({ diarize: "true", max_speakers: "2", response_format: "verbose_json" });
    expect(items[0]).toMatchObject({ segment: { speaker: "SPEAKER_00", words: [{ text: "Hi", start: 0, end: 0.3 }] } });
    expect(items.at(-1)).toEqual({ type: "end", text: "Hi", language: "en", seconds: 0.5 });
  });

  it("comes while it is written where the model can, and is a failure where it breaks off", async () => {
    const quirks = { streamed: ["gpt-4o-transcribe"] };
    const items = await transcribe({ model: "gpt-4o-transcribe" }, { quirks });
    expect(items.flatMap((item) => (item.type === "text" ? [item.delta] : []))).toEqual(["the", " quick", " brown", " fox"]);
    expect(items.slice(-2)).toEqual([
      { type: "usage", usage: { inputTokens: 20, outputTokens: 4 } },
      { type: "end", text: said },
    ]);
    world.server.script({ headers: { "content-type": "text/event-stream" }, body: 'data: {"type":"transcript.text.delta","delta":"the"}\n\n' });
    await expect(transcribe({ model: "gpt-4o-transcribe" }, { quirks })).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
  });

  it("is a translation into English, and into nothing else", async () => {
    expect((await transcribe({ translateTo: "en" })).at(-1)).toMatchObject({ text: `In English: ${said}` });
    expect(world.server.requests[0]?.path).toBe("/v1/audio/translations");
    await expect(transcribe({ translateTo: "de" })).rejects.toMatchObject({ code: "PLINTH_MODEL_UNSUPPORTED" });
  });

  it("reads what is kept, sends nothing that is too large, and follows no address", async () => {
    const big = { ...audio, base64: Buffer.alloc(2_000).toString("base64") };
    const { base64: _, ...rest } = audio;
    for (const other of [big, { ...rest, url: "http://127.0.0.1/x" }])
      await expect(transcribe({ audio: other })).rejects.toMatchObject({ code: "PLINTH_MODEL_UNSUPPORTED", details: { param: "audio" } });
    expect(world.server.requests).toEqual([]);
  });

  it("is no transcript where there is none", async () => {
    world.server.script({ body: { result: 1 } });
    await expect(transcribe({})).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
  });
});
