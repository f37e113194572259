import type { TranscriptionItem } from "@plinth/sdk";
import { failure, isAmount } from "@plinth/sdk/kits/model-api";

type Segment = Extract<TranscriptionItem, { type: "segment" }>["segment"];
interface Unit {
  text: string;
  start: number;
  end: number;
  speaker?: string;
}

const MOST = 100_000;
/** A silence so long begins a segment, in seconds. */
const PAUSE = 1;
/** Writing without spaces between words. */
const DENSE = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}]$/u;

/** Of `verbose_json`: who says what, when. @param words whether its segments are words */
export function* transcriptIn(answer: any, words: boolean, title: string): Generator<TranscriptionItem> {
  const { text, duration, segments } = answer ?? {};
  if (typeof text !== "string") throw failure("STREAM", `${title} sent no transcript.`, { details: { retryable: false } });
  const units = (Array.isArray(segments) ? segments.slice(0, MOST) : []).flatMap(unitOf);
  for (const segment of words ? grouped(units) : units) yield { type: "segment", segment };
  if (units.length === 0 && text.trim() !== "") yield { type: "segment", segment: { text: text.trim() } };
  const known = isAmount(duration);
  if (known) yield { type: "usage", usage: { seconds: duration } };
  yield { type: "end", text: text.trim(), ...(known ? { seconds: duration } : {}) };
}

function unitOf(row: any): Unit[] {
  const { text, start, end, speaker } = row ?? {};
  if (typeof text !== "string" || text.trim() === "" || ![start, end].every(isAmount)) return [];
  const who = typeof speaker === "string" || typeof speaker === "number" ? String(speaker).slice(0, 128) : "";
  return [{ text: text.trim(), start, end: Math.max(start, end), ...(who === "" ? {} : { speaker: who }) }];
}

/** Words of one speaker without a pause between them are one segment. */
function grouped(units: readonly Unit[]): Segment[] {
  const segments: (Segment & { words: NonNullable<Segment["words"]>; end: number })[] = [];
  for (const { text, start, end, speaker } of units) {
    const word = { text, start, end };
    const last = segments.at(-1);
    if (last === undefined || last.speaker !== speaker || start - last.end > PAUSE) {
      segments.push({ text, start, end, ...(speaker === undefined ? {} : { speaker }), words: [word] });
      continue;
    }
    last.text += DENSE.test(last.text) ? text : ` ${text}`;
    last.end = end;
    last.words.push(word);
  }
  return segments;
}
