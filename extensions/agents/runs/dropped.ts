import { type ContentPart, type TurnEvent, textOf, visible } from "@plinth/sdk";

const MOST_LINES = 50;
const MOST_CHARS = 160;

/** What stands for the messages that were dropped, as said by whoever said them. */
export function summaryOf(lines: readonly string[]): ContentPart[] {
  const shown = lines.slice(0, MOST_LINES).map((one) => `- ${one}`);
  const more = lines.length - shown.length;
  const first = `While you were busy I said more than could wait. Of ${lines.length === 1 ? "one message this is the beginning" : `${lines.length} messages these are the beginnings`}:`;
  return [{ type: "text", text: [first, ...shown, ...(more > 0 ? [`- and ${more} more`] : [])].join("\n") }];
}

export function dropped(text: string): Extract<TurnEvent, { type: "end" }> {
  return { type: "end", status: "ok", text, error: { code: "PLINTH_MESSAGE_DROPPED", message: text } };
}

/** How a message begins. */
export function line(content: ContentPart[]): string {
  const others = content.filter(({ type }) => type !== "text").map(({ type }) => `[${type}]`);
  return [visible(textOf(content).trim(), { max: MOST_CHARS }), ...others].filter((one) => one !== "").join(" ");
}

/** To whoever wrote it. */
export function told(cap: number, drop: "old" | "new" | "summarize"): string {
  const many = `${cap} ${cap === 1 ? "message waits" : "messages wait"} here`;
  if (drop === "new") return `${many}, as many as may, so this one is not answered. Send it again later.`;
  return `${many}, as many as may, and newer ones came: this one is ${drop === "old" ? "not answered" : "only a line of a message that is answered afterwards"}.`;
}
