import type { Segment, TranscriptionItem } from "@plinth/sdk";
import { failure } from "@plinth/sdk/kits/model-api";

type Word = NonNullable<Segment["words"]>[number];

const MOST_WORDS = 200_000;
/** A sentence ends here, or after so many words. */
const ENDS = /[.!?。！？…]["'»”)]*$/;
const LONGEST = 60;

/** The items of a transcript: one, or one for each channel under `transcripts`. */
export function* transcriptIn(answer: any, title: string): Generator<TranscriptionItem> {
  const parts: any[] = Array.isArray(answer?.transcripts) ? answer.transcripts.slice(0, 16) : [answer];
  if (parts.length === 0 || parts.some((one) => typeof one?.text !== "string"))
    throw failure("STREAM", `${title} answered without a transcript.`, { details: { retryable: false } });
  const many = parts.length > 1;
  const segments = parts.flatMap((part, at) => segmentsOf(part, many ? channelOf(part, at) : undefined));
  segments.sort((a, b) => (a.start ?? 0) - (b.start ?? 0));
  for (const segment of segments) yield { type: "segment", segment };
  const seconds = [answer.audio_duration_secs, ...parts.map((part) => part.audio_duration_secs)].find(isSecond);
  if (seconds !== undefined) yield { type: "usage", usage: { seconds } };
  const language = parts[0].language_code;
  yield {
    type: "end",
    text: parts.map(({ text }) => text.trim()).join("\n"),
    ...(typeof language === "string" && /^[A-Za-z]{2,3}(-\w+)*$/.test(language) ? { language } : {}),
    ...(seconds === undefined ? {} : { seconds }),
  };
}

const isSecond = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value) && value >= 0;
const channelOf = ({ channel_index: channel }: any, at: number): number => (Number.isInteger(channel) && channel >= 0 ? channel : at);

/** A sentence, or what one speaker says of it. Spaces and sounds stand between words, and have no place among them. */
function segmentsOf({ words, text }: any, channel: number | undefined): Segment[] {
  const placed = channel === undefined ? {} : { channel };
  const segments: (Segment & { words: Word[] })[] = [];
  let open: (Segment & { words: Word[] }) | undefined;
  for (const row of (Array.isArray(words) ? words : []).slice(0, MOST_WORDS) as any[]) {
    if (typeof row?.text !== "string") continue;
    const speaker = typeof row.speaker_id === "string" ? { speaker: row.speaker_id.slice(0, 128) } : {};
    if (row.type !== "word") {
      if (open !== undefined) open.text += row.text;
      continue;
    }
    if (!isSecond(row.start) || !isSecond(row.end)) continue;
    const full = open === undefined || open.words.length >= LONGEST || ENDS.test(open.words.at(-1)!.text) || open.speaker !== speaker.speaker;
    if (full) {
      open = { text: "", start: row.start, end: row.end, ...speaker, ...placed, words: [] };
      segments.push(open);
    }
    open!.text += row.text;
    open!.end = Math.max(open!.end!, row.end);
    open!.words.push({ text: row.text, start: row.start, end: row.end, ...speaker, ...sure(row.logprob) });
  }
  for (const segment of segments) segment.text = segment.text.trim();
  return segments.length > 0 || text.trim() === "" ? segments : [{ text: text.trim(), ...placed }];
}

const sure = (logprob: unknown) => (typeof logprob === "number" && logprob <= 0 ? { confidence: Number(Math.exp(logprob).toFixed(4)) } : {});
