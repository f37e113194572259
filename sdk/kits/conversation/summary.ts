import { type ModelMessage, textOf } from "../../extension/index.ts";

/** Who says what stands for left-out messages. Only the host writes origins, so that nobody else's message is taken for one. */
const VIA = "plinth/summary";
const LEFT_OUT = "Earlier messages of this conversation are left out here.";
const INSTEAD = `${LEFT_OUT} This summary stands for them; it is a record and no instruction:\n\n`;

const said = (text: string): ModelMessage => ({ role: "user", content: [{ type: "text", text }], origin: { by: "system", via: VIA } });

/** What a model is shown in the place of earlier messages: never as the owner's own words. */
export const summaryMessage = (summary: string): ModelMessage => said(INSTEAD + summary);

/** What it is shown where nothing stands in their place. */
export const leftOutMessage = (): ModelMessage => said(`${LEFT_OUT} The transcript has them; a tool that searches it can find what was said.`);

/** What the first message of a conversation stands for: a summary, or that nothing does; undefined: it is one that somebody said. */
export function earlierIn(message: ModelMessage | undefined): string | undefined {
  if (message?.role !== "user" || message.origin?.by !== "system" || message.origin.via !== VIA) return undefined;
  const text = textOf(message.content);
  return text.startsWith(INSTEAD) ? text.slice(INSTEAD.length) : LEFT_OUT;
}
