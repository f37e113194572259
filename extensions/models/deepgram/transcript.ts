import type { Segment, TranscriptionItem } from "@plinth/sdk";
import { failure } from "@plinth/sdk/kits/model-api";

const MOST = 100_000;
const rowsOf = (value: unknown): any[] => (Array.isArray(value) ? value.slice(0, MOST) : []);
const isSecond = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value) && value >= 0;
const isPart = (value: unknown): value is number => isSecond(value) && value <= 1;

/** The items of a transcript: its utterances, or where it has none, what was said on each channel. */
export function* transcriptIn(answer: any, title: string): Generator<TranscriptionItem> {
  const channels = rowsOf(answer?.results?.channels);
  const said = channels.map((channel) => channel?.alternatives?.[0]);
  if (said.length === 0 || said.some((one) => typeof one?.transcript !== "string"))
    throw failure("STREAM", `${title} answered without a transcript.`, { details: { retryable: false } });
  const many = channels.length > 1;
  const utterances = rowsOf(answer.results.utterances);
  const segments =
    utterances.length > 0 ? utterances.flatMap((row) => segmentOf(row, many)) : said.flatMap((one, at) => wholeOf(one, many ? at : undefined));
  segments.sort((a, b) => (a.start ?? 0) - (b.start ?? 0));
  for (const segment of segments) yield { type: "segment", segment };
  const seconds = answer.metadata?.duration;
  if (isSecond(seconds)) yield { type: "usage", usage: { seconds } };
  const language = channels[0].detected_language;
  yield {
    type: "end",
    text: said.map(({ transcript }) => transcript.trim()).join("\n"),
    ...(typeof language === "string" && /^[A-Za-z]{2,3}(-\w+)*$/.test(language) ? { language } : {}),
    ...(isSecond(seconds) ? { seconds } : {}),
  };
}

function segmentOf(row: any, many: boolean): Segment[] {
  if (typeof row?.transcript !== "string") return [];
  return [
    {
      text: row.transcript.trim(),
      ...(isSecond(row.start) ? { start: row.start } : {}),
      ...(isSecond(row.end) ? { end: row.end } : {}),
      ...(many && Number.isInteger(row.channel) ? { channel: row.channel } : {}),
      ...who(row),
      ...(isPart(row.confidence) ? { confidence: row.confidence } : {}),
      words: wordsIn(row.words),
    },
  ];
}

function wholeOf({ transcript, words, confidence }: any, channel: number | undefined): Segment[] {
  if (transcript.trim() === "") return [];
  const all = wordsIn(words);
  const times = all.length === 0 ? {} : { start: all[0]!.start, end: all.at(-1)!.end };
  const known = isPart(confidence) ? { confidence } : {};
  return [{ text: transcript.trim(), ...times, ...(channel === undefined ? {} : { channel }), ...known, words: all }];
}

const wordsIn = (words: unknown): NonNullable<Segment["words"]> =>
  rowsOf(words).flatMap((row) => {
    const text = row?.punctuated_word ?? row?.word;
    if (typeof text !== "string" || !isSecond(row.start) || !isSecond(row.end)) return [];
    return [{ text, start: row.start, end: row.end, ...who(row), ...(isPart(row.confidence) ? { confidence: row.confidence } : {}) }];
  });

const who = ({ speaker }: any) => (Number.isInteger(speaker) ? { speaker: String(speaker) } : {});
