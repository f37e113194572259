import assert from "node:assert/strict";
import type { Client, UnderstandingItem, UnderstandingRequest } from "../../extension/index.ts";
import { type ConformanceCase, withOpened } from "./case.ts";
import { ofType, type PurposeSubject, purposeCases, streamCases, streamed } from "./model-purpose.ts";

const ID = "plinth.media-understanding";
type Understanding = Client<"plinth.media-understanding">;

export interface MediaUnderstandingSubject extends PurposeSubject<Understanding, UnderstandingRequest> {
  /** Found in what is said about the media of `good`. */
  says: RegExp;
  /** A request whose answer fits the schema in its `output`. */
  structured?: UnderstandingRequest;
}

async function understood(provider: Understanding, request: UnderstandingRequest, options?: { signal?: AbortSignal }): Promise<UnderstandingItem[]> {
  const items = await streamed(ID, "understand", provider.understand(request, options));
  const shown = ofType(items, "text")
    .map(({ delta }) => delta)
    .join("");
  if (shown !== "") assert.equal(shown, textOf(items), "what came in pieces is what stands at the end");
  for (const { media, start = 0, end = start } of ofType(items, "moment")) {
    assert.ok(media < request.media.length, "a moment is of something that was asked about");
    assert.ok(end >= start);
  }
  return items;
}

const textOf = (items: readonly UnderstandingItem[]): string => {
  const last = items.at(-1);
  return last?.type === "end" ? last.text : "";
};

/** What `plinth.media-understanding` asks of every provider. */
export const mediaUnderstandingConformance: readonly ConformanceCase<MediaUnderstandingSubject>[] = [
  ...purposeCases<Understanding, UnderstandingRequest, MediaUnderstandingSubject>({ contract: ID, ask: understood }),
  ...streamCases<Understanding, UnderstandingRequest, MediaUnderstandingSubject>((provider, request, options) =>
    provider.understand(request, options),
  ),
  {
    name: "says what there is, all of it at the end",
    run: ({ open, good, says }) =>
      withOpened(open, async ({ provider }) => {
        assert.match(textOf(await understood(provider, good)), says);
      }),
  },
  {
    name: "answers in the form that is asked for",
    needs: ["structured"],
    run: ({ open, structured }) =>
      withOpened(open, async ({ provider }) => {
        assert.equal(typeof JSON.parse(textOf(await understood(provider, structured!))), "object");
      }),
  },
];
