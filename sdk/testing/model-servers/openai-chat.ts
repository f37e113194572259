import { type AskedRequest, argumentsText, callId, endOf, type Said, type ScriptedAnswer, type Wire } from "./script.ts";
import { type ModelServer, type ModelServerOptions, modelServer } from "./server.ts";

export interface OpenaiChatOptions extends ModelServerOptions {
  /** The field in which thinking is said. Default: reasoning_content. */
  reasoningField?: "reasoning_content" | "reasoning";
}

/**
 * A server of OpenAI's chat completions, `POST …/chat/completions` and `GET …/models`, as their reference publishes them
 * (https://platform.openai.com/docs/api-reference/chat-streaming). Thinking is said as DeepSeek's reference has it; what is
 * opaque in it travels as `reasoning_details`, as OpenRouter's has it.
 */
export function openaiChatServer({ reasoningField = "reasoning_content", ...options }: OpenaiChatOptions = {}): Promise<ModelServer> {
  return modelServer(openaiChatWire(reasoningField), options);
}

const FINISH: { readonly [reason: string]: string } = {
  stop: "stop",
  "tool-calls": "tool_calls",
  length: "length",
  filter: "content_filter",
  refusal: "stop",
  pause: "stop",
};

const finishOf = (answer: ScriptedAnswer): string => {
  const end = endOf(answer);
  return end.startsWith("raw:") ? end.slice(4) : (FINISH[end] ?? end);
};

export function openaiChatWire(reasoningField: string): Wire {
  return {
    paths: /\/chat\/completions$/,
    contentType: "text/event-stream; charset=utf-8",
    *stream(answer, request) {
      const head = headOf(request, "chat.completion.chunk");
      const event = (fields: object) => `data: ${JSON.stringify({ ...head, ...fields })}\n\n`;
      const delta = (content: object, finish_reason: string | null = null) => event({ choices: [{ index: 0, delta: content, finish_reason }] });
      yield delta({ role: "assistant", content: "" });
      let position = 0;
      for (const one of answer.say ?? []) {
        if ("raw" in one) yield one.raw;
        else for (const piece of deltasOf(one, request, position, reasoningField)) yield delta(piece);
        if ("call" in one) position++;
      }
      if (endOf(answer) === "none") return;
      yield delta({}, finishOf(answer));
      if (answer.usage !== undefined && request.body?.stream_options?.include_usage) yield event({ choices: [], usage: usageOf(answer.usage) });
      yield "data: [DONE]\n\n";
    },
    whole: (answer, request) => ({
      ...headOf(request, "chat.completion"),
      choices: [{ index: 0, message: messageOf(answer, request, reasoningField), finish_reason: finishOf(answer) }],
      ...(answer.usage === undefined ? {} : { usage: usageOf(answer.usage) }),
    }),
    other: ({ method, path }, models) =>
      method === "GET" && /\/models$/.test(path.split("?")[0]!)
        ? { object: "list", data: models.map((id) => ({ id, object: "model", created: 1, owned_by: "test" })) }
        : undefined,
  };
}

const headOf = ({ number, body }: AskedRequest, object: string) => ({ id: `chatcmpl-${number}`, object, created: 1, model: body?.model });

function* deltasOf(one: Said, request: AskedRequest, position: number, reasoningField: string): Generator<object> {
  if ("text" in one) yield { content: one.text };
  else if ("refusal" in one) yield { refusal: one.refusal };
  else if ("reasoning" in one) {
    yield { [reasoningField]: one.reasoning };
    if (one.opaque !== undefined) yield { reasoning_details: [one.opaque].flat() };
  } else if ("call" in one) {
    const { id = callId(request, position), name, args } = one.call;
    const text = argumentsText(args);
    const half = Math.ceil(text.length / 2);
    yield { tool_calls: [{ index: position, id, type: "function", function: { name, arguments: "" } }] };
    for (const piece of [text.slice(0, half), text.slice(half)]) {
      if (piece !== "") yield { tool_calls: [{ index: position, function: { arguments: piece } }] };
    }
  }
}

function messageOf({ say = [] }: ScriptedAnswer, request: AskedRequest, reasoningField: string): object {
  const joined = (texts: string[]) => (texts.length === 0 ? undefined : texts.join(""));
  const calls = say.flatMap((one) => ("call" in one ? [one.call] : []));
  const thought = joined(say.flatMap((one) => ("reasoning" in one ? [one.reasoning] : [])));
  const details = say.flatMap((one) => ("reasoning" in one && one.opaque !== undefined ? [one.opaque].flat() : []));
  const refusal = joined(say.flatMap((one) => ("refusal" in one ? [one.refusal] : [])));
  return {
    role: "assistant",
    content: joined(say.flatMap((one) => ("text" in one ? [one.text] : []))) ?? null,
    ...(refusal === undefined ? {} : { refusal }),
    ...(thought === undefined ? {} : { [reasoningField]: thought }),
    ...(details.length === 0 ? {} : { reasoning_details: details }),
    ...(calls.length === 0
      ? {}
      : {
          tool_calls: calls.map(({ id, name, args }, position) => ({
            id: id ?? callId(request, position),
            type: "function",
            function: { name, arguments: argumentsText(args) },
          })),
        }),
  };
}

function usageOf({ inputTokens = 0, outputTokens = 0, cacheReadTokens, reasoningTokens }: Record<string, number>): object {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    ...(cacheReadTokens === undefined ? {} : { prompt_tokens_details: { cached_tokens: cacheReadTokens } }),
    ...(reasoningTokens === undefined ? {} : { completion_tokens_details: { reasoning_tokens: reasoningTokens } }),
  };
}
