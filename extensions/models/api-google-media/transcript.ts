import type { TranscriptionItem } from "@plinth/sdk";
import { type Made, textOf } from "./content.ts";

type Segment = Extract<TranscriptionItem, { type: "segment" }>["segment"];
type Word = NonNullable<Segment["words"]>[number];

const MOST_WORDS = 100_000;
const TAG = /^[A-Za-z]{2,3}(-\w+)*$/;

/** What is said, by whom and when, as far as it was asked for: https://ai.google.dev/gemini-api/docs/generate-content/transcribe */
export function* transcriptIn(made: Made): Generator<TranscriptionItem> {
  const segments = made.parts.flatMap(({ audioTranscription }) => segmentOf(audioTranscription));
  const said = textOf(made) || segments.map(({ text }) => text).join(" ");
  if (segments.length === 0 && said !== "") yield { type: "segment", segment: { text: said } };
  for (const segment of segments) yield { type: "segment", segment };
  if (Object.keys(made.usage).length > 0) yield { type: "usage", usage: made.usage };
  const language = segments.find((one) => one.language !== undefined)?.language;
  yield { type: "end", text: said, ...(language === undefined ? {} : { language }) };
}

function segmentOf(value: any): Segment[] {
  const words = (Array.isArray(value?.words) ? value.words.slice(0, MOST_WORDS) : []).flatMap(wordOf) as Word[];
  const text = typeof value?.text === "string" && value.text.trim() !== "" ? value.text.trim() : words.map((one) => one.text).join(" ");
  if (text === "") return [];
  const [start, end] = [secondsOf(value.startOffset) ?? words[0]?.start, secondsOf(value.endOffset) ?? words.at(-1)?.end];
  const { speakerLabel, languageCode } = value;
  return [
    {
      text,
      ...(start === undefined ? {} : { start }),
      ...(end === undefined ? {} : { end }),
      ...(typeof speakerLabel === "string" && speakerLabel !== "" ? { speaker: speakerLabel.slice(0, 128) } : {}),
      ...(typeof languageCode === "string" && TAG.test(languageCode) ? { language: languageCode } : {}),
      ...(words.length > 0 ? { words } : {}),
    },
  ];
}

function wordOf(value: any): Word[] {
  const [start, end] = [secondsOf(value?.startOffset), secondsOf(value?.endOffset)];
  return typeof value?.word === "string" && start !== undefined && end !== undefined ? [{ text: value.word.trim(), start, end }] : [];
}

/** `0.450s` */
function secondsOf(offset: unknown): number | undefined {
  const seconds = typeof offset === "string" ? /^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(offset)?.[1] : undefined;
  return seconds === undefined ? undefined : Number(seconds);
}
