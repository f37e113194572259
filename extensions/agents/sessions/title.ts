import { handsIn, type MessageOrigin, type ModelMessage, saidBy, textOf, visible } from "@plinth/sdk";

const MOST = 60;
const MOST_OF_WHO = 20;
/** What is looked at: a title comes from the beginning. */
const READ = 2_000;
const COMMAND = /^\/[a-z][a-z0-9-]{0,31}(?:\s|$)/i;
const SENTENCE = /^.*?(?:[.!?…]+["'”’)\]]*(?=\s+\P{Ll}|\s*$)|[。！？])/u;

/**
 * A conversation's title, made of its first message without any model: the first sentence, without markup, at most 60
 * characters, cut at a word's end. Where others than the owner had a hand in the message, the title begins with who.
 * Undefined where there are no words to take: a command, a picture, what the host itself says.
 */
export function titleFrom({ content }: ModelMessage, origin: MessageOrigin): string | undefined {
  if (origin.by === "system") return undefined;
  const text = textOf(content).slice(0, READ).trim();
  if (COMMAND.test(text)) return undefined;
  const words = firstLine(visible(withoutMarkup(text), { layout: true, max: READ }));
  if (!/[\p{L}\p{N}]/u.test(words)) return undefined;
  const who = origin.by === "owner" ? handsIn(origin) : saidBy(origin);
  if (who === undefined) return cut(sentence(words), MOST);
  const mark = `[${cut(visible(who, { max: 200 }).replaceAll(/[[\]]/g, ""), MOST_OF_WHO)}] `;
  return mark + cut(sentence(words), MOST - mark.length);
}

/** Of code there is only what stands in it, of a link what it is called. */
function withoutMarkup(text: string): string {
  return text
    .replaceAll(/^[ \t]*(?:```|~~~).*$/gm, "")
    .replaceAll(/<!--[\s\S]*?(?:-->|$)/g, "")
    .replaceAll(/<\/?[a-z][^<>]*>/gi, "")
    .replaceAll(/!?\[([^[\]]*)\]\([^()\s]*\)/g, "$1")
    .replaceAll(/^[ \t]*(?:>[ \t]*)*(?:#{1,6}[ \t]+|[-*+][ \t]+|\d{1,3}[.)][ \t]+)?/gm, "")
    .replaceAll(/\*\*|__|~~|`/g, "")
    .replaceAll(/(?<![\p{L}\p{N}])[*_](?=\S)|(?<=\S)[*_](?![\p{L}\p{N}])/gu, "");
}

function firstLine(text: string): string {
  const lines = text.split("\n").map((line) => line.replaceAll(/\s+/g, " ").trim());
  return lines.find((line) => /[\p{L}\p{N}]/u.test(line)) ?? "";
}

/** Its full stop is no part of a title; what asks or calls out stays. */
function sentence(line: string): string {
  const first = SENTENCE.exec(line)?.[0] ?? line;
  return first.replace(/(?<![.…])[.。]$/u, "");
}

function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const room = text.slice(0, most - 1);
  // A cut that falls on a word's end keeps the word.
  const end = /\s/.test(text.charAt(most - 1)) ? room.length : room.search(/\s\S*$/);
  // Where there is none, as in Chinese or in an address, at least no character is halved.
  const kept = end > 0 ? room.slice(0, end) : room.replace(/[\ud800-\udbff]$/, "");
  return `${kept.replace(/(?:\u200d|[\s,;:–—-])+$/u, "")}…`;
}
