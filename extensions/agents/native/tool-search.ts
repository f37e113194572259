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

/** What was found, as the model reads it. What tools say of themselves is others' words. */
export function foundWords(tools: readonly CatalogTool[]): ToolResult {
  if (tools.length === 0) return { content: [{ type: "text", text: "No tool fits these words. Try others." }] };
  const text = tools.map(({ name, descriptor: { description } }) => `${name}: ${description.slice(0, 500)}`).join("\n");
  const outside = tools.some(({ from }) => from !== undefined);
  return { content: [{ type: "text", text: `You can call these now:\n${text}` }], ...(outside ? { outside } : {}) };
}
