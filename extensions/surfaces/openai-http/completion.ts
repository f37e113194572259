import type { TurnEvent } from "@plinth/sdk";
import { failureOf } from "./failure.ts";

type End = Extract<TurnEvent, { type: "end" }>;
type Usage = { prompt_tokens: number; completion_tokens: number; total_tokens: number };

/** What stays the same in all objects of one answer. */
export interface Head {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

/** Unknown counts are zero: clients require the field. */
export function usageOf(end: End): Usage {
  const { inputTokens = 0, outputTokens = 0 } = end.usage ?? {};
  return { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: inputTokens + outputTokens };
}

/** The whole answer as a `chat.completion`. */
export function completion({ id, created, model }: Head, end: End): object {
  return {
    id,
    object: "chat.completion",
    created,
    model,
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: end.text, refusal: null },
        logprobs: null,
        finish_reason: "stop",
      },
    ],
    usage: usageOf(end),
  };
}

const data = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;

/** The answer as `chat.completion.chunk` events, from the first event that says how the turn goes. */
export async function* chunks(head: Head, events: AsyncIterable<TurnEvent>, includeUsage: boolean): AsyncGenerator<string> {
  const { id, created, model } = head;
  const chunk = (delta: object, finish: string | null): string =>
    data({
      id,
      object: "chat.completion.chunk",
      created,
      model,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      ...(includeUsage ? { usage: null } : {}),
    });
  yield chunk({ role: "assistant", content: "", refusal: null }, null);
  let said = false;
  try {
    for await (const event of events) {
      if (event.type === "text") {
        said = true;
        yield chunk({ content: event.delta }, null);
      } else if (event.type === "end") {
        if (event.status !== "ok") return yield data(failureOf(endError(event)).body);
        if (!said && event.text !== "") yield chunk({ content: event.text }, null);
        yield chunk({}, "stop");
        if (includeUsage) yield data({ id, object: "chat.completion.chunk", created, model, choices: [], usage: usageOf(event) });
        return yield "data: [DONE]\n\n";
      }
      // A comment keeps the connection busy while tools run; clients skip it.
      else yield `: ${event.type}\n\n`;
    }
    yield data(failureOf(new Error("The turn ended without an answer.")).body);
  } catch (error) {
    yield data(failureOf(error).body);
  }
}

/** The error of a turn that did not end well. */
export function endError(end: End): unknown {
  return end.error ?? { code: "PLINTH_ABORTED", message: end.status === "aborted" ? "The turn was cancelled." : "The turn failed." };
}
