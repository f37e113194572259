import { Feed, type ModelMessage, partsFor, type ToolCallPart, type ToolResult, type ToolResultPart, type TurnEvent } from "@plinth/sdk";
import type { LoopParts } from "./loop.ts";
import type { Tool } from "./tool.ts";
import { failure } from "./tool-result.ts";
import type { Words } from "./words.ts";

export type ToolItem = TurnEvent | { type: "message"; message: ModelMessage };

interface Budget {
  /** How many calls may still run. */
  allowed: number;
  maxToolCalls: number;
  /** Why none may run any more. */
  exhausted: string | undefined;
  /** Why tools are not there that were taken away. */
  withheld?: ReadonlyMap<string, string> | undefined;
  /** What the person says meanwhile. */
  words: Pick<Words, "urgent">;
}

/**
 * The calls of one model answer. Those that may run side by side do, the others one after the other; the results come in
 * the order of the calls, and each call that was announced gets exactly one, whatever happens.
 */
export async function* runTools(
  calls: readonly ToolCallPart[],
  tools: ReadonlyMap<string, Tool>,
  parts: Pick<LoopParts, "callTool">,
  budget: Budget,
  signal: AbortSignal,
): AsyncGenerator<ToolItem, void> {
  const run = async (call: ToolCallPart, index: number, tell: (event: TurnEvent) => void): Promise<ToolResult> => {
    if (signal.aborted) return failure("PLINTH_ABORTED", "The turn was aborted before this call ran.");
    if (budget.exhausted) return failure("PLINTH_TURN_LIMIT", `The call was not run: ${budget.exhausted}.`);
    if (budget.words.urgent) return failure("PLINTH_TOOL_SKIPPED", "The call was not run: the person said something else meanwhile, which follows.");
    if (index >= budget.allowed) {
      return failure("PLINTH_TURN_LIMIT", `The call was not run: the turn's limit of ${budget.maxToolCalls} tool calls is reached. Answer now.`);
    }
    const tool = tools.get(call.name);
    const withheld = tool === undefined ? budget.withheld?.get(call.name) : undefined;
    if (withheld !== undefined) return failure("PLINTH_TOOL_DENIED", `You may not use the tool "${call.name}" here (${withheld}). Go on without it.`);
    if (tool === undefined) {
      const names = [...tools.keys()].join(", ") || "none";
      return failure("PLINTH_TOOL_UNKNOWN", `There is no tool "${call.name}". The tools are: ${names}.`);
    }
    return parts.callTool(call, tool, signal, tell);
  };

  for (const batch of batches(calls, tools)) {
    for (const { call } of batch) yield start(call, tools.get(call.name));
    const feed = new Feed<ToolItem>();
    const results = batch.map(({ call, index }) => run(call, index, (event) => feed.push(event)));
    void (async () => {
      for (const [at, { call }] of batch.entries()) for (const item of finish(call, await results[at]!, tools.get(call.name))) feed.push(item);
    })().then(
      () => feed.end(),
      (error: unknown) => feed.end({ error }),
    );
    yield* feed.read();
  }
}

/** Neighbours that may run beside others run together; each of the rest by itself. */
function batches(calls: readonly ToolCallPart[], tools: ReadonlyMap<string, Tool>): { call: ToolCallPart; index: number }[][] {
  const all: { call: ToolCallPart; index: number }[][] = [];
  let together = false;
  for (const [index, call] of calls.entries()) {
    const parallel = tools.get(call.name)?.parallel ?? false;
    if (parallel && together) all.at(-1)?.push({ call, index });
    else all.push([{ call, index }]);
    together = parallel;
  }
  return all;
}

function start({ id, name, args }: ToolCallPart, tool: Tool | undefined): ToolItem {
  return { type: "tool-start", callId: id, name, args: masked(args, tool?.secrets ?? []) };
}

const masked = (args: Record<string, unknown>, secrets: readonly string[]): Record<string, unknown> =>
  secrets.length === 0 ? args : Object.fromEntries(Object.entries(args).map(([name, value]) => [name, secrets.includes(name) ? "•••" : value]));

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
