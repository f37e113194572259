import type { ModelMessage } from "@plinth/sdk";
import { type Line, linesOf } from "./lines.ts";
import { Pace } from "./pace.ts";
import type { Entry } from "./request.ts";

const LONGEST = 240;

/** Words of what is to be done at another time; in the languages that most people write here. */
const LATER =
  /\b(?:to-?do|later|remind|remember|don'?t forget|tomorrow|next (?:time|week|month)|not yet|pending|waiting for|sp[äa]ter|erinner\w*|merk\w*|vergiss|morgen|n[äa]chste\w*|noch nicht|offen\w*|plus tard|rappelle\w*|n'oublie|demain|m[áa]s tarde|recu[ée]rda\w*|ma[ñn]ana)\b/iu;

/**
 * What was asked for before `until` and may not be done yet, oldest first: what got no answer, and what is for another time. An answer may
 * stand behind it.
 */
export async function asksIn(history: readonly Entry[], until: number): Promise<Line[]> {
  const asks: Line[] = [];
  const pace = new Pace();
  for (const [at, { message }] of history.slice(0, until).entries()) {
    if (message.role !== "user") continue;
    await pace.step();
    const open = !answered(history, at);
    for (const line of linesOf(message)) {
      const wanted = open
        ? line.text
        : sentencesIn(line.text)
            .filter((one) => LATER.test(one))
            .join(" ");
      const text = oneLine(wanted);
      if (text !== "") asks.push({ ...line, text });
    }
  }
  return asks;
}

function answered(history: readonly Entry[], at: number): boolean {
  for (let next = at + 1; next < history.length; next++) {
    const message = history[next]?.message as ModelMessage;
    if (message.role === "user") return false;
    if (message.role === "assistant" && message.content.some((part) => part.type === "text" && part.text.trim() !== "")) return true;
  }
  return false;
}

/** A list has one line for each: what stands in it cannot begin another. */
export function oneLine(text: string, most = LONGEST): string {
  const line = text.replaceAll(/\s+/gu, " ").trim();
  return line.length <= most
    ? line
    : `${line
        .slice(0, most - 1)
        .trimEnd()
        .toWellFormed()}…`;
}

const END = /(?<=[.!?。！？])\s+|\n+/u;
const HEAD_CHARS = 6_000;
const TAIL_CHARS = 2_000;

/** Of a long text those at its beginning and its end. */
export function sentencesIn(text: string): string[] {
  const ends = text.length <= HEAD_CHARS + TAIL_CHARS ? text : `${text.slice(0, HEAD_CHARS)}\n${text.slice(-TAIL_CHARS)}`;
  return ends
    .split(END)
    .map((one) => one.trim())
    .filter((one) => one !== "");
}
