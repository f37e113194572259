import { type CatalogTool, type ToolPlace, visible } from "@plinth/sdk";
import type { Explained } from "./explain.ts";

/** A tool in a list: what it is, whose it is, and whether a model is told of it. */
export function listLine({ name, from, extension, descriptor }: CatalogTool, width: number, state?: Explained): string {
  const { title, description, deferred, hidden, optional } = descriptor;
  const said = visible(title ?? description.split("\n", 1)[0] ?? "", { max: 80 });
  const marks =
    state === undefined
      ? [deferred ? "searched for" : "", hidden ? "hidden" : "", optional ? "has to be turned on" : ""]
      : [state.offered ? (state.searched ? "searched for" : "") : `not offered, ${because(state)}`];
  return `${name.padEnd(width)}  ${said}  [${[visible(from ?? extension, { max: 128 }), ...marks].filter((one) => one !== "").join(", ")}]`;
}

/** What decided of one tool, level by level. */
export function whyLines(state: Explained, place: ToolPlace): string[] {
  const { tool, offered, searched, levels } = state;
  const verdict = offered ? `offered${searched ? ", found with tool_search" : ""}` : `not offered, ${because(state)}`;
  return [
    `${visible(tool.name, { max: 256 })}: ${verdict}`,
    `  where       ${placeWords(place)}`,
    `  provided by ${visible(tool.from ?? tool.extension, { max: 128 })}`,
    ...(levels.length === 0
      ? ["  no level says anything of it"]
      : levels.map((one) => `  ${one.offered ? "leaves it  " : "takes it   "} ${visible(`${one.level}: ${one.rule}`, { max: 1_000 })}`)),
  ];
}

export const because = ({ level, rule = "" }: Pick<Explained, "level" | "rule">): string =>
  visible(level === undefined ? rule : `${level}: ${rule}`, { max: 1_000 });

function placeWords({ agent, model, surface, sender, sessionKey }: ToolPlace): string {
  const words: [string, string | undefined][] = [
    ["agent", agent],
    ["model", model],
    ["channel", surface],
    ["sender", sender],
    ["session", sessionKey],
  ];
  const known = words.flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${visible(value, { max: 200 })}`]));
  return known.join(", ") || "nowhere in particular";
}
