import type { SpeechItem, SpeechRequest } from "@plinth/sdk";
import { describeConformance, type PlainAnswer, speechConformance, withEndpoint } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { refusal } from "./gradium.testing.ts";
import { endpointOf, opened } from "./opened.testing.ts";

const EMMA = "YTpq7expH9539ERJ";

describeConformance({ describe, it }, "Gradium's speech", speechConformance, {
  open: async () => {
    const { server, host, close } = await opened();
    return { provider: withEndpoint(host.use("plinth.speech").get("gradium"), endpointOf(server.url, "plinth.speech")), close };
  },
  good: { lines: [{ text: "Hello there.", voice: EMMA }] },
  bad: { lines: [{ text: "Hello.", voice: "nobody" }] },
  unsupported: { lines: [{ text: "Hello." }], speed: 2 },
  timed: { lines: [{ text: "Hello there." }], timings: true },
});

let world: Awaited<ReturnType<typeof opened>>;
beforeEach(async () => {
  world = await opened();
});
afterEach(() => world.close());

async function speak(request: Partial<SpeechRequest>, headers?: Record<string, string>) {
  const items: SpeechItem[] = [];
  const asked = { lines: [{ text: "Hello." }], endpoint: endpointOf(world.server.url, "plinth.speech", headers), ...request };
  for await (const item of world.host.use("plinth.speech").get("gradium").speak(asked)) items.push(item);
  const sound = Buffer.concat(items.flatMap((item) => (item.type === "audio" ? [Buffer.from(item.base64, "base64")] : []))).toString("latin1");
  return { items, sound };
}
const bodies = () => world.server.requests.map(({ body }) => body);

describe("Gradium's speech", () => {
  it("is asked for as its documentation has it, and comes as it is", async () => {
    const { items, sound } = await speak({ vendor: { gradium: { json_config: { temp: 0.5 } } } });
    expect(world.server.requests[0]).toMatchObject({ method: "POST", path: "/api/post/speech/tts", headers: { "x-api-key": "k" } });
    expect(bodies()).toEqual([
      { text: "Hello.", voice_id: EMMA, model_name: "default", output_format: "wav", only_audio: true, json_config: { temp: 0.5 } },
    ]);
    expect(items[0]).toEqual({ type: "start", mimeType: "audio/wav", format: "wav", sampleRate: 48_000 });
    expect(sound).toBe(`RIFF[${EMMA} wav]Hello.`);
    await speak({ format: "pcm", sampleRate: 16_000 });
    await speak({ format: "mulaw" });
    await speak({ format: "opus" });
    expect(
      bodies()
        .slice(1)
        .map(({ output_format: output }) => output),
    ).toEqual(["pcm_16000", "ulaw_8000", "opus"]);
    await expect(speak({ format: "mp3" })).rejects.toMatchObject({ details: { param: "format" } });
  });

  it("speaks a language with a voice of it", async () => {
    await speak({ language: "de" });
    await speak({ language: "es-ES" });
    expect(bodies().map(({ voice_id: voice }) => voice)).toEqual(["-uP9MuGtBqAvEyxI", "xu7iJ_fn2ElcWp2s"]);
    await expect(speak({ language: "tlh" })).rejects.toMatchObject({ details: { param: "language" } });
    const { voices } = await world.host
      .use("plinth.speech")
      .get("gradium")
      .voices({ endpoint: endpointOf(world.server.url, "plinth.speech"), language: "fr" });
    expect(voices.map(({ title }) => title)).toEqual(["Elise", "Leo"]);
  });

  it("tells when each word is heard, over all of its parts", async () => {
    const lines = [{ text: "The fox." }, { text: "Das Ende.", voice: "-uP9MuGtBqAvEyxI" }];
    const { items, sound } = await speak({ lines, timings: true, format: "pcm" });
    expect(bodies()[0]).toMatchObject({ only_audio: false });
    const said = items.flatMap((item) => (item.type === "timing" ? [[lines[item.line]!.text.slice(item.from, item.to), item.line, item.start]] : []));
    expect(said).toEqual([
      ["The", 0, 0],
      ["fox.", 0, 0.5],
      ["Das", 1, 0.9],
      ["Ende.", 1, 1.4],
    ]);
    expect(sound).toContain("The fox.[");
  });

  it("fails with what can be done about it, also in the middle of an answer", async () => {
    await expect(speak({}, { "x-api-key": "wrong" })).rejects.toMatchObject({ code: "PLINTH_MODEL_AUTH" });
    await expect(speak({ lines: [{ text: "Hi.", voice: "nobody" }] })).rejects.toThrow(/Embeddings not found/);
    const json = { "content-type": "application/x-ndjson" };
    const answers: [PlainAnswer, string, Partial<SpeechRequest>?][] = [
      [refusal(429, "Too many sessions"), "RATE"],
      [refusal(500, "Internal Server Error"), "SERVER"],
      [{ headers: json, body: '{"type":"error","message":"Internal error","code":1011}\n' }, "SERVER", { timings: true }],
      [{ headers: json, body: "{oops\n" }, "STREAM", { timings: true }],
      [{ headers: json, body: '{"type":"audio","audio":"*"}\n' }, "STREAM", { timings: true }],
      [{ body: { audio: "no" } }, "STREAM"],
      [{ body: [], headers: { "content-type": "audio/wav" } }, "STREAM"],
      [{ body: [Buffer.from("RIFF")], headers: { "content-type": "audio/wav", "content-length": "9" }, cut: true }, "STREAM"],
    ];
    for (const [answer, kind, request] of answers) {
      world.server.script(answer);
      await expect(speak(request ?? {})).rejects.toMatchObject({ code: `PLINTH_MODEL_${kind}` });
    }
  });
});
