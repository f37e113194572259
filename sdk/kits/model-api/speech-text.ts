import type { SpeechRequest } from "../../extension/index.ts";
import { wellFormed } from "./well-formed.ts";

const CHARACTERS = 4_096;

export interface PartToSay {
  readonly text: string;
  readonly voice: string;
}

/** What is asked for at once: lines of one voice together, as long as the server takes them, cut where a sentence or a word ends. */
export function partsToSay(lines: SpeechRequest["lines"], most = CHARACTERS, usual: string): PartToSay[] {
  const parts: { text: string; voice: string }[] = [];
  for (const { text, voice = usual } of lines) {
    const last = parts.at(-1);
    if (last?.voice === voice) last.text += `\n${text}`;
    else parts.push({ text, voice });
  }
  return parts.flatMap(({ text, voice }) => [...cutToSay(wellFormed(text), most)].map((piece) => ({ text: piece, voice })));
}

/** A text in pieces of at most so many characters, cut where a sentence or a word ends; of white space alone one that is empty. */
export function* cutToSay(text: string, most: number): Generator<string> {
  let rest = text.trim();
  while (rest.length > most) {
    const head = rest.slice(0, most);
    const sentence = Math.max(...[". ", "! ", "? ", "\n", "。"].map((end) => head.lastIndexOf(end)));
    const at = sentence > most / 2 ? sentence + 1 : head.lastIndexOf(" ") > 0 ? head.lastIndexOf(" ") : most;
    yield wellFormed(rest.slice(0, at)).trim();
    rest = rest.slice(at).trim();
  }
  yield rest;
}
