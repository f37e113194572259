import { type ModelMessage, type RequestPart, toolResultsOf } from "@plinth/sdk";
import { charsIn, charsOf, earlierIn } from "@plinth/sdk/kits/conversation";
import type { Section } from "./instructions.ts";
import { charsOfTool } from "./room.ts";
import type { Tool } from "./tool.ts";

/** How long each part of a request is; whoever contributes a section or tools is named. */
export function partsOf(
  sections: readonly Section[],
  tools: readonly Tool[],
  messages: readonly ModelMessage[],
  tokens: (chars: number) => number,
): RequestPart[] {
  const part = (kind: RequestPart["kind"], title: string, chars: number, count?: number): RequestPart[] =>
    count === 0 ? [] : [{ kind, title: title.slice(0, 200), tokens: tokens(chars), ...(count === undefined ? {} : { count }) }];
  const summary = messages.filter((message) => earlierIn(message) !== undefined);
  const said = messages.filter((message) => earlierIn(message) === undefined && message.role !== "tool");
  const results = messages.flatMap(({ content }) => toolResultsOf(content));
  const byMaker = Map.groupBy(tools, ({ spec }) => spec.extension ?? "plinth.native");
  return [
    ...sections.flatMap(({ id, text, of }) =>
      part("instructions", id, text.length).map((one) =>
        of === undefined ? one : { ...one, by: of.by, chars: text.length, ...(of.whole === undefined ? {} : { whole: of.whole }) },
      ),
    ),
    ...[...byMaker].flatMap(([extension, own]) =>
      part(
        "tools",
        extension,
        own.reduce((sum, { spec }) => sum + charsOfTool(spec), 0),
        own.length,
      ),
    ),
    ...part("summary", "of earlier messages", charsIn(summary), summary.length),
    ...part("history", "messages", charsIn(said), said.length),
    ...part("results", "of tools", charsOf(results), results.length),
  ];
}
