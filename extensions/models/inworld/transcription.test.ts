import type { TranscriptionItem, TranscriptionRequest } from "@plinth/sdk";
import { describeConformance, transcriptionConformance, withEndpoint } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { recordingOf } from "./inworld.testing.ts";
import { endpointOf, opened } from "./opened.testing.ts";

const said = "the quick brown fox";
const audio = { type: "audio" as const, mimeType: "audio/wav", base64: recordingOf(said) };

describeConformance({ describe, it }, "Inworld's transcription", transcriptionConformance, {
  open: async () => {
    const { server, host, close } = await opened();
    return { provider: withEndpoint(host.use("plinth.transcription").get("inworld"), endpointOf(server.url, "plinth.transcription")), close };
  },
  good: { audio },
  bad: { audio: { ...audio, base64: "AAAA" } },
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
  for await (const item of world.host.use("plinth.transcription").get("inworld").transcribe(asked)) items.push(item);
  return items;
}

describe("Inworld's transcription", () => {
  it("is asked for as its examples have it", async () => {
    const items = await transcribe({ languages: ["en-US"], timings: "word" });
    expect(world.server.requests[0]).toMatchObject({ method: "POST", path: "/stt/v1/transcribe", headers: { authorization: "Basic k" } });
    expect(world.server.requests[0]?.body).toEqual({
      transcribeConfig: { modelId: "groq/whisper-large-v3", audioEncoding: "AUTO_DETECT", language: "en-US", includeWordTimestamps: true },
      audioData: { content: audio.base64 },
    });
    expect(items[0]).toMatchObject({ segment: { text: said, start: 0, end: 1.9, words: [{ text: "the", start: 0, end: 0.4 }, {}, {}, {}] } });
    expect(items.slice(-2)).toEqual([
      { type: "usage", usage: { seconds: 2.5 } },
      { type: "end", text: said, seconds: 2.5 },
    ]);
  });

  it("is as long as a number can say, or of no known length", async () => {
    for (const ms of ["1e999", "-1", '"2"', "[9]"]) {
      const body = `{"transcription":{"transcript":"x"},"usage":{"transcribedAudioMs":${ms}}}`;
      world.server.script({ body, headers: { "content-type": "application/json" } });
      expect(await transcribe({}), ms).toEqual([{ type: "end", text: "x" }]);
    }
  });

  it("is no transcript where there is none", async () => {
    await expect(transcribe({ languages: ["en", "de"] })).rejects.toMatchObject({ details: { param: "languages" } });
    for (const body of [{ result: 1 }, { transcription: {} }, "<html>"]) {
      world.server.script({ body, headers: { "content-type": "application/json" } });
      await expect(transcribe({})).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    }
  });
});
