import { type InboundItem, visible } from "@plinth/sdk";
import { contentText, typedCommand } from "@plinth/sdk/kits/channel";

/** Longer texts are not taken. */
export const MOST_CHARS = 200_000;
const EXCERPT_CHARS = 500;

/** What an item says to an agent; undefined where it is not for one. @param commands names of the slash commands there are. */
export function wordsOf(item: InboundItem, commands: readonly string[]): string | undefined {
  switch (item.kind) {
    case "message": {
      const text = contentText(item.content).trim();
      const forwarded = item.forwardedFrom === undefined ? "" : `[Forwarded from ${oneLine(item.forwardedFrom, 100)}]\n`;
      const through = item.viaBot === undefined ? "" : `[Through the bot ${oneLine(item.viaBot, 100)}]\n`;
      // What somebody else wrote gives no command, whoever passes it on.
      if (forwarded === "" && through === "" && isCommand(text)) return text;
      const { excerpt = "", sender } = item.replyTo ?? {};
      const quoted = excerpt.trim() === "" ? "" : `[In answer to ${nameOf(sender)}: ${oneLine(excerpt, EXCERPT_CHARS)}]\n`;
      return `${forwarded}${through}${quoted}${text}`;
    }
    case "command":
      return typedCommand(item.name, item.args, commands);
    case "location":
      return `[Location: ${item.latitude}, ${item.longitude}${item.title === undefined ? "" : ` (${oneLine(item.title, 200)})`}]`;
    default:
      return undefined;
  }
}

/**
 * How somebody besides its sender has words in what an item says to an agent; undefined where nobody has. A quotation of
 * the sender's own, or of the account's own, is none: the conversation holds it already, with whoever had a hand in it.
 */
export function othersIn(item: InboundItem): string | undefined {
  if (item.kind === "location") return item.title === undefined ? undefined : "named a place in it";
  if (item.kind !== "message") return undefined;
  if (item.forwardedFrom !== undefined) return "was forwarded in it";
  if (item.viaBot !== undefined) return "came into it through a bot";
  const { excerpt = "", sender } = item.replyTo ?? {};
  if (excerpt.trim() === "" || isCommand(contentText(item.content).trim())) return undefined;
  const isOwn = sender?.self === true || (sender !== undefined && sender.id === item.sender?.id);
  return isOwn ? undefined : "is quoted in it";
}

/** Several items as one message. In a group, who says what is told: an agent hears more than one voice there. */
export function together(items: readonly InboundItem[], commands: readonly string[]): string {
  const texts = items.map((item) => ({ item, text: wordsOf(item, commands) ?? "" })).filter(({ text }) => text !== "");
  const [only] = texts;
  if (texts.length === 1 && only !== undefined && isCommand(only.text)) return only.text;
  const [first] = items;
  const said = texts.map(({ text }) => text).join("\n");
  return first === undefined || first.address.peer.kind === "person" ? said : `${nameOf(first.sender)}: ${said}`;
}

export const isCommand = (text: string): boolean => /^\/[a-z][a-z0-9-]{0,31}(?:\s|$)/i.test(text);

/** A name as one word or two, in which nothing is markup: anybody can call themselves anything. */
const nameOf = (sender: InboundItem["sender"]): string =>
  oneLine(sender?.name ?? sender?.handle ?? sender?.id ?? "somebody", 80).replaceAll(/[[\]:]/g, "·");

const oneLine = (text: string, max: number): string => visible(text.replaceAll(/\s+/g, " ").replaceAll("]", ")"), { max });
