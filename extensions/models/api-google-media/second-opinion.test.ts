import { GenerateVideosOperation, GoogleGenAI } from "@google/genai";
import { greyPixel, recordingOf } from "@plinth/sdk/testing";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { filmOf } from "./google-videos.testing.ts";
import { all, endpointOf, opened, VERTEX } from "./opened.testing.ts";

/** The vendor's own client at the same server: the same is asked, and the same is understood. */
let worlds: Record<"gemini" | "vertex", Awaited<ReturnType<typeof opened>>>;

beforeAll(async () => {
  // It says of two of its own methods that they end some day.
  vi.spyOn(console, "warn").mockImplementation(() => {});
  worlds = { gemini: await opened(), vertex: await opened({ vertex: true }) };
});
afterAll(async () => {
  vi.restoreAllMocks();
  for (const { close } of Object.values(worlds)) await close();
});

const client = (which: keyof typeof worlds, apiVersion = "v1/projects/p/locations/l") => {
  const baseUrl = worlds[which].server.url;
  if (which === "gemini") return new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl, apiVersion: "v1beta" } });
  return new GoogleGenAI({ vertexai: true, apiKey: "k", httpOptions: { baseUrl, apiVersion } });
};
const endpoint = (which: keyof typeof worlds, more: object = {}) =>
  endpointOf(worlds[which].server.url, { quirks: which === "vertex" ? VERTEX : {}, ...more });
const last = (which: keyof typeof worlds) => worlds[which].server.requests.at(-1)!;
const said = (which: keyof typeof worlds) => ({ path: last(which).path, body: last(which).body });
const image = { type: "image" as const, mimeType: "image/png", base64: greyPixel(7).toString("base64") };
const blob = { mimeType: "image/png", data: image.base64 };

