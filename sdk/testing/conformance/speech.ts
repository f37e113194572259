import assert from "node:assert/strict";
import type { Client, SpeechItem, SpeechRequest, Voice } from "../../extension/index.ts";
import { assertFits, type ConformanceCase, withOpened } from "./case.ts";
import { ofType, type PurposeSubject, purposeCases, streamCases, streamed } from "./model-purpose.ts";

const ID = "plinth.speech";
type Speech = Client<"plinth.speech">;

export interface SpeechSubject extends PurposeSubject<Speech, SpeechRequest> {
  /** A request that asks for timings. */
  timed?: SpeechRequest;
}

/** Formats that say nothing themselves of how fast they are. */
const HEADLESS = ["pcm", "mulaw", "alaw"];

async function spoken(provider: Speech, request: SpeechRequest, options?: { signal?: AbortSignal }): Promise<SpeechItem[]> {
  const items = await streamed(ID, "speak", provider.speak(request, options));
  const [first, ...rest] = items;
  assert.ok(first?.type === "start", "what it is comes first");
  assert.equal(ofType(rest, "start").length, 0, "and once");
  if (request.format !== undefined) assert.equal(first.format, request.format, "it is in the format that was asked for");
  if (HEADLESS.includes(first.format)) assert.ok(first.sampleRate !== undefined, "what has no head comes with its sample rate");
  assert.ok(ofType(items, "audio").length > 0, "there is sound");
  for (const { base64 } of ofType(items, "audio")) assert.ok(Buffer.from(base64, "base64").length > 0, "no piece is empty");
  return items;
}

const one = (
  name: string,
  body: (provider: Speech, subject: SpeechSubject) => Promise<void>,
  ...needs: (keyof SpeechSubject & string)[]
): ConformanceCase<SpeechSubject> => ({
  name,
  ...(needs.length > 0 ? { needs } : {}),
  run: (subject) => withOpened(subject.open, ({ provider }) => body(provider, subject)),
});

/** What `plinth.speech` asks of every provider. */
export const speechConformance: readonly ConformanceCase<SpeechSubject>[] = [
  ...purposeCases<Speech, SpeechRequest, SpeechSubject>({ contract: ID, ask: spoken }),
  ...streamCases<Speech, SpeechRequest, SpeechSubject>((provider, request, options) => provider.speak(request, options)),
  one("says what it will be, then the sound", async (provider, { good }) => void (await spoken(provider, good))),
  one("lists its voices, each once, those of the request among them, and comes to an end", async (provider, { good }) => {
    const voices: Voice[] = [];
    let cursor: string | undefined;
    for (let page = 0; ; page++) {
      assert.ok(page < 1_000, "the list comes to an end");
      const output = await provider.voices(cursor === undefined ? {} : { cursor });
      await assertFits(ID, "voices", "output", output);
      voices.push(...output.voices);
      if (output.next === undefined) break;
      cursor = output.next;
    }
    const ids = new Set(voices.map(({ id }) => id));
    assert.equal(ids.size, voices.length);
    for (const { voice } of good.lines) if (voice !== undefined) assert.ok(ids.has(voice), `${voice} is listed`);
  }),
  one(
    "tells when which words are heard, within the lines and in order",
    async (provider, { timed }) => {
      const timings = ofType(await spoken(provider, timed!), "timing");
      assert.ok(timings.length > 0);
      let last = 0;
      for (const { line, from, to, start, end } of timings) {
        assert.ok(line < timed!.lines.length && from < to && to <= timed!.lines[line]!.text.length, "they stand in the line");
        assert.ok(start >= last && end >= start, "one comes after the other");
        last = start;
      }
    },
    "timed",
  ),
];
