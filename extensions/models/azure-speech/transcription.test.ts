import type { TranscriptionItem, TranscriptionRequest } from "@plinth/sdk";
import { describeConformance, transcriptionConformance, withEndpoint } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { recordingOf, refusal } from "./azure-speech.testing.ts";
import { endpointOf, opened } from "./opened.testing.ts";

const said = "The quick brown fox";
const audio = { type: "audio" as const, mimeType: "audio/ogg; codecs=opus", name: "voice.oga", base64: recordingOf(said) };

describeConformance({ describe, it }, "Azure's transcription", transcriptionConformance, {
  open: async () => {
    const { server, host, close } = await opened();
    return { provider: withEndpoint(host.use("plinth.transcription").get("azure-speech"), endpointOf(server.url, "plinth.transcription")), close };
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
  for await (const item of world.host.use("plinth.transcription").get("azure-speech").transcribe(asked)) items.push(item);
  return items;
}
const definition = () => JSON.parse(world.server.requests.at(-1)!.body.definition);
const segments = (items: TranscriptionItem[]) => items.flatMap((item) => (item.type === "segment" ? [item.segment] : []));

describe("Azure's transcription", () => {
  it("is asked for with a form as the reference has it", async () => {
    const items = await transcribe({ languages: ["en-US", "de-DE"], terms: ["fox"], verbatim: true });
    expect(world.server.requests[0]).toMatchObject({
      ...{ method: "POST", path: "/speechtotext/transcriptions:transcribe?api-version=2025-10-15" },
      headers: { "ocp-apim-subscription-key": "k" },
    });
    expect(definition()).toEqual({ locales: ["en-US", "de-DE"], profanityFilterMode: "None", phraseList: { phrases: ["fox"] } });
    expect(world.server.requests[0]!.body.audio).toMatchObject({ name: "file.ogg", type: "audio/ogg" });
    expect(segments(items)[0]).toMatchObject({
      text: said,
      start: 0,
      end: 1.9,
      language: "en-US",
      confidence: 0.93,
      words: [{ text: "The", start: 0, end: 0.4 }, {}, {}, {}],
    });
    expect(items.slice(-2)).toEqual([
      { type: "usage", usage: { seconds: 2.5 } },
      { type: "end", text: said, language: "en-US", seconds: 2.5 },
    ]);
    await transcribe({ redact: ["profanity"] });
    expect(definition()).toEqual({ profanityFilterMode: "Removed" });
  });

  it("tells who speaks, and each channel by itself", async () => {
    expect(segments(await transcribe({ speakers: { max: 3 } })).map(({ speaker, text }) => [speaker, text])).toEqual([
      ["0", "The quick"],
      ["1", "brown fox"],
    ]);
    expect(definition()).toEqual({ diarization: { enabled: true, maxSpeakers: 3 } });
    const items = await transcribe({ channels: true });
    expect(segments(items).map(({ channel, text }) => [channel, text])).toEqual([
      [0, said],
      [1, `not ${said}`],
    ]);
    expect(items.at(-1)).toMatchObject({ text: `${said}\nnot ${said}` });
  });

  it("refuses what it cannot take, and is no transcript where there is none", async () => {
    await expect(transcribe({ languages: ["en"] })).rejects.toMatchObject({ code: "PLINTH_MODEL_UNSUPPORTED", details: { param: "languages" } });
    await expect(transcribe({ redact: ["pii"] })).rejects.toMatchObject({ details: { param: "redact" } });
    expect(world.server.requests).toEqual([]);
    await expect(transcribe({ languages: ["xx-yy"] })).rejects.toThrow(/locale is not supported/);
    world.server.script(refusal(429, "TooManyRequests", "Requests have exceeded the rate limit of your tier."));
    await expect(transcribe({})).rejects.toMatchObject({ code: "PLINTH_MODEL_RATE" });
    for (const body of [{ result: 1 }, { combinedPhrases: [{}] }, "<html>"]) {
      world.server.script({ body, headers: { "content-type": "application/json" } });
      await expect(transcribe({})).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    }
    world.server.script({ body: { durationMilliseconds: 100, combinedPhrases: [], phrases: [] } });
    expect((await transcribe({})).at(-1)).toEqual({ type: "end", text: "", seconds: 0.1 });
  });
});
