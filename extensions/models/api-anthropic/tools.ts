import { type ModelInfo, type ModelRequest, toolCallsOf } from "@plinth/sdk";
import type { ToolNames, Unsupported } from "@plinth/sdk/kits/model-api";
import type { Quirks } from "./quirks.ts";

/** `tools` and `tool_choice` of a request; nothing where there are none. */
export function toolFields(input: ModelRequest, model: ModelInfo | undefined, names: ToolNames, quirks: Quirks, unsupported: Unsupported): object {
  const { tools = [], toolChoice, parallelTools } = input;
  if (model?.tools === "none" && tools.length > 0) {
    unsupported.leave("tools", "tools");
    return {};
  }
  const own = tools.map(({ name, description, input: schema, strict }) => ({
    name: names.wire(name),
    ...(description === "" ? {} : { description }),
    input_schema: schema.type === "object" ? schema : { ...schema, type: "object" },
    ...(strict === undefined ? {} : { strict }),
  }));
  const servers = (input.serverTools ?? []).flatMap((one) => serverTool(one, quirks, unsupported));
  const all = [...own, ...servers];
  if (all.length === 0) return formerTools(input, names);
  return { tools: all, ...choice(toolChoice, parallelTools, names) };
}

/** A conversation with calls has to name their tools, even where none may be called any more. */
function formerTools({ messages }: ModelRequest, names: ToolNames): object {
  const called = new Set(messages.flatMap(({ content }) => toolCallsOf(content).map(({ name }) => name)));
  if (called.size === 0) return {};
  const tools = [...called].map((name) => ({
    name: names.wire(name),
    description: "Was called before, and cannot be called any more.",
    input_schema: { type: "object" },
  }));
  return { tools, tool_choice: { type: "none" } };
}

function choice(toolChoice: ModelRequest["toolChoice"], parallelTools: boolean | undefined, names: ToolNames): object {
  const single = parallelTools === false ? { disable_parallel_tool_use: true } : {};
  if (toolChoice === "none") return { tool_choice: { type: "none" } };
  if (toolChoice === "required") return { tool_choice: { type: "any", ...single } };
  if (typeof toolChoice === "object") return { tool_choice: { type: "tool", name: names.wire(toolChoice.name), ...single } };
  return toolChoice === undefined && parallelTools !== false ? {} : { tool_choice: { type: "auto", ...single } };
}

/** One of the server's own tools, by our name for it or by the vendor's type, such as `web_search_20250305`. */
function serverTool(
  { id, options = {} }: NonNullable<ModelRequest["serverTools"]>[number],
  { serverTools }: Quirks,
  unsupported: Unsupported,
): object[] {
  const type = Object.hasOwn(serverTools, id) ? serverTools[id] : /^[a-z_]+_\d{8}$/.test(id) && Object.keys(serverTools).length > 0 ? id : undefined;
  if (typeof type !== "string") {
    unsupported.leave("serverTools", `the server's own tool ${JSON.stringify(id.slice(0, 64))}`);
    return [];
  }
  return [{ type, name: type.replace(/_\d{8}$/, ""), ...options }];
}
