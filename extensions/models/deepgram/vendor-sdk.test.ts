import type { TranscriptionItem } from "@plinth/sdk";
import { expect, it } from "vitest";
import { hasPeer, peer } from "../../../test/peers/programs.testing.ts";
import { recordingOf } from "./deepgram.testing.ts";
import { endpointOf, opened } from "./opened.testing.ts";

const base64 = recordingOf("The quick brown fox");

// The vendor's own client and ours ask the same of the same server, and are told the same.
it.runIf(hasPeer("@deepgram/sdk"))("the vendor's own client asks and reads the same", async () => {
  const { server, host, close } = await opened();
  const { DeepgramClient } = await peer("@deepgram/sdk");
  const client = new DeepgramClient({
    apiKey: "k",
    baseUrl: server.url,
    environment: { base: server.url, production: server.url, agent: server.url },
  });
  const speech = host.use("plinth.speech").get("deepgram");
  const lines = [{ text: "Hello." }];
  const sound: Buffer[] = [];
  for await (const item of speech.speak({ lines, format: "opus", bitRate: 32_000, endpoint: endpointOf(server.url, "plinth.speech") }))
    if (item.type === "audio") sound.push(Buffer.from(item.base64, "base64"));
  const spoken = await client.speak.v1.audio.generate({
    text: "Hello.",
    model: "aura-2-thalia-en",
    encoding: "opus",
    container: "ogg",
    bit_rate: 32_000,
  });
  expect(Buffer.from(await spoken.arrayBuffer()).equals(Buffer.concat(sound))).toBe(true);

  const audio = { type: "audio" as const, mimeType: "application/octet-stream", base64 };
  const wanted = { languages: ["en"], terms: ["fox", "red deer"], speakers: {}, redact: ["pii"] };
  const items: TranscriptionItem[] = [];
  const endpoint = endpointOf(server.url, "plinth.transcription");
  for await (const item of host
    .use("plinth.transcription")
    .get("deepgram")
    .transcribe({ audio, ...wanted, endpoint }))
    items.push(item);
  const options = {
    smart_format: true,
    punctuate: true,
    utterances: true,
    language: "en",
    diarize: true,
    redact: "pii",
    keyterm: ["fox", "red deer"],
  };
  const answer = await client.listen.v1.media.transcribeFile(Buffer.from(base64, "base64"), { model: "nova-3", ...options });
  const { channels, utterances } = answer.results;
  expect(items.at(-1)).toMatchObject({ text: channels[0].alternatives[0].transcript, seconds: answer.metadata.duration });
  expect(items.flatMap((item) => (item.type === "segment" ? [[item.segment.text, item.segment.speaker]] : []))).toEqual(
    utterances.map(({ transcript, speaker }: any) => [transcript, String(speaker)]),
  );

  const asked = server.requests.map(({ path, headers, bytes }) => {
    const { pathname, searchParams } = new URL(path, server.url);
    return { pathname, query: [...searchParams].sort(), proof: headers.authorization, type: headers["content-type"], body: bytes.toString("base64") };
  });
  expect(asked).toHaveLength(4);
  expect(asked[1]).toEqual(asked[0]);
  expect(asked[3]).toEqual(asked[2]);
  await close();
});
