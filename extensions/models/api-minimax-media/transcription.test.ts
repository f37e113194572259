import type { PurposeEndpoint, TranscriptionRequest } from "@plinth/sdk";
import { describeConformance, recordingOf, transcriptionConformance } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { events } from "./minimax-server.testing.ts";
import { all, endpointOf, opened, reached } from "./opened.testing.ts";

const models = [{ id: "asr-1.0", maxBytes: 1_000 }];
const said = "the quick brown fox";
const audio = { type: "audio" as const, mimeType: "audio/ogg; codecs=opus", base64: Buffer.from(recordingOf(said)).toString("base64") };

describeConformance({ describe, it }, "MiniMax' transcription", transcriptionConformance, {
  open: async () => {
    const { server, host, close } = await opened();
    return { provider: reached(host.use("plinth.transcription").get("minimax"), endpointOf(server.url, { models })), close };
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
      .get("minimax")
      .transcribe({ audio, endpoint: endpointOf(world.server.url, { models, ...endpoint }), ...request }),
  );
const sent = () => {
  const { file, ...fields } = world.server.requests.at(-1)!.body;
  return { file, fields, language: world.server.requests.at(-1)!.headers.language };
};

describe("MiniMax' transcription", () => {
  it("comes while it is written, and its language goes in a header", async () => {
    const items = await transcribe({ languages: ["en-GB"] });
    expect(world.server.requests[0]).toMatchObject({ method: "POST", path: "/v1/speech_to_text", headers: { authorization: "Bearer k" } });
    expect(sent()).toMatchObject({ fields: { model: "asr-1.0", response_format: "json", stream: "true" }, language: "en" });
    expect(sent().file).toMatchObject({ name: "file.ogg", type: "audio/ogg" });
    expect(items.flatMap((item) => (item.type === "text" ? [item.delta] : []))).toEqual(["the", " quick", " brown", " fox"]);
    expect(items.slice(-2)).toEqual([
      { type: "usage", usage: { seconds: 4 } },
      { type: "end", text: said, seconds: 4 },
    ]);
  });

  it("tells who says which word when, and words without a pause between them are one segment", async () => {
    const [first] = await transcribe({ timings: "word", speakers: {}, languages: ["zh-HK"] });
    expect(sent().fields).toEqual({ model: "asr-1.0", response_format: "verbose_json", timestamp_level: "word" });
    expect(first).toMatchObject({
      segment: { text: said, speaker: "2", start: 0, end: 3.9, words: [{ text: "the", start: 0, end: 0.9 }, {}, {}, {}] },
    });
    const word = (text: string, start: number, speaker = "1") => ({ text, start, end: start + 0.2, speaker });
    const rows = [word("你", 0), word("好", 0.2), word("Hi", 3), word("there", 3.2, "2"), { text: "late", start: "x" }, word("", 4)];
    world.server.script({ body: { text: "你好 Hi there", segments: rows } });
    const items = await transcribe({ timings: "word" });
    expect(items.flatMap((item) => (item.type === "segment" ? [item.segment.text] : []))).toEqual(["你好", "Hi", "there"]);
  });

  it("tells the time of each sentence", async () => {
    expect((await transcribe({ timings: "segment" }))[0]).toEqual({ type: "segment", segment: { text: said, start: 0, end: 4, speaker: "1" } });
  });

  it("is not asked for with what it cannot take, and sends nothing that is too large", async () => {
    const refused = (request: Partial<TranscriptionRequest>) => transcribe(request).catch(({ code, details }) => [code, details.param]);
    const big = { ...audio, base64: Buffer.alloc(2_000).toString("base64") };
    for (const request of [{ terms: ["fox"] }, { translateTo: "de" }, { languages: ["en", "de"] }, { audio: big }])
      expect(await refused(request)).toEqual(["PLINTH_MODEL_UNSUPPORTED", Object.keys(request)[0]]);
    expect(world.server.requests).toEqual([]);
  });

  it.each([
    [{ body: { text: said } }, undefined],
    [{ body: {} }, "STREAM"],
    [{ body: "[1" }, "STREAM"],
    [events([{ index: 0, delta: "the", finish: false }]), "STREAM"],
    [
      {
        status: 422,
        body: { type: "error", error: { type: "unprocessable_entity_error", message: "input audio contains sensitive content (1026)" } },
      },
      "FILTER",
    ],
    [{ status: 402, body: { type: "error", error: { type: "insufficient_balance_error", message: "insufficient balance (1008)" } } }, "BILLING"],
    [{ status: 413, body: { type: "error", error: { message: "file too large" } } }, "REQUEST"],
  ])("is a transcript, or the failure that the server tells: %#", async (answer, kind) => {
    world.server.script(answer);
    const outcome = await transcribe({}).then(
      (items) => items.at(-1),
      ({ code }) => code,
    );
    expect(outcome).toEqual(kind === undefined ? { type: "end", text: said } : `PLINTH_MODEL_${kind}`);
  });

  it("is no transcript where there is none", async () => {
    world.server.script({ body: { segments: [] } });
    await expect(transcribe({ timings: "segment" })).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
  });
});
