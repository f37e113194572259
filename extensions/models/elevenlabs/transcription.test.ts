import type { TranscriptionItem, TranscriptionRequest } from "@plinth/sdk";
import { describeConformance, transcriptionConformance, withEndpoint } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { recordingOf } from "./elevenlabs.testing.ts";
import { endpointOf, opened } from "./opened.testing.ts";

const said = "the quick brown fox";
const audio = { type: "audio" as const, mimeType: "audio/ogg; codecs=opus", name: "voice.oga", base64: recordingOf(said) };

describeConformance({ describe, it }, "ElevenLabs' transcription", transcriptionConformance, {
  open: async () => {
    const { server, host, close } = await opened();
    return { provider: withEndpoint(host.use("plinth.transcription").get("elevenlabs"), endpointOf(server.url, "plinth.transcription")), close };
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
  for await (const item of world.host.use("plinth.transcription").get("elevenlabs").transcribe(asked)) items.push(item);
  return items;
}
const fields = () => {
  const { file, ...rest } = world.server.requests.at(-1)!.body;
  return { ...rest, file: file.name };
};

describe("ElevenLabs' transcription", () => {
  it("is asked for with a form as the reference has it, its file named by its kind alone", async () => {
    const items = await transcribe({ languages: ["en-GB"], terms: ["fox", "brown"], verbatim: false, redact: ["pii"], temperature: 0 });
    expect(world.server.requests[0]).toMatchObject({ method: "POST", path: "/v1/speech-to-text", headers: { "xi-api-key": "k" } });
    expect(fields()).toEqual({
      ...{ model_id: "scribe_v2", language_code: "en", timestamps_granularity: "word", no_verbatim: "true", temperature: "0" },
      ...{ keyterms: ["fox", "brown"], entity_detection: "pii", entity_redaction: "pii", file: "file.ogg" },
    });
    expect(items.slice(-2)).toEqual([
      { type: "usage", usage: { seconds: 3.5 } },
      { type: "end", text: said, language: "eng", seconds: 3.5 },
    ]);
  });

  it("tells who speaks, a segment for each", async () => {
    const items = await transcribe({ speakers: { max: 2 } });
    expect(fields()).toMatchObject({ diarize: "true", num_speakers: "2" });
    expect(items.flatMap((item) => (item.type === "segment" ? [[item.segment.speaker, item.segment.text, item.segment.start]] : []))).toEqual([
      ["speaker_0", "the quick", 0],
      ["speaker_1", "brown fox", 1],
    ]);
  });

  it("writes down each channel by itself", async () => {
    const items = await transcribe({ channels: true });
    expect(items.flatMap((item) => (item.type === "segment" ? [[item.segment.channel, item.segment.text]] : []))).toEqual([
      [0, said],
      [1, `not ${said}`],
    ]);
    expect(items.at(-1)).toMatchObject({ text: `${said}\nnot ${said}`, seconds: 4 });
  });

  it("refuses what a model does not mind, and sends nothing that is too large or elsewhere", async () => {
    for (const request of [{ terms: ["fox"] }, { verbatim: false }, { redact: ["pii"] }])
      await expect(transcribe({ model: "scribe_v1", ...request })).rejects.toMatchObject({ code: "PLINTH_MODEL_UNSUPPORTED" });
    await expect(transcribe({ languages: ["en", "de"] })).rejects.toMatchObject({ details: { param: "languages" } });
    const { base64: _, ...rest } = audio;
    await expect(transcribe({ audio: { ...rest, url: "http://127.0.0.1/x" } })).rejects.toMatchObject({ details: { param: "audio" } });
    expect(world.server.requests).toEqual([]);
  });

  it("is no transcript where there is none, and an empty one where nobody speaks", async () => {
    for (const body of [{ result: 1 }, { transcripts: [] }, "<html>"]) {
      world.server.script({ body, headers: { "content-type": "application/json" } });
      await expect(transcribe({})).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    }
    world.server.script({ body: { text: "", words: [], language_code: "eng" } });
    expect(await transcribe({})).toEqual([{ type: "end", text: "", language: "eng" }]);
  });
});
