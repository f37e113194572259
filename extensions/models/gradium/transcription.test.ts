import type { TranscriptionItem, TranscriptionRequest } from "@plinth/sdk";
import { describeConformance, transcriptionConformance, withEndpoint } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { recordingOf, refusal } from "./gradium.testing.ts";
import { endpointOf, opened } from "./opened.testing.ts";

const said = "The quick brown fox. The end.";
const audio = { type: "audio" as const, mimeType: "audio/wav", base64: recordingOf(said) };

describeConformance({ describe, it }, "Gradium's transcription", transcriptionConformance, {
  open: async () => {
    const { server, host, close } = await opened();
    return { provider: withEndpoint(host.use("plinth.transcription").get("gradium"), endpointOf(server.url, "plinth.transcription")), close };
  },
  good: { audio },
  bad: { audio: { ...audio, base64: "AAAA" } },
  unsupported: { audio, speakers: {} },
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
  for await (const item of world.host.use("plinth.transcription").get("gradium").transcribe(asked)) items.push(item);
  return items;
}
const config = () => JSON.parse(new URL(world.server.requests.at(-1)!.path, "http://x").searchParams.get("json_config")!);

describe("Gradium's transcription", () => {
  it("sends the recording as it is, and puts words together in their time", async () => {
    const items = await transcribe({ languages: ["en-US"], terms: ["Ferran Torres", "fox"], temperature: 0.2 });
    const request = world.server.requests[0]!;
    expect(request).toMatchObject({ method: "POST", headers: { "x-api-key": "k", "content-type": "audio/wav" } });
    expect(request.path.split("?")[0]).toBe("/api/post/speech/asr");
    expect(request.bytes.toString("base64")).toBe(audio.base64);
    expect(config()).toEqual({ language: "en", delay_in_frames: 16, temp: 0.2, keywords: { words: ["Ferran", "Torres", "fox"], boost: 3 } });
    const segments = items.flatMap((item) => (item.type === "segment" ? [item.segment] : []));
    expect(segments.map(({ text, start, end }) => [text, start?.toFixed(2), end?.toFixed(2)])).toEqual([
      ["The quick brown fox.", "0.00", "1.90"],
      ["The end.", "2.00", "2.90"],
    ]);
    expect(items.flatMap((item) => (item.type === "text" ? [item.delta] : [])).join("")).toBe(said);
    expect(items.at(-1)).toEqual({ type: "end", text: said });
  });

  it("refuses what it makes nothing of, before anything is sent", async () => {
    await expect(transcribe({ audio: { ...audio, mimeType: "audio/mpeg" } })).rejects.toMatchObject({
      code: "PLINTH_MODEL_UNSUPPORTED",
      details: { param: "audio" },
    });
    await expect(transcribe({ languages: ["en", "de"] })).rejects.toMatchObject({ details: { param: "languages" } });
    expect(world.server.requests).toEqual([]);
    await transcribe({ audio: { ...audio, mimeType: "audio/ogg; codecs=opus" } });
    expect(world.server.requests[0]?.headers["content-type"]).toBe("audio/ogg");
  });

  it("fails where the server does, also after words", async () => {
    world.server.script(refusal(429, "Too many sessions"));
    await expect(transcribe({})).rejects.toMatchObject({ code: "PLINTH_MODEL_RATE" });
    for (const body of ['{"type":"text","text":"Hi","start_s":1}\n{"type":"error","message":"Internal error","code":1011}\n', "<html>\n"]) {
      world.server.script({ body, headers: { "content-type": "application/x-ndjson" } });
      await expect(transcribe({})).rejects.toMatchObject({ code: expect.stringMatching(/^PLINTH_MODEL_(SERVER|STREAM)$/) });
    }
    expect((await transcribe({ audio: { ...audio, base64: recordingOf("") } })).at(-1)).toEqual({ type: "end", text: "" });
  });
});
