import { type AskedRequest, argumentsText, callId, endOf, type Said, type ScriptedAnswer, type Wire } from "./script.ts";
import { type ModelServer, type ModelServerOptions, modelServer } from "./server.ts";

/**
 * A server of OpenAI's responses, `POST …/responses`, `POST …/responses/input_tokens` and `GET …/models`, as their reference
 * publishes them (https://platform.openai.com/docs/api-reference/responses-streaming). Of a scripted `opaque` a string is the
 * encrypted content, which is sent where the request includes it; an object is added to the item.
 */
export function openaiResponsesServer(options: ModelServerOptions = {}): Promise<ModelServer> {
  return modelServer(openaiResponsesWire, options);
}

type Item = Record<string, unknown>;

/** Why an answer is not whole, by our reason. */
const INCOMPLETE: { readonly [reason: string]: string } = { length: "max_output_tokens", filter: "content_filter", pause: "steered" };

export const openaiResponsesWire: Wire = {
  paths: /\/responses$/,
  contentType: "text/event-stream; charset=utf-8",
  *stream(answer, request) {
    let sequence_number = 0;
    const event = (type: string, fields: object) =>
      `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence_number++, ...fields })}\n\n`;
    const output: Item[] = [];
    const head = { ...headOf(request), status: "in_progress", output: [] };
    yield event("response.created", { response: head });
    yield event("response.in_progress", { response: head });
    for (const group of groupsOf(answer.say ?? [])) {
      if ("raw" in group[0]!) {
        yield group[0].raw;
        continue;
      }
      const item = itemOf(group, request, output.length);
      yield* itemEvents(item, group, output.length, event);
      output.push(item);
    }
    if (endOf(answer) === "none") return;
    const response = responseOf(answer, request, output);
    yield event(`response.${response.status}`, { response });
  },
  whole: (answer, request) => {
    const groups = groupsOf(answer.say ?? []).filter(([first]) => !("raw" in first!));
    return responseOf(
      answer,
      request,
      groups.map((group, at) => itemOf(group, request, at)),
    );
  },
  other: ({ method, path, body }, models) => {
    const [plain] = path.split("?");
    if (method === "GET" && plain!.endsWith("/models")) {
      return { object: "list", data: models.map((id) => ({ id, object: "model", created: 1, owned_by: "test" })) };
    }
    if (method !== "POST" || !plain!.endsWith("/responses/input_tokens")) return undefined;
    return { object: "response.input_tokens", input_tokens: Math.ceil(JSON.stringify([body.input, body.instructions, body.tools]).length / 4) };
  },
};

const headOf = ({ number, body }: AskedRequest): Item => ({
  id: `resp_${number}`,
  object: "response",
  created_at: 1,
  model: body?.model,
  error: null,
  incomplete_details: null,
  instructions: body?.instructions ?? null,
  parallel_tool_calls: body?.parallel_tool_calls ?? true,
  tool_choice: body?.tool_choice ?? "auto",
  tools: body?.tools ?? [],
  metadata: body?.metadata ?? {},
  temperature: body?.temperature ?? 1,
  top_p: body?.top_p ?? 1,
});

function responseOf(answer: ScriptedAnswer, request: AskedRequest, output: Item[]): Item {
  const end = endOf(answer);
  const reason = end.startsWith("raw:") ? end.slice(4) : INCOMPLETE[end];
  return {
    ...headOf(request),
    status: reason === undefined ? "completed" : "incomplete",
    incomplete_details: reason === undefined ? null : { reason },
    output,
    ...(answer.usage === undefined ? {} : { usage: usageOf(answer.usage) }),
  };
}

/** Texts and refusals that follow each other are one message. */
function groupsOf(say: readonly Said[]): Said[][] {
  const groups: Said[][] = [];
  const spoken = (one: Said | undefined) => one !== undefined && ("text" in one || "refusal" in one);
  for (const one of say) {
    const last = groups.at(-1);
    if (last !== undefined && spoken(one) && spoken(last[0])) last.push(one);
    else groups.push([one]);
  }
  return groups;
}

