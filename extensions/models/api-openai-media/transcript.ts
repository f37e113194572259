import type { MeteredUsage, Segment, TranscriptionItem } from "@plinth/sdk";
import { failure } from "@plinth/sdk/kits/model-api";

type Word = NonNullable<Segment["words"]>[number];

/** The items of a whole transcript: `{text}`, or with segments, words and speakers where they were asked for. */
export function* transcriptIn(answer: any, title: string): Generator<TranscriptionItem> {
  if (typeof answer?.text !== "string") throw failure("STREAM", `${title} answered without a transcript.`, { details: { retryable: false } });
  const words = rowsOf(answer.words).flatMap(wordOf);
  // Together tells who speaks in a list of its own.
  const rows = rowsOf(answer.speaker_segments ?? answer.segments);
  const segments = rows.flatMap((row) => segmentOf(row));
  if (segments.length === 0 && words.length > 0) segments.push({ text: answer.text.trim(), start: words[0]!.start, end: words.at(-1)!.end });
  segments.sort((a, b) => (a.start ?? 0) - (b.start ?? 0));
  for (const [at, segment] of segments.entries()) {
    const until = segments[at + 1]?.start ?? Number.POSITIVE_INFINITY;
    const own = words.filter(({ start }) => start < until && (at === 0 || start >= (segment.start ?? 0)));
    yield { type: "segment", segment: own.length > 0 && segment.words === undefined ? { ...segment, words: own } : segment };
  }
  const usage = usageIn(answer);
  if (usage !== undefined) yield { type: "usage", usage };
  const { language, duration } = answer;
  yield {
    type: "end",
    text: answer.text.trim(),
    ...(typeof language === "string" && /^[A-Za-z]{2,3}(-\w+)*$/.test(language) ? { language } : {}),
    ...(isSecond(duration) ? { seconds: duration } : {}),
  };
}

/** Tokens, or seconds; some servers tell only how long the recording is. */
export function usageIn({ usage, duration }: any): MeteredUsage | undefined {
  if (Number.isInteger(usage?.input_tokens) && Number.isInteger(usage?.output_tokens))
    return { inputTokens: usage.input_tokens, outputTokens: usage.output_tokens };
  const seconds = [usage?.seconds, usage?.prompt_audio_seconds, duration].find(isSecond);
  return seconds === undefined ? undefined : { seconds };
}

const isSecond = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value) && value >= 0;
const rowsOf = (value: unknown): any[] => (Array.isArray(value) ? value.slice(0, 100_000) : []);

function segmentOf(row: any): Segment[] {
  if (typeof row?.text !== "string") return [];
  const speaker = row.speaker ?? row.speaker_id;
  const words = rowsOf(row.words).flatMap(wordOf);
  return [
    {
      text: row.text.trim(),
      ...(isSecond(row.start) ? { start: row.start } : {}),
      ...(isSecond(row.end) ? { end: row.end } : {}),
      ...(typeof speaker === "string" ? { speaker: speaker.slice(0, 128) } : {}),
      ...(words.length > 0 ? { words } : {}),
    },
  ];
}

function wordOf(row: any): Word[] {
  const text = row?.word ?? row?.text;
  return typeof text === "string" && isSecond(row.start) && isSecond(row.end) ? [{ text: text.trim(), start: row.start, end: row.end }] : [];
}
