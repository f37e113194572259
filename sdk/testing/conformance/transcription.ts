import assert from "node:assert/strict";
import type { Client, ListenItem, ListenRequest, TranscriptionItem, TranscriptionRequest } from "../../extension/index.ts";
import { assertCodedFailure, assertFits, type ConformanceCase, withOpened } from "./case.ts";
import { ofType, type PurposeSubject, purposeCases, streamCases, streamed } from "./model-purpose.ts";

const ID = "plinth.transcription";
type Transcription = Client<"plinth.transcription">;

export interface TranscriptionSubject extends PurposeSubject<Transcription, TranscriptionRequest> {
  /** Found in what is said in the recording of `good`. */
  says: RegExp;
  /** A request that asks for the time of each word. */
  timed?: TranscriptionRequest;
  /** Something that is said live, piece by piece, in which `says` is found too. */
  live?: { request: ListenRequest; pieces: readonly Uint8Array[] };
}

type Spoken = TranscriptionItem | ListenItem;

/** What was said for sure holds together: in order, and words within their segment. */
function assertSegments(items: readonly Spoken[]): void {
  const segments = items.flatMap((item) => (item.type === "segment" ? [item.segment] : []));
  const last = new Map<number, number>();
  for (const { start = 0, end = start, channel = 0, words = [] } of segments) {
    assert.ok(start >= (last.get(channel) ?? 0) && end >= start, "one comes after the other");
    last.set(channel, start);
    let said = start;
    for (const word of words) {
      assert.ok(word.start >= said - 0.01 && word.end >= word.start, "words come one after the other, within their segment");
      said = word.start;
    }
  }
}

async function written(provider: Transcription, request: TranscriptionRequest, options?: { signal?: AbortSignal }): Promise<TranscriptionItem[]> {
  const items = await streamed(ID, "transcribe", provider.transcribe(request, options));
  assertSegments(items);
  return items;
}

const said = (items: readonly Spoken[]): string => {
  const last = items.at(-1);
  return last?.type === "end" ? last.text : "";
};

const one = (
  name: string,
  body: (provider: Transcription, subject: TranscriptionSubject) => Promise<void>,
  ...needs: (keyof TranscriptionSubject & string)[]
): ConformanceCase<TranscriptionSubject> => ({
  name,
  ...(needs.length > 0 ? { needs } : {}),
  run: (subject) => withOpened(subject.open, ({ provider }) => body(provider, subject)),
});

/** What `plinth.transcription` asks of every provider. */
export const transcriptionConformance: readonly ConformanceCase<TranscriptionSubject>[] = [
  ...purposeCases<Transcription, TranscriptionRequest, TranscriptionSubject>({ contract: ID, ask: written }),
  ...streamCases<Transcription, TranscriptionRequest, TranscriptionSubject>((provider, request, options) => provider.transcribe(request, options)),
  one("writes down what is said, all of it at the end", async (provider, { good, says }) => {
    const items = await written(provider, good);
    assert.match(said(items), says);
    const segments = ofType(items, "segment").map(({ segment }) => segment.text);
    if (segments.length > 0) assert.match(segments.join(" "), says);
  }),
  one(
    "tells when each word is said",
    async (provider, { timed }) => {
      const words = ofType(await written(provider, { ...timed!, timings: "word" }), "segment").flatMap(({ segment }) => segment.words ?? []);
      assert.ok(words.length > 0);
    },
    "timed",
  ),
  one(
    "writes down what is said while it is said, and the rest when that was the last",
    async (provider, { live, says }) => {
      const items: ListenItem[] = [];
      let feeding: Promise<void> | undefined;
      for await (const item of provider.listen(live!.request)) {
        await assertFits(ID, "listen", "item", item);
        if (items.length === 0) assert.equal(item.type, "ready", "it says first how it is told");
        items.push(item);
        if (item.type === "ready") feeding = feed(provider, item.id, live!.pieces);
      }
      await feeding;
      assert.equal(ofType(items, "end").length, 1);
      assertSegments(items);
      assert.match(said(items), says);
    },
    "live",
  ),
  one(
    "hears nothing for a listen that there is not",
    async (provider) => {
      const { code } = await assertCodedFailure(provider.hear({ id: "__proto__", base64: "AAAA" }));
      assert.equal(code, "PLINTH_MODEL_LISTEN");
    },
    "live",
  ),
];

async function feed(provider: Transcription, id: string, pieces: readonly Uint8Array[]): Promise<void> {
  for (const [at, piece] of pieces.entries()) {
    const last = at === pieces.length - 1 ? { last: true } : {};
    await assertFits(ID, "hear", "output", await provider.hear({ id, base64: Buffer.from(piece).toString("base64"), ...last }));
  }
}
