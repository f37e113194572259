import { oneLine, sentencesIn } from "./asks.ts";
import { type Line, linesOf } from "./lines.ts";
import { fitting, type Parts } from "./parts.ts";
import type { Entry } from "./request.ts";

const SENTENCE = 200;
/** Of the whole, what an earlier summary may take. */
const EARLIER = 0.35;
const NOTE = "(Extracts, made by rules without a model.)";
const WHO = { owner: "Owner", other: "", assistant: "Assistant", call: "Assistant called", result: "" } as const;

/** What was said, as the first and last sentence of each message, the newest first in line for the room there is. */
export function extracted(history: readonly Entry[], before: Parts, maxChars: number): string {
  const room = Math.floor(maxChars * 0.6) - NOTE.length;
  const earlier = fitting(before.body.replace(NOTE, "").trim(), room * EARLIER);
  let left = room - earlier.length;
  const shown: string[] = [];
  for (let at = history.length - 1; at >= 0 && left > 0; at--) {
    for (const line of linesOf(history[at]!.message).reverse()) {
      const text = extractOf(line);
      if (text === "" || text.length + 1 > left) continue;
      left -= text.length + 1;
      shown.unshift(text);
    }
  }
  return [NOTE, earlier, shown.join("\n")].filter((one) => one !== "").join("\n");
}

function extractOf({ who, mark, text }: Line): string {
  if (who === "result") return "";
  const sentences = sentencesIn(text);
  const [first, last] = [sentences[0] ?? "", sentences.length > 1 ? (sentences.at(-1) ?? "") : ""];
  const said = [first, last].map((one) => oneLine(one, SENTENCE)).filter((one) => one !== "");
  return said.length === 0 ? "" : `- ${[WHO[who], mark].filter((one) => one !== "").join(" ")}: ${said.join(" … ")}`;
}
