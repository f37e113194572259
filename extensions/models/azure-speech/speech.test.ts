import type { SpeechItem, SpeechRequest } from "@plinth/sdk";
import { describeConformance, type PlainAnswer, speechConformance, withEndpoint } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { endpointOf, opened } from "./opened.testing.ts";

describeConformance({ describe, it }, "Azure's speech", speechConformance, {
  open: async () => {
    const { server, host, close } = await opened();
    return { provider: withEndpoint(host.use("plinth.speech").get("azure-speech"), endpointOf(server.url, "plinth.speech")), close };
  },
  good: { lines: [{ text: "Hello there.", voice: "en-US-JennyNeural" }] },
  bad: { lines: [{ text: "Hello.", voice: "nobody" }] },
  unsupported: { lines: [{ text: "Hello." }], instructions: "Whisper." },
});

let world: Awaited<ReturnType<typeof opened>>;
beforeEach(async () => {
  world = await opened();
});
afterEach(() => world.close());

const speech = () => world.host.use("plinth.speech").get("azure-speech");
async function speak(request: Partial<SpeechRequest>, headers?: Record<string, string>) {
  const items: SpeechItem[] = [];
  const asked = { lines: [{ text: "Hello." }], endpoint: endpointOf(world.server.url, "plinth.speech", headers), ...request };
  for await (const item of speech().speak(asked)) items.push(item);
  const sound = Buffer.concat(items.flatMap((item) => (item.type === "audio" ? [Buffer.from(item.base64, "base64")] : []))).toString("utf8");
  return { items, sound };
}
const documents = () => world.server.requests.map(({ bytes }) => bytes.toString("utf8"));

describe("Azure's speech", () => {
  it("is asked for as the reference has it, and comes as it is", async () => {
    const { items, sound } = await speak({ lines: [{ text: 'Tom & "Jerry" <b> \u0001 ü' }], speed: 1.3 });
    expect(world.server.requests[0]).toMatchObject({
      ...{ method: "POST", path: "/cognitiveservices/v1" },
      headers: {
        ...{ "ocp-apim-subscription-key": "k", "content-type": "application/ssml+xml", "user-agent": "Plinth" },
        "x-microsoft-outputformat": "audio-24khz-96kbitrate-mono-mp3",
      },
    });
    expect(documents()[0]).toContain('<voice name="en-US-AvaMultilingualNeural"><prosody rate="+30.00%">');
    expect(sound).toContain('Tom & "Jerry" <b>   ü');
    expect(items[0]).toEqual({ type: "start", mimeType: "audio/mpeg", format: "mp3", sampleRate: 24_000 });
    expect(items.slice(-2)).toEqual([{ type: "usage", usage: { characters: 21 } }, { type: "end" }]);
  });

  it("has the format and the rate that are wanted", async () => {
    const asked: [Partial<SpeechRequest>, string][] = [
      [{ format: "opus" }, "ogg-24khz-16bit-mono-opus"],
      [{ format: "wav", sampleRate: 48_000 }, "riff-48khz-16bit-mono-pcm"],
      [{ format: "pcm", sampleRate: 22_050 }, "raw-22050hz-16bit-mono-pcm"],
      [{ format: "mulaw" }, "raw-8khz-8bit-mono-mulaw"],
      [{ sampleRate: 48_000, bitRate: 192_000 }, "audio-48khz-192kbitrate-mono-mp3"],
    ];
    for (const [request, name] of asked) {
      await speak(request);
      expect(world.server.requests.at(-1)?.headers["x-microsoft-outputformat"]).toBe(name);
    }
    await expect(speak({ sampleRate: 11_025 })).rejects.toMatchObject({ details: { param: "sampleRate" } });
  });

  it("says a conversation in one recording of any format, and cuts what would be longer than ten minutes", async () => {
    const lines = [{ text: "Hi." }, { text: "Hello.", voice: "en-US-JennyNeural" }, { text: "Bye." }];
    const { sound } = await speak({ lines, format: "wav" });
    expect(documents()).toHaveLength(1);
    expect(documents()[0]!.match(/<voice name="([^"]+)"/g)).toHaveLength(3);
    expect(sound).toContain("Hi.Hello.Bye.");
    const text = "A sentence here. ".repeat(500);
    await speak({ lines: [{ text }] });
    expect(documents().length).toBe(4);
    await expect(speak({ lines: [{ text }], format: "opus" })).rejects.toMatchObject({ details: { param: "lines" } });
  });

  it("speaks another language with a voice that has several, and SSML as it is", async () => {
    await speak({ language: "de-DE" });
    expect(documents()[0]).toContain('<voice name="en-US-AvaMultilingualNeural"><lang xml:lang="de-DE">Hello.</lang></voice>');
    await speak({
      lines: [{ text: 'Hi <break time="1s"/> you', voice: "en-US-JennyNeural" }],
      markup: "ssml",
      vendor: { "azure-speech": { style: "chat" } },
    });
    expect(documents()[1]).toContain('<mstts:express-as style="chat">Hi <break time="1s"/> you</mstts:express-as>');
    await expect(speak({ lines: [{ text: "Hi <break" }], markup: "ssml" })).rejects.toThrow(/well-formed/);
  });

  it("lists the voices of the region, and those of a language", async () => {
    const endpoint = endpointOf(world.server.url, "plinth.speech");
    const { voices } = await speech().voices({ endpoint });
    expect(voices).toHaveLength(4);
    expect(voices[0]).toEqual({
      ...{ id: "en-US-AvaMultilingualNeural", title: "AvaMultilingual", languages: ["en-US", "de-DE", "fr-FR"] },
      labels: { gender: "Female", type: "Neural" },
    });
    expect((await speech().voices({ endpoint, language: "ga" })).voices.map(({ title }) => title)).toEqual(["Orla"]);
    world.server.script({ body: { not: "a list" } });
    await expect(speech().voices({ endpoint })).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
  });

  it("fails with what can be done about it, also where the server says nothing", async () => {
    await expect(speak({}, { "ocp-apim-subscription-key": "wrong" })).rejects.toMatchObject({ code: "PLINTH_MODEL_AUTH" });
    const answers: [PlainAnswer, string][] = [
      [{ status: 401, body: "" }, "AUTH"],
      [{ status: 429, headers: { "retry-after": "5" }, body: "" }, "RATE"],
      [{ status: 400, body: "" }, "REQUEST"],
      [{ status: 415, body: "" }, "REQUEST"],
      [{ status: 502, body: "<html>Bad gateway</html>" }, "SERVER"],
      [{ status: 503, body: "" }, "OVERLOADED"],
      [{ body: { audio: "no" } }, "STREAM"],
      [{ body: [], headers: { "content-type": "audio/mpeg" } }, "STREAM"],
      [{ body: [Buffer.from("ID3")], headers: { "content-type": "audio/mpeg", "content-length": "9" }, cut: true }, "STREAM"],
    ];
    for (const [answer, kind] of answers) {
      world.server.script(answer);
      await expect(speak({})).rejects.toMatchObject({ code: `PLINTH_MODEL_${kind}` });
    }
  });
});
