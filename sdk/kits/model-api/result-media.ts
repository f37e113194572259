import { type ContentPart, type ModelMessage, originLine, type Part, partLabel, type ToolResultPart } from "../../extension/index.ts";
import { type Placed, type Repair, repair } from "./repair.ts";

/**
 * For servers that take nothing but text in results: what a tool gave besides text comes in a user's message of its own, right after
 * all results of one answer, and says which call it belongs to. In the result its name stands in its place.
 *
 * @param kinds of parts that may be sent
 */
export function withResultMedia(placed: readonly Placed[], kinds: ReadonlySet<string>, repairs: Repair[]): Placed[] {
  if (kinds.size === 0) return [...placed];
  const all: Placed[] = [];
  let shown: Part[] = [];
  const show = (): void => {
    if (shown.length > 0) all.push({ message: { role: "user", content: shown }, from: undefined });
    shown = [];
  };
  for (const one of placed) {
    const { message } = one;
    if (message.role !== "tool") show();
    if (message.role !== "tool" || !message.content.some((part) => isResult(part) && part.content.some((inner) => isSent(inner, kinds)))) {
      all.push(one);
      continue;
    }
    const media: Part[] = [];
    all.push({ ...one, message: withoutMedia(message, kinds, media) });
    shown.push(...media);
    repairs.push(repair("result-media", one.from, "What a tool gave besides text was put into a message of its own, after the results."));
  }
  show();
  return all;
}

const isResult = (part: Part): part is ToolResultPart => part.type === "tool-result";

const isSent = (part: ContentPart, kinds: ReadonlySet<string>): boolean =>
  kinds.has(part.type) && (("base64" in part && part.base64 !== undefined) || ("url" in part && part.url !== undefined));

/** @param media takes what is taken out, with a line before it that says where it belongs. */
function withoutMedia(message: ModelMessage, kinds: ReadonlySet<string>, media: Part[]): ModelMessage {
  const content = message.content.map((part): Part => {
    if (!isResult(part)) return part;
    const found = part.content.filter((one) => isSent(one, kinds));
    if (found.length === 0) return part;
    media.push({ type: "text", text: `${originLine(part)}[From the result of the tool ${part.name}, call ${part.callId}:]` }, ...found);
    const told = part.content.map(
      (one): ContentPart => (found.includes(one) ? { type: "text", text: `${partLabel(one)} comes in the message after the results.` } : one),
    );
    return { ...part, content: told };
  });
  return { ...message, content };
}
