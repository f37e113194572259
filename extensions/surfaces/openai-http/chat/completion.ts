import type { ToolCallPart, Usage } from "@plinth/sdk";
import type { CitationPart, EndReason, Said } from "../asking.ts";
import { failureOf } from "../failure.ts";

type End = Extract<Said, { type: "end" }>;

/** What the objects of one answer share. */
export interface Head {
  readonly id: string;
  readonly created: number;
  /** As it was asked for, until it is known who answers. */
  model: string;
}

const FINISH: Readonly<Record<EndReason, string>> = {
  stop: "stop",
  refusal: "stop",
  length: "length",
  filter: "content_filter",
  "tool-calls": "tool_calls",
};

/** What is not known is not said. */
export function usageOf({ usage }: { usage?: Usage }): { usage?: object } {
  if (usage === undefined) return {};
  const { inputTokens, outputTokens, cacheReadTokens, reasoningTokens } = usage;
  return {
    usage: {
      prompt_tokens: inputTokens,
      completion_tokens: outputTokens,
      total_tokens: inputTokens + outputTokens,
      ...(cacheReadTokens === undefined ? {} : { prompt_tokens_details: { cached_tokens: cacheReadTokens } }),
      ...(reasoningTokens === undefined ? {} : { completion_tokens_details: { reasoning_tokens: reasoningTokens } }),
    },
  };
}

const called = ({ id, name, args }: ToolCallPart) => ({ id, type: "function", function: { name, arguments: JSON.stringify(args) } });

/** Sources; and pictures, for which OpenAI has no field, in the form of gateways that speak this API. */
function besides(said: readonly Said[]): object {
  const annotations = said.flatMap((one) => (one.type === "cite" ? [annotationOf(one.citation)] : []));
  const images = said.flatMap((one) => (one.type === "picture" ? [imageOf(one.url)] : []));
  return { ...(annotations.length === 0 ? {} : { annotations }), ...(images.length === 0 ? {} : { images }) };
}

const annotationOf = ({ url = "", title = "", start = 0, end = 0 }: CitationPart): object => ({
  type: "url_citation",
  url_citation: { url, title, start_index: start, end_index: end },
});

const imageOf = (url: string): object => ({ type: "image_url", image_url: { url } });

/** The whole answer as a `chat.completion`. */
export function completion({ id, created, model }: Head, said: readonly Said[]): object {
  const end = said.at(-1) as End;
  const calls = said.flatMap((one) => (one.type === "call" ? [called(one.call)] : []));
  const declined = said.flatMap((one) => (one.type === "refusal" ? [one.text] : [])).join("");
  const refusal = end.reason === "refusal" ? declined || end.text : declined || null;
  const content = refusal !== null || (end.text === "" && calls.length > 0) ? null : end.text;
  return {
    ...{ id, object: "chat.completion", created, model: end.model ?? model },
    choices: [
      {
        index: 0,
        message: { role: "assistant", content, refusal, ...besides(said), ...(calls.length === 0 ? {} : { tool_calls: calls }) },
        logprobs: null,
        finish_reason: FINISH[end.reason],
      },
    ],
    ...usageOf(end),
  };
}

const data = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;

/** The answer as `chat.completion.chunk` events. */
export async function* chunks(head: Head, said: AsyncIterable<Said>, includeUsage: boolean): AsyncGenerator<string> {
  const { id, created } = head;
  const object = "chat.completion.chunk";
  const chunk = (delta: object, finish: string | null): string =>
    data({
      ...{ id, object, created, model: head.model },
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      ...(includeUsage ? { usage: null } : {}),
    });
  yield chunk({ role: "assistant", content: "", refusal: null }, null);
  let calls = 0;
  try {
    for await (const one of said) {
      if (one.type === "text") yield chunk({ content: one.delta }, null);
      else if (one.type === "refusal") yield chunk({ refusal: one.text }, null);
      else if (one.type === "cite") yield chunk({ annotations: [annotationOf(one.citation)] }, null);
      else if (one.type === "picture") yield chunk({ images: [imageOf(one.url)] }, null);
      else if (one.type === "call") yield chunk({ tool_calls: [{ index: calls++, ...called(one.call) }] }, null);
      else if (one.type === "model") head.model = one.name;
      else if (one.type === "end") {
        head.model = one.model ?? head.model;
        yield chunk({}, FINISH[one.reason]);
        if (includeUsage && one.usage !== undefined) yield data({ ...{ id, object, created, model: head.model }, choices: [], ...usageOf(one) });
        yield "data: [DONE]\n\n";
      }
      // A comment keeps the connection busy while tools run; clients skip it.
      else yield `: ${one.type}\n\n`;
    }
  } catch (error) {
    yield data(failureOf(error).body);
  }
}
