import { type ModelEvent, type ModelMessage, PlinthError, type ToolResult, type TurnEvent, type Usage } from "@plinth/sdk";
import { ask } from "./ask.ts";
import type { ModelChoice } from "./model-choice.ts";
import { runTools, type ToolCall } from "./tool-round.ts";
import type { Tool } from "./tool-runner.ts";

export interface Limits {
  maxRounds: number;
  maxToolCalls: number;
  toolTimeoutMs: number;
  maxToolResultChars: number;
  retries: number;
  retryBaseMs: number;
}

export interface LoopInput {
  runId: string;
  sessionKey: string;
  workspace: string;
  model: string;
  system: string[];
  history: ModelMessage[];
}

export interface ModelRequest {
  system: string;
  messages: ModelMessage[];
  tools: { name: string; description: string; input: Record<string, unknown>; say?: string[] }[];
}

/** Everything the loop reaches, injected: a test needs neither a host nor a network. */
export interface LoopParts {
  choose(model: string): Promise<ModelChoice>;
  /** A model call failed: what was chosen automatically is chosen anew. */
  failed(): void;
  stream(choice: ModelChoice, request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent>;
  instructions(signal: AbortSignal): Promise<string>;
  /** The tools there are now, by name. */
  tools(): Promise<ReadonlyMap<string, Tool>>;
  /** Never throws: whatever goes wrong is a result that the model can read. */
  callTool(call: ToolCall, tool: Tool, signal: AbortSignal): Promise<ToolResult>;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export type LoopItem = TurnEvent | { type: "message"; message: ModelMessage } | { type: "done"; text: string; model: string; usage: Usage };

/** One turn: ask the model, run what it calls, tell it the results, until it answers without a call. */
export async function* runLoop(input: LoopInput, parts: LoopParts, limits: Limits, signal: AbortSignal): AsyncGenerator<LoopItem, void> {
  const messages = [...input.history];
  const usage: Usage = { inputTokens: 0, outputTokens: 0 };
  const callIds = new Set<string>();
  const system = await parts.instructions(signal);

  for (let round = 1; ; round++) {
    signal.throwIfAborted();
    // Listed each time: a tool that was installed a moment ago is there in the next model call.
    const tools = await parts.tools();
    const request = { system, messages: [...messages], tools: Array.from(tools.values(), ({ spec }) => spec) };
    const answer = yield* ask(input.model, request, parts, limits, callIds, signal);
    usage.inputTokens += answer.usage.inputTokens;
    usage.outputTokens += answer.usage.outputTokens;

    const { text, toolCalls } = answer;
    const message: ModelMessage = { role: "assistant", text, ...(toolCalls.length > 0 ? { toolCalls } : {}) };
    if (text !== "" || toolCalls.length > 0) yield { type: "message", message };
    if (toolCalls.length === 0) {
      yield { type: "done", text, model: answer.model, usage };
      return;
    }

    messages.push(message);
    const exhausted = round >= limits.maxRounds ? `the turn's limit of ${limits.maxRounds} model calls is reached` : undefined;
    const allowed = limits.maxToolCalls - (callIds.size - toolCalls.length);
    for await (const item of runTools(toolCalls, tools, parts, { allowed, exhausted, maxToolCalls: limits.maxToolCalls }, signal)) {
      if (item.type === "message") messages.push(item.message);
      yield item;
    }
    signal.throwIfAborted();
    if (exhausted !== undefined) throw endless(limits.maxRounds);
  }
}

function endless(rounds: number): PlinthError {
  return new PlinthError("PLINTH_TURN_LIMIT", `The model was still calling tools after ${rounds} rounds, so the turn was stopped.`, {
    next: 'Ask for a smaller step, or raise extensions["plinth.native"].config.maxRounds.',
  });
}