function itemOf(group: readonly Said[], request: AskedRequest, at: number): Item {
  const [first] = group;
  const id = `${request.number}x${at}`;
  if ("call" in first!) {
    const { id: call_id = callId(request, at), name, args } = first.call;
    return { id: `fc_${id}`, type: "function_call", status: "completed", call_id, name, arguments: argumentsText(args) };
  }
  if ("reasoning" in first!) {
    const { reasoning, opaque = `encrypted-${id}` } = first;
    const included = (request.body?.include ?? []).includes("reasoning.encrypted_content");
    return {
      id: `rs_${id}`,
      type: "reasoning",
      summary: reasoning === "" ? [] : [{ type: "summary_text", text: reasoning }],
      ...(typeof opaque === "object" ? opaque : included ? { encrypted_content: opaque } : {}),
    };
  }
  const joined = (key: "text" | "refusal") => group.flatMap((one) => (key in one ? [(one as Record<string, string>)[key]!] : [])).join("");
  const [text, refusal] = [joined("text"), joined("refusal")];
  const content = [
    ...(text === "" ? [] : [{ type: "output_text", text, annotations: [] }]),
    ...(refusal === "" ? [] : [{ type: "refusal", refusal }]),
  ];
  return { id: `msg_${id}`, type: "message", role: "assistant", status: "completed", content };
}

type Event = (type: string, fields: object) => string;

function* itemEvents(item: Item, group: readonly Said[], output_index: number, event: Event): Generator<string> {
  const place = { item_id: item.id, output_index };
  const started = item.type === "message" ? { content: [] } : item.type === "reasoning" ? { summary: [] } : { arguments: "" };
  yield event("response.output_item.added", { output_index, item: { ...item, status: "in_progress", ...started } });
  if (item.type === "function_call") {
    const text = String(item.arguments);
    const half = Math.ceil(text.length / 2);
    for (const delta of [text.slice(0, half), text.slice(half)])
      if (delta !== "") yield event("response.function_call_arguments.delta", { ...place, delta });
    yield event("response.function_call_arguments.done", { ...place, arguments: text });
  } else if (item.type === "reasoning") {
    for (const [summary_index, part] of (item.summary as { text: string }[]).entries()) {
      yield event("response.reasoning_summary_part.added", { ...place, summary_index, part: { type: "summary_text", text: "" } });
      yield event("response.reasoning_summary_text.delta", { ...place, summary_index, delta: part.text });
      yield event("response.reasoning_summary_text.done", { ...place, summary_index, text: part.text });
      yield event("response.reasoning_summary_part.done", { ...place, summary_index, part });
    }
  } else {
    for (const [content_index, part] of (item.content as Item[]).entries()) {
      const [kind, field] = part.type === "refusal" ? ["refusal", "refusal"] : ["output_text", "text"];
      yield event("response.content_part.added", { ...place, content_index, part: { ...part, [field!]: "" } });
      for (const one of group) {
        const delta = (one as Record<string, string>)[field!];
        if (delta !== undefined)
          yield event(`response.${kind}.delta`, { ...place, content_index, delta, ...(kind === "refusal" ? {} : { logprobs: [] }) });
      }
      yield event(`response.${kind}.done`, { ...place, content_index, [field!]: part[field!], ...(kind === "refusal" ? {} : { logprobs: [] }) });
      yield event("response.content_part.done", { ...place, content_index, part });
    }
  }
  yield event("response.output_item.done", { output_index, item });
}

function usageOf({
  inputTokens = 0,
  outputTokens = 0,
  cacheReadTokens = 0,
  cacheWriteTokens = 0,
  reasoningTokens = 0,
}: Record<string, number>): object {
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: cacheReadTokens, cache_write_tokens: cacheWriteTokens },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: inputTokens + outputTokens,
  };
}
