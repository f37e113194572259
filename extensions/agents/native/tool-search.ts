import type { CatalogTool, ToolResult } from "@plinth/sdk";
import type { Tool } from "./tool.ts";

export const SEARCH = "tool_search";

/** The harness's own: finds among tools that are not told to the model with each request. */
export const SEARCH_TOOL: Tool = {
  spec: {
    name: SEARCH,
    description: "Find further tools by words of what they do. There are more than those you are told of; what this finds you can call from then on.",
    input: {
      type: "object",
      properties: { query: { type: "string", minLength: 1, maxLength: 1_000, description: "A few words, such as `create calendar event`." } },
      required: ["query"],
      additionalProperties: false,
    },
  },
  effects: [],
  maker: `plinth.native/${SEARCH}`,
  parallel: false,
  secrets: [],
};

/** Of what is there and not told, so many names. */
const NAMES = 64;

/** The search as a model is told of it that is not told of these tools: their names say what there is to find. */
export function searchOf(untold: readonly string[]): Tool {
  const { spec } = SEARCH_TOOL;
  const names = untold.slice(0, NAMES).join(", ");
  const rest = untold.length > NAMES ? ` and ${untold.length - NAMES} more` : "";
  return { ...SEARCH_TOOL, spec: { ...spec, description: `${spec.description} To be found, and not told of here: ${names}${rest}.` } };
}

/**
 * The tools that a model is told of where its server takes at most `room`: the search for the rest, what was called or found last,
 * the product's own, then others, each by name. The same tools and conversation give the same choice.
 *
 * @param tools by name
 * @param used names, the newest first
 */
export function told(tools: readonly Tool[], room: number, used: readonly string[]): Tool[] {
  if (tools.length <= room) return [...tools];
  const rank = ({ spec, from }: Tool): number => {
    const at = used.indexOf(spec.name);
    return at >= 0 ? at - used.length : from === undefined ? 0 : 1;
  };
  const ranked = tools
    .filter((tool) => tool !== SEARCH_TOOL)
    .map((tool) => ({ tool, rank: rank(tool) }))
    .sort((a, b) => a.rank - b.rank);
  const chosen = new Set([SEARCH_TOOL, ...ranked.map(({ tool }) => tool)].slice(0, Math.max(room, 0)));
  return [...(tools.includes(SEARCH_TOOL) ? tools : [SEARCH_TOOL, ...tools])].filter((tool) => chosen.has(tool));
}

/** What was found, as the model reads it. What tools say of themselves is others' words. */
export function foundWords(tools: readonly CatalogTool[]): ToolResult {
  if (tools.length === 0) return { content: [{ type: "text", text: "No tool fits these words. Try others." }] };
  const text = tools.map(({ name, descriptor: { description } }) => `${name}: ${description.slice(0, 500)}`).join("\n");
  const outside = tools.some(({ from }) => from !== undefined);
  return { content: [{ type: "text", text: `You can call these now:\n${text}` }], ...(outside ? { outside } : {}) };
}
