import { type ModelMessage, partsFor, type ToolCallPart, type ToolResult, type ToolResultPart, type TurnEvent } from "@plinth/sdk";
import type { LoopParts } from "./loop.ts";
import { failure } from "./tool-result.ts";
import { isReadOnly, type Tool } from "./tool-runner.ts";

export type ToolItem = TurnEvent | { type: "message"; message: ModelMessage };

interface Budget {
  /** How many calls may still run. */
  allowed: number;
  maxToolCalls: number;
  /** Why none may run any more. */
  exhausted: string | undefined;
}

/**
 * The calls of one model answer. Side by side when all of them only read, else one after the other; the results come in
 * the order of the calls, and each call that was announced gets exactly one, whatever happens.
 */
export async function* runTools(
  calls: readonly ToolCallPart[],
  tools: ReadonlyMap<string, Tool>,
  parts: Pick<LoopParts, "callTool">,
  budget: Budget,
  signal: AbortSignal,
): AsyncGenerator<ToolItem, void> {
  const run = async (call: ToolCallPart, index: number): Promise<ToolResult> => {
    if (signal.aborted) return failure("PLINTH_ABORTED", "The turn was aborted before this call ran.");
    if (budget.exhausted) return failure("PLINTH_TURN_LIMIT", `The call was not run: ${budget.exhausted}.`);
    if (index >= budget.allowed) {
      return failure("PLINTH_TURN_LIMIT", `The call was not run: the turn's limit of ${budget.maxToolCalls} tool calls is reached. Answer now.`);
    }
    const tool = tools.get(call.name);
    if (tool === undefined) {
      const names = [...tools.keys()].join(", ") || "none";
      return failure("PLINTH_TOOL_UNKNOWN", `There is no tool "${call.name}". The tools are: ${names}.`);
    }
    return parts.callTool(call, tool, signal);
  };

  if (calls.every(({ name }) => isReadOnly(tools.get(name)))) {
    for (const call of calls) yield start(call);
    const results = calls.map(run);
    for (const [index, call] of calls.entries()) yield* finish(call, await results[index]!, tools.get(call.name));
  } else {
    for (const [index, call] of calls.entries()) {
      yield start(call);
      yield* finish(call, await run(call, index), tools.get(call.name));
    }
  }
}

function start({ id, name, args }: ToolCallPart): ToolItem {
  return { type: "tool-start", callId: id, name, args };
}

function* finish({ id, name }: ToolCallPart, result: ToolResult, tool: Tool | undefined): Generator<ToolItem> {
  const { content, structured, isError, outside } = result;
  yield { type: "tool-end", callId: id, name, result: { ...result, content: partsFor(content, undefined) } };
  const from = tool?.from ?? (outside ? "outside" : undefined);
  const said: ToolResultPart["content"] =
    content.length === 0 && structured !== undefined ? [{ type: "text", text: JSON.stringify(structured) }] : content;
  const part: ToolResultPart = {
    type: "tool-result",
    callId: id,
    name,
    content: said,
    ...(isError ? { isError } : {}),
    ...(from ? { from } : {}),
  };
  yield { type: "message", message: { role: "tool", content: [part] } };
}
