import type { TranscriptionItem } from "@plinth/sdk";
import { expect, it } from "vitest";
import { hasPeer, peer } from "../../../test/peers/programs.testing.ts";
import { recordingOf } from "./azure-speech.testing.ts";
import { endpointOf, opened } from "./opened.testing.ts";

const base64 = recordingOf("The quick brown fox");

// The vendor's own client and ours ask the same of the same server, and are told the same.
it.runIf(hasPeer("@azure/ai-speech-transcription"))("the vendor's own client asks and reads the same", async () => {
  const { server, host, close } = await opened();
  const { TranscriptionClient } = await peer("@azure/ai-speech-transcription");
  const client = new TranscriptionClient(server.url, { key: "k" }, { allowInsecureConnection: true });
  const options = { locales: ["en-US"], phraseList: { phrases: ["fox"] }, activeChannels: [0, 1], profanityFilterMode: "Removed" };
  const theirs = await client.transcribe(Buffer.from(base64, "base64"), options);
  const audio = { type: "audio" as const, mimeType: "audio/wav", base64 };
  const endpoint = endpointOf(server.url, "plinth.transcription");
  const asked = { languages: ["en-US"], terms: ["fox"], channels: true, redact: ["profanity"] };
  const items: TranscriptionItem[] = [];
  for await (const item of host
    .use("plinth.transcription")
    .get("azure-speech")
    .transcribe({ audio, endpoint, ...asked }))
    items.push(item);

  expect(items.at(-1)).toMatchObject({
    text: theirs.combinedPhrases.map(({ text }: any) => text).join("\n"),
    seconds: theirs.durationInMs / 1_000,
  });
  expect(items.flatMap((item) => (item.type === "segment" ? [[item.segment.text, item.segment.channel, item.segment.start]] : []))).toEqual(
    theirs.phrases.map(({ text, channel, offsetInMs }: any) => [text, channel, offsetInMs / 1_000]),
  );
  const [first, second] = server.requests.map(({ path, headers, body }) => ({
    ...{ path, key: headers["ocp-apim-subscription-key"], audio: body.audio.bytes.toString("base64") },
    // Theirs says of the field that it is JSON, so that it comes as a file.
    definition: JSON.parse(typeof body.definition === "string" ? body.definition : body.definition.bytes.toString("utf8")),
  }));
  expect(second).toEqual(first);
  await close();
});
