import type { ChannelLimits } from "@plinth/manifests";
import { type Fence, fenceAfter, isFenceLine } from "./fence.ts";
import { fitting, graphemeEnd, measure } from "./measure.ts";

export type TextLimit = Pick<ChannelLimits, "text" | "unit">;

/** A place for a cut counts as good when it leaves a piece of at least this share of what fits. */
const PARAGRAPH = 0.5;
const OTHER = 0.3;
/** How much behind a place may still belong to the character before it. */
const AHEAD = 64;

/**
 * Cut Markdown into pieces that a channel takes, at the best places there are: between paragraphs, lines, words. No
 * character that a reader sees as one is cut, unless it is longer than a whole piece. A block of code that has to be cut
 * is closed, and opened again in the next piece. White space at a cut is dropped.
 */
export function chunkText(text: string, limit: TextLimit): string[] {
  const pieces: string[] = [];
  let rest = text;
  let open: Fence | undefined;
  let isFenced = true;
  while (rest !== "") {
    const cut = isFenced ? nextPiece(rest, open, limit) : nextPlain(rest, limit);
    if (cut === undefined) {
      // A fence that leaves no room for what is in it: from here on, it is text like any other.
      isFenced = false;
      open = undefined;
      continue;
    }
    if (cut.piece.trim() !== "") pieces.push(cut.piece);
    rest = cut.rest;
    open = cut.open;
  }
  return pieces;
}

interface Cut {
  piece: string;
  rest: string;
  open: Fence | undefined;
}

function nextPiece(rest: string, open: Fence | undefined, { text: limit, unit }: TextLimit): Cut | undefined {
  const prefix = open === undefined ? "" : `${open.line}\n`;
  const room = limit - measure(prefix, unit);
  if (fitting(rest, room, unit) === rest.length) {
    const left = fenceAfter(rest, open);
    // What the author left open stays so, unless there is room to close it.
    const closer = left === undefined ? "" : `${rest.endsWith("\n") ? "" : "\n"}${left.marker}`;
    const isRoom = fitting(rest + closer, room, unit) === (rest + closer).length;
    return { piece: prefix + rest + (isRoom ? closer : ""), rest: "", open: undefined };
  }
  let reserve = 0;
  for (let tries = 0; tries < 8; tries++) {
    const at = cutAt(rest, open, room - reserve, unit);
    if (at === undefined) return undefined;
    const state = fenceAfter(rest.slice(0, at), open);
    const head = rest.slice(0, at);
    const closer = state === undefined ? "" : `${head.endsWith("\n") ? "" : "\n"}${state.marker}`;
    if (measure(closer, unit) > reserve) {
      reserve = measure(closer, unit);
      continue;
    }
    if (state === undefined) return { piece: prefix + head.trimEnd(), rest: withoutBreak(head, rest.slice(at)), open: undefined };
    return { piece: prefix + head + closer, rest: rest.slice(at), open: state };
  }
  return undefined;
}

function nextPlain(rest: string, { text: limit, unit }: TextLimit): Cut {
  const most = fitting(rest, limit, unit);
  // Not even one code point fits: it goes out alone.
  if (most === 0) {
    const width = String.fromCodePoint(rest.codePointAt(0) as number).length;
    return { piece: rest.slice(0, width), rest: rest.slice(width), open: undefined };
  }
  if (most === rest.length) return { piece: rest, rest: "", open: undefined };
  const at = niceCut(rest, most);
  const head = rest.slice(0, at);
  return { piece: head.trimEnd(), rest: withoutBreak(head, rest.slice(at)), open: undefined };
}

/** Where to cut so that at most `room` goes before; undefined where fences leave no place. */
function cutAt(rest: string, open: Fence | undefined, room: number, unit: TextLimit["unit"]): number | undefined {
  const most = fitting(rest, room, unit);
  if (most <= 0) return undefined;
  const within = fenceAfter(rest.slice(0, most), open);
  let at = within === undefined ? niceCut(rest, most) : lineCut(rest, most);
  // A line that opens or closes a block is not cut, nor is anything put behind it.
  const lineStart = rest.lastIndexOf("\n", at - 1) + 1;
  if (rest[at - 1] !== "\n" && isFenceLine(lineOf(rest, lineStart))) at = lineStart;
  if (at === 0) return undefined;
  const state = fenceAfter(rest.slice(0, at), open);
  if (state === undefined || state.from < 0) return at;
  const isEmpty = rest.slice(state.from, at).trim() === state.line.trim();
  if (state.from > 0 && (isEmpty || state.from >= at * OTHER)) return state.from;
  return isEmpty ? undefined : at;
}

const lineOf = (text: string, from: number): string => {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.slice(from) : text.slice(from, end);
};

function niceCut(text: string, most: number): number {
  const head = text.slice(0, most);
  const paragraph = head.lastIndexOf("\n\n");
  if (paragraph > 0 && paragraph >= most * PARAGRAPH) return paragraph + 2;
  const line = text[most] === "\n" ? most : head.lastIndexOf("\n") + 1;
  if (line > 0 && line >= most * OTHER) return line;
  const space = text[most] === " " ? most : head.lastIndexOf(" ") + 1;
  if (space > 0 && space >= most * OTHER && graphemeEnd(around(text, space), space) === space) return space;
  return characterCut(text, most);
}

function lineCut(text: string, most: number): number {
  const line = text[most] === "\n" ? most : text.lastIndexOf("\n", most - 1) + 1;
  return line > 0 && line >= most * OTHER ? line : characterCut(text, most);
}

function characterCut(text: string, most: number): number {
  return graphemeEnd(around(text, most), most) || most;
}

const around = (text: string, at: number): string => text.slice(0, at + AHEAD);

/** The line breaks, or else the one space, that the cut stands for. What a line is indented by is kept. */
const withoutBreak = (head: string, rest: string): string => rest.replace(/\s$/.test(head) ? /^(?: *\n)+/ : /^(?:(?: *\n)+| )/, "");
