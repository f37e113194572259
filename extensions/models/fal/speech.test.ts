import type { SpeechItem, SpeechRequest } from "@plinth/sdk";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { all, endpointFor, MADE, opened } from "./fal.testing.ts";

let world: Awaited<ReturnType<typeof opened>>;
beforeEach(async () => {
  world = await opened();
});
afterEach(() => world.close());

async function speak(request: Partial<SpeechRequest>, signal?: AbortSignal) {
  const endpoint = endpointFor("plinth.speech", world.server.url);
  const asked = { lines: [{ text: "Hello." }], endpoint, ...request };
  const items: SpeechItem[] = await all(
    world.host
      .use("plinth.speech")
      .get("fal")
      .speak(asked, signal === undefined ? {} : { signal }),
  );
  return { items, sound: Buffer.concat(items.flatMap((item) => (item.type === "audio" ? [Buffer.from(item.base64, "base64")] : []))) };
}
const submitted = () => world.server.requests.filter(({ method }) => method === "POST").map(({ path, body }) => [path.slice(1), body]);

describe("speech of fal's", () => {
  it("is told in the words of its model, part by part, and joined", async () => {
    const lines = [{ text: "One.", voice: "Wise_Woman" }, { text: "Two." }, { text: "Three.", voice: "Deep_Voice_Man" }];
    const { items, sound } = await speak({ lines, speed: 1.5 });
    const body = (prompt: string, voice_id: string) => ({ output_format: "url", prompt, voice_setting: { voice_id, speed: 1.5 } });
    expect(submitted()).toEqual([
      ["fal-ai/minimax/speech-2.8-hd", body("One.\nTwo.", "Wise_Woman")],
      ["fal-ai/minimax/speech-2.8-hd", body("Three.", "Deep_Voice_Man")],
    ]);
    expect(sound.equals(Buffer.concat([MADE.mp3, MADE.mp3]))).toBe(true);
    expect(items[0]).toEqual({ type: "start", mimeType: "audio/mpeg", format: "mp3" });
    expect(items.slice(-2)).toEqual([{ type: "usage", usage: { characters: 15 } }, { type: "end" }]);
  });

  it("has the format that was asked for, or is refused", async () => {
    expect((await speak({ format: "flac" })).items[0]).toMatchObject({ format: "flac" });
    expect((await speak({ model: "fal-ai/kokoro/american-english" })).items[0]).toMatchObject({ format: "wav" });
    await speak({ model: "fal-ai/elevenlabs/tts/turbo-v2.5", format: "mp3", language: "de-AT", before: "So." });
    expect(submitted().at(-1)).toEqual([
      "fal-ai/elevenlabs/tts/turbo-v2.5",
      { text: "Hello.", voice: "Rachel", language_code: "de", previous_text: "So." },
    ]);
    await expect(speak({ format: "opus" })).rejects.toMatchObject({ code: "PLINTH_MODEL_UNSUPPORTED", details: { param: "format" } });
  });

  it("is cancelled where nobody waits for it any more", async () => {
    const leaving = new AbortController();
    const asked = speak({ lines: [{ text: "Something slow." }] }, leaving.signal).catch(({ code }) => code);
    await vi.waitFor(() => expect([...world.server.work.values()].map(({ looks }) => looks > 0)).toEqual([true]));
    leaving.abort();
    expect(await asked).toMatch(/^PLINTH_/);
    await vi.waitFor(() => expect([...world.server.work.values()].map(({ state }) => state)).toEqual(["cancelled"]));
  });
});
