import type { FetchResponse, SpeechRequest } from "@plinth/sdk";
import { type Exchange, jsonLines, type SpokenTiming, SpokenWords, soundBytes } from "@plinth/sdk/kits/model-api";

interface Alignment {
  characters: string[];
  character_start_times_seconds: number[];
  character_end_times_seconds: number[];
}

/**
 * Sound with the time of each character, as JSON in lines
 * (https://elevenlabs.io/docs/api-reference/text-to-speech/stream-with-timestamps). Words are told, in the lines where they stand.
 */
export function heard(exchange: Exchange, title: string, lines: SpeechRequest["lines"]) {
  const words = new SpokenWords(lines);
  /** What was heard before this answer, in seconds. */
  let earlier = 0;
  return async function* read(response: FetchResponse): AsyncGenerator<Uint8Array | SpokenTiming> {
    const clock = new Clock(earlier);
    for await (const { audio_base64: audio, alignment } of jsonLines(exchange, response, title)) {
      if (typeof audio === "string" && audio !== "") yield soundBytes(audio, title);
      for (const [word, start, end] of clock.words(alignment)) {
        const timing = words.place(word, start, end);
        if (timing !== undefined) yield timing;
      }
    }
    for (const [word, start, end] of clock.rest()) {
      const timing = words.place(word, start, end);
      if (timing !== undefined) yield timing;
    }
    earlier = clock.last;
  };
}

type Word = [text: string, start: number, end: number];

/** Makes words of characters, which may come in pieces that are cut anywhere. */
class Clock {
  last: number;
  #base: number;
  #word: Word | undefined;

  constructor(base: number) {
    this.last = base;
    this.#base = base;
  }

  *words(alignment: unknown): Generator<Word> {
    const { characters = [], character_start_times_seconds: starts = [], character_end_times_seconds: ends = [] } = (alignment ?? {}) as Alignment;
    if (![characters, starts, ends].every(Array.isArray)) return;
    // Where a piece counts anew, it goes on from the one before.
    if (this.#base + Number(starts[0]) < this.last - 0.5) this.#base = this.last;
    for (const [at, character] of characters.entries()) {
      const [start, end] = [this.#base + Number(starts[at]), this.#base + Number(ends[at])];
      if (typeof character !== "string" || !Number.isFinite(start) || !Number.isFinite(end)) continue;
      this.last = Math.max(this.last, end);
      if (/^\s*$/.test(character)) yield* this.rest();
      else this.#word = this.#word === undefined ? [character, start, end] : [this.#word[0] + character, this.#word[1], end];
    }
  }

  /** The word that has no end yet. */
  *rest(): Generator<Word> {
    if (this.#word !== undefined) yield this.#word;
    this.#word = undefined;
  }
}
