import type { ModelEvent, PlinthError } from "@plinth/sdk";
import { type FailureKind, failure } from "@plinth/sdk/kits/model-api";

type Reason = Extract<ModelEvent, { type: "end" }>["reason"];

/** The ends that servers of this protocol are known to say, in lower case, up to a colon. */
const GOOD: Readonly<Record<string, Reason>> = {
  stop: "stop",
  stop_sequence: "stop",
  eos: "stop",
  eos_token: "stop",
  end: "stop",
  end_turn: "stop",
  complete: "stop",
  completed: "stop",
  tool_calls: "tool-calls",
  tool_call: "tool-calls",
  tool_use: "tool-calls",
  function_call: "tool-calls",
  length: "length",
  max_tokens: "length",
  max_output_tokens: "length",
  model_length: "length",
  model_context_window_exceeded: "length",
  content_filter: "filter",
  content_filtered: "filter",
  sensitive: "filter",
  safety: "filter",
  blocked: "filter",
  prohibited_content: "filter",
  recitation: "filter",
  refusal: "refusal",
};

/** Words for an answer that failed. */
const FAILED: Readonly<Record<string, FailureKind>> = {
  insufficient_system_resource: "OVERLOADED",
  overloaded: "OVERLOADED",
  error: "SERVER",
  server_error: "SERVER",
  network_error: "SERVER",
  context_length_exceeded: "CONTEXT",
};

/** How an answer ended. What is on neither list is a failure: half an answer must not pass for a whole one. */
export function endOf(word: string): Reason | FailureKind {
  const name = word.toLowerCase().split(":")[0]!.trim();
  return GOOD[name] ?? FAILED[name] ?? "STREAM";
}

export const isGood = (end: Reason | FailureKind): end is Reason => end === end.toLowerCase();

export function badEnd(title: string, kind: FailureKind, word: string): PlinthError {
  return failure(kind, `${title} ended its answer with ${JSON.stringify(word.slice(0, 200))}.`, { details: { finishReason: word.slice(0, 200) } });
}