describe("the vendor's own client asks and reads as we do", () => {
  it.each(["gemini", "vertex"] as const)("for vectors, %s", async (which) => {
    const models = which === "vertex" ? ["gemini-embedding-001", "gemini-embedding-2"] : ["gemini-embedding-001"];
    for (const model of models) {
      const config = { taskType: "RETRIEVAL_QUERY", outputDimensionality: 768, ...(which === "vertex" ? { autoTruncate: true } : {}) };
      // The second generation is told its task in words.
      const second = model.endsWith("2");
      const { taskType, ...rest } = config;
      const theirs = await client(which).models.embedContent({
        model,
        contents: second ? "task: search result | query: a stone" : "a stone",
        config: second ? rest : config,
      });
      const theirRequest = said(which);
      const ours = await worlds[which].host
        .use("plinth.embedding")
        .get("google")
        .embed({
          model,
          inputs: [[{ type: "text", text: "a stone" }]],
          purpose: "query",
          dimensions: 768,
          truncate: true,
          endpoint: endpoint(which),
        });
      expect(withoutRoles(said(which))).toEqual(withoutRoles(theirRequest));
      const vector = Buffer.from(ours.vectors[0]!, "base64");
      const values = theirs.embeddings![0]!.values!;
      const length = Math.hypot(...values);
      for (const [at, value] of values.entries()) expect(vector.readFloatLE(at * 4)).toBeCloseTo(value / length, 5);
    }
  });

  it.each(["gemini", "vertex"] as const)("for pictures, %s", async (which) => {
    const theirs = await client(which).models.generateContent({
      model: "gemini-3-pro-image",
      contents: [{ role: "user", parts: [{ text: "A stone." }, { inlineData: blob }] }],
      config: { responseModalities: ["IMAGE"], imageConfig: { aspectRatio: "16:9", imageSize: "2K" } },
    });
    const theirRequest = said(which);
    const items = await all(
      worlds[which].host
        .use("plinth.image-generation")
        .get("google")
        .generate({ model: "gemini-3-pro-image", prompt: "A stone.", images: [image], aspect: "16:9", resolution: "2K", endpoint: endpoint(which) }),
    );
    expect(said(which)).toEqual(theirRequest);
    const drawn = theirs.candidates![0]!.content!.parts!.filter(({ inlineData, thought }) => inlineData && !thought);
    expect(items[0]).toMatchObject({ part: { base64: drawn[0]!.inlineData!.data } });
  });

  it("for speech", async () => {
    const model = "gemini-3.8-flash-tts";
    const chunks: string[] = [];
    for await (const chunk of await client("gemini").models.generateContentStream({
      model,
      contents: [
        {
          role: "user",
          parts: [
            { text: "Hello.", speechMetadata: { speaker: "Speaker 1", style: "Calmly." } },
            { text: "Hi.", speechMetadata: { speaker: "Speaker 2", style: "Calmly." } },
          ],
        },
      ],
      config: {
        responseModalities: ["AUDIO"],
        speechConfig: {
          languageCode: "en",
          multiSpeakerVoiceConfig: {
            speakerVoiceConfigs: ["Kore", "Puck"].map((voiceName, at) => ({
              speaker: `Speaker ${at + 1}`,
              voiceConfig: { prebuiltVoiceConfig: { voiceName } },
            })),
          },
        },
      },
    }))
      chunks.push(...(chunk.candidates?.[0]?.content?.parts ?? []).flatMap(({ inlineData }) => inlineData?.data ?? []));
    const theirRequest = said("gemini");
    const items = await all(
      worlds.gemini.host
        .use("plinth.speech")
        .get("google")
        .speak({
          model,
          lines: [
            { text: "Hello.", voice: "Kore" },
            { text: "Hi.", voice: "Puck" },
          ],
          instructions: "Calmly.",
          language: "en",
          format: "pcm",
          endpoint: endpoint("gemini"),
        }),
    );
    expect(said("gemini")).toEqual(theirRequest);
    const heard = (pieces: string[]) => Buffer.concat(pieces.map((piece) => Buffer.from(piece, "base64"))).toString("base64");
    expect(heard(items.flatMap((item) => (item.type === "audio" ? [item.base64] : [])))).toBe(heard(chunks));
  });

  it.each(["gemini", "vertex"] as const)("for transcripts, %s", async (which) => {
    const model = "gemini-3.5-transcribe";
    const data = Buffer.from(recordingOf("a quick fox")).toString("base64");
    const theirs = await client(which).models.generateContent({
      model,
      contents: [{ role: "user", parts: [{ inlineData: { mimeType: "audio/wav", data } }] }],
      config: { audioTranscriptionConfig: { languageCodes: ["en-US"], wordTimestamp: true, diarization: true } },
    });
    const theirRequest = said(which);
    const items = await all(
      worlds[which].host
        .use("plinth.transcription")
        .get("google")
        .transcribe({
          model,
          audio: { type: "audio", mimeType: "audio/wav", base64: data },
          languages: ["en-US"],
          timings: "word",
          speakers: {},
          endpoint: endpoint(which),
        }),
    );
    expect(said(which)).toEqual(theirRequest);
    const { audioTranscription } = theirs.candidates![0]!.content!.parts![0]!;
    const [segment] = items.flatMap((item) => (item.type === "segment" ? [item.segment] : []));
    expect(segment?.words?.map(({ text, start }) => [text, `${start.toFixed(3)}s`])).toEqual(
      audioTranscription!.words!.map(({ word, startOffset }) => [word, startOffset]),
    );
    expect(segment?.speaker).toBe(audioTranscription!.speakerLabel);
  });

  it("for films on Vertex AI, and what becomes of them at both", async () => {
    const model = "veo-3.1-generate-001";
    let operation = await client("vertex").models.generateVideos({
      model,
      source: { prompt: "A stone.", image: { imageBytes: image.base64, mimeType: "image/png" } },
      config: {
        aspectRatio: "9:16",
        resolution: "720p",
        durationSeconds: 8,
        seed: 7,
        negativePrompt: "moss",
        generateAudio: false,
        numberOfVideos: 2,
      },
    });
    const begun = said("vertex");
    operation = await client("vertex", "v1").operations.getVideosOperation({ operation });
    const looked = said("vertex");
    const request = {
      prompt: "A stone.",
      first: image,
      aspect: "9:16",
      resolution: "720p",
      seconds: 8,
      seed: 7,
      negativePrompt: "moss",
      sound: false,
      count: 2,
    };
    const items = await all(
      worlds.vertex.host
        .use("plinth.video-generation")
        .get("google")
        .generate({ model, ...request, endpoint: endpoint("vertex") }),
    );
    const [ourBegin, ourLook] = worlds.vertex.server.requests.slice(-2);
    expect([ourBegin, ourLook].map((one) => ({ path: one?.path, body: one?.body }))).toEqual([begun, looked]);
    expect(items.find(({ type }) => type === "part")).toMatchObject({
      part: { base64: operation.response?.generatedVideos?.[0]?.video?.videoBytes },
    });
    const there = new GenerateVideosOperation();
    there.name = "models/veo-3.1-generate-preview/operations/plain";
    const done = await client("gemini").operations.getVideosOperation({ operation: there });
    expect(said("gemini").path).toBe("/v1beta/models/veo-3.1-generate-preview/operations/plain");
    const resumed = await all(
      worlds.gemini.host
        .use("plinth.video-generation")
        .get("google")
        .resume({ job: there.name, endpoint: endpoint("gemini") }),
    );
    expect(last("gemini").path).toBe(`${new URL(done.response!.generatedVideos![0]!.video!.uri!).pathname}?alt=media`);
    expect(resumed[0]).toMatchObject({ part: { base64: filmOf().toString("base64") } });
  });
});

/** Who says it is not told for vectors, or is: servers do not mind. */
function withoutRoles<T>(value: T): T {
  return JSON.parse(JSON.stringify(value, (name, one) => (name === "role" ? undefined : one)));
}
