import type { ChannelLimits } from "@plinth/manifests";

export type Unit = ChannelLimits["unit"];

/** How long a text is, in a channel's own unit. */
export function measure(text: string, unit: Unit): number {
  if (unit === "utf16") return text.length;
  let size = 0;
  for (let at = 0; at < text.length; ) {
    const width = widthAt(text, at);
    size += unit === "characters" ? 1 : bytesAt(text, at);
    at += width;
  }
  return size;
}

/** How many UTF-16 units of a text fit into `room`; never half a code point. */
export function fitting(text: string, room: number, unit: Unit): number {
  let left = room;
  let at = 0;
  while (at < text.length) {
    const width = widthAt(text, at);
    left -= unit === "utf16" ? width : unit === "characters" ? 1 : bytesAt(text, at);
    if (left < 0) break;
    at += width;
  }
  return at;
}

const widthAt = (text: string, at: number): number => ((text.codePointAt(at) as number) > 0xffff ? 2 : 1);

function bytesAt(text: string, at: number): number {
  const code = text.codePointAt(at) as number;
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

const JOINS = /^(?:\p{M}|\u200d|[\u{1f3fb}-\u{1f3ff}])$/u;
const segmenter = typeof Intl === "object" && "Segmenter" in Intl ? new Intl.Segmenter(undefined, { granularity: "grapheme" }) : undefined;

/** The last place at or before `at` where what a reader sees as one character ends. */
export function graphemeEnd(text: string, at: number): number {
  if (at <= 0 || at >= text.length) return Math.max(0, Math.min(at, text.length));
  if (segmenter !== undefined) return segmenter.segment(text).containing(at)?.index ?? at;
  let end = at;
  while (end > 0 && (isLow(text, end) || JOINS.test(String.fromCodePoint(text.codePointAt(end) as number)) || text[end - 1] === "\u200d")) end--;
  return end;
}

const isLow = (text: string, at: number): boolean => (text.charCodeAt(at) & 0xfc00) === 0xdc00;
