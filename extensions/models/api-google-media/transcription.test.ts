import type { PurposeEndpoint, TranscriptionRequest } from "@plinth/sdk";
import { describeConformance, recordingOf, transcriptionConformance } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { all, endpointOf, opened, reached } from "./opened.testing.ts";

const models = [{ id: "gemini-3.5-transcribe" }];
const said = "the quick brown fox";
const audio = { type: "audio" as const, mimeType: "audio/ogg; codecs=opus", base64: Buffer.from(recordingOf(said)).toString("base64") };

describeConformance({ describe, it }, "Google's transcription", transcriptionConformance, {
  open: async () => {
    const { server, host, close } = await opened();
    return { provider: reached(host.use("plinth.transcription").get("google"), endpointOf(server.url, { models })), close };
  },
  good: { audio },
  bad: { audio, model: "none" },
  unsupported: { audio, prompt: "Animals." },
  says: /quick brown fox/,
  timed: { audio, timings: "word" },
});

let world: Awaited<ReturnType<typeof opened>>;
beforeEach(async () => {
  world = await opened();
});
afterEach(() => world.close());

const transcribe = (request: Partial<TranscriptionRequest>, endpoint: Partial<PurposeEndpoint> = {}) =>
  all(
    world.host
      .use("plinth.transcription")
      .get("google")
      .transcribe({ audio, endpoint: endpointOf(world.server.url, { models, ...endpoint }), ...request }),
  );
const bodies = () => world.server.requests.map(({ body }) => body);

describe("Google's transcription", () => {
  it("is asked for as the reference has it", async () => {
    const items = await transcribe({ languages: ["en-GB", "de"], terms: ["fox"] });
    expect(world.server.requests[0]?.path).toBe("/v1beta/models/gemini-3.5-transcribe:generateContent");
    expect(bodies()).toEqual([
      {
        contents: [{ role: "user", parts: [{ inlineData: { mimeType: "audio/ogg", data: audio.base64 } }] }],
        generationConfig: { audioTranscriptionConfig: { languageCodes: ["en-GB", "de"], customVocabulary: ["fox"] } },
      },
    ]);
    expect(items).toEqual([
      { type: "segment", segment: { text: said } },
      { type: "usage", usage: { inputTokens: 9, outputTokens: 1_200 } },
      { type: "end", text: said },
    ]);
  });

  it("tells who says which word when", async () => {
    const items = await transcribe({ timings: "word", speakers: { max: 2 } });
    expect(bodies()[0].generationConfig.audioTranscriptionConfig).toEqual({ wordTimestamp: true, diarization: true });
    expect(items[0]).toMatchObject({
      segment: { text: said, speaker: "spk_1", language: "en-US", start: 0.1, end: 3.9, words: [{ text: "the", start: 0.1, end: 0.9 }, {}, {}, {}] },
    });
    expect(items.at(-1)).toEqual({ type: "end", text: said, language: "en-US" });
  });

  it("is not asked for with what the server refuses together, or does not know", async () => {
    const refused = (request: Partial<TranscriptionRequest>) => transcribe(request).catch(({ code, details }) => [code, details.param]);
    expect(await refused({ timings: "segment" })).toEqual(["PLINTH_MODEL_UNSUPPORTED", "timings"]);
    expect(await refused({ timings: "word", terms: ["fox"] })).toEqual(["PLINTH_MODEL_UNSUPPORTED", "terms"]);
    expect(await refused({ translateTo: "de" })).toEqual(["PLINTH_MODEL_UNSUPPORTED", "translateTo"]);
    expect(await refused({ audio: { type: "audio", mimeType: "audio/ogg", url: "http://127.0.0.1/x" } })).toEqual([
      "PLINTH_MODEL_UNSUPPORTED",
      "audio",
    ]);
    expect(bodies()).toEqual([]);
  });

  it("has nothing to say of a recording in which nobody speaks", async () => {
    const silent = { ...audio, base64: Buffer.from("RIFF....WAVE").toString("base64") };
    expect(await transcribe({ audio: silent })).toEqual([{ type: "end", text: "" }]);
  });

  it.each([
    [{ body: {} }, "PLINTH_MODEL_STREAM"],
    [{ body: "[1" }, "PLINTH_MODEL_STREAM"],
    [{ body: { candidates: [{ finishReason: "SAFETY" }] } }, "PLINTH_MODEL_FILTER"],
    [{ body: { promptFeedback: { blockReason: "OTHER" } } }, "PLINTH_MODEL_FILTER"],
  ])("is no transcript where there is none: %#", async (answer, code) => {
    world.server.script(answer);
    await expect(transcribe({})).rejects.toMatchObject({ code });
  });
});
