import { anthropicProblem } from "./anthropic-rules.ts";
import { type AskedRequest, argumentsText, callId, endOf, type Said, type ScriptedAnswer, type Wire } from "./script.ts";
import { type ModelServer, type ModelServerOptions, modelServer } from "./server.ts";

export interface AnthropicOptions extends ModelServerOptions {
  /** Models of one page of the list. Default: 20. */
  page?: number;
}

/**
 * A server of Anthropic's Messages API, `POST …/messages`, `POST …/messages/count_tokens` and `GET …/models`, as their reference
 * publishes them (https://platform.claude.com/docs/en/build-with-claude/streaming). It refuses what the vendor's server refuses.
 * What is opaque in thinking is its signature, or, where it is an object with a type, a whole block, such as one of
 * `redacted_thinking` or of a server's own tool.
 */
export function anthropicServer({ page = 20, ...options }: AnthropicOptions = {}): Promise<ModelServer> {
  return modelServer(anthropicWire(page), options);
}

const STOPS: { readonly [reason: string]: string } = {
  stop: "end_turn",
  "tool-calls": "tool_use",
  length: "max_tokens",
  filter: "refusal",
  refusal: "refusal",
  pause: "pause_turn",
};

function stopOf(answer: ScriptedAnswer): string {
  const end = endOf(answer);
  return end.startsWith("raw:") ? end.slice(4) : (STOPS[end] ?? end);
}

export function anthropicWire(page: number): Wire {
  return {
    paths: /\/messages$|:streamRawPredict$/,
    contentType: "text/event-stream; charset=utf-8",
    refusal({ body }) {
      const message = anthropicProblem(body);
      return message === undefined ? undefined : { status: 400, body: { type: "error", error: { type: "invalid_request_error", message } } };
    },
    *stream(answer, request) {
      const event = (type: string, fields: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
      yield event("message_start", { message: { ...messageOf(request), content: [], usage: usageAt(answer, 1) } });
      yield event("ping", {});
      let index = -1;
      let open: string | undefined;
      for (const one of answer.say ?? []) {
        if ("raw" in one) {
          yield one.raw;
          continue;
        }
        const [start, ...deltas] = eventsOf(one, request, index + 1);
        // Text goes on in the block that is open.
        if (start!.type !== "text" || open !== "text") {
          if (open !== undefined) yield event("content_block_stop", { index });
          index++;
          yield event("content_block_start", { index, content_block: start });
          open = String(start!.type);
        }
        for (const delta of deltas) yield event("content_block_delta", { index, delta });
      }
      if (open !== undefined) yield event("content_block_stop", { index });
      if (endOf(answer) === "none") return;
      yield event("message_delta", { delta: endingOf(answer), ...(answer.usage === undefined ? {} : { usage: usageAt(answer) }) });
      yield event("message_stop", {});
    },
    whole: (answer, request) => ({
      ...messageOf(request),
      content: (answer.say ?? []).flatMap((one, index) => ("raw" in one ? [] : [blockOf(one, request, index)])),
      ...endingOf(answer),
      usage: usageAt(answer),
    }),
    other: ({ method, path, body }, models) => {
      const [place = "", query = ""] = path.split("?");
      if (method === "POST" && /\/count_tokens$|\/count-tokens:rawPredict$/.test(place))
        return { input_tokens: Math.ceil(JSON.stringify(body).length / 4) };
      if (method !== "GET" || !/\/models$/.test(place)) return undefined;
      const asked = new URLSearchParams(query);
      const from = models.indexOf(asked.get("after_id") ?? "") + 1;
      const listed = models.slice(from, from + Math.min(page, Number(asked.get("limit") ?? page)));
      return {
        data: listed.map((id) => ({ type: "model", id, display_name: id.toUpperCase(), created_at: "2026-01-01T00:00:00Z" })),
        has_more: from + listed.length < models.length,
        first_id: listed[0] ?? null,
        last_id: listed.at(-1) ?? null,
      };
    },
  };
}

function messageOf({ number, body }: AskedRequest): object {
  return { id: `msg_${number}`, type: "message", role: "assistant", model: body?.model ?? "model", stop_reason: null, stop_sequence: null };
}

function endingOf(answer: ScriptedAnswer): object {
  const said = answer.say?.find((one) => "refusal" in one);
  const details = said === undefined ? {} : { stop_details: { type: "refusal", category: null, explanation: said.refusal } };
  return { stop_reason: stopOf(answer), stop_sequence: null, ...details };
}

/** The start of a block, as the format begins it, and its pieces. */
function eventsOf(one: Exclude<Said, { raw: unknown }>, request: AskedRequest, index: number): [Record<string, unknown>, ...object[]] {
  const whole = blockOf(one, request, index);
  switch (whole.type) {
    case "text":
      return [{ type: "text", text: "" }, ...(whole.text === "" ? [] : [{ type: "text_delta", text: whole.text }])];
    case "thinking":
      return [
        { type: "thinking", thinking: "", signature: "" },
        ...(whole.thinking === "" ? [] : [{ type: "thinking_delta", thinking: whole.thinking }]),
        ...(whole.signature === "" ? [] : [{ type: "signature_delta", signature: whole.signature }]),
      ];
    case "server_tool_use":
    case "tool_use": {
      const json = "call" in one ? argumentsText(one.call.args) : JSON.stringify(whole.input);
      const half = Math.ceil(json.length / 2);
      const pieces = [json.slice(0, half), json.slice(half)].filter((piece) => piece !== "");
      return [{ ...whole, input: {} }, ...pieces.map((partial_json) => ({ type: "input_json_delta", partial_json }))];
    }
    default:
      return [whole];
  }
}

function blockOf(one: Exclude<Said, { raw: unknown }>, request: AskedRequest, index: number): Record<string, unknown> {
  if ("text" in one) return { type: "text", text: one.text };
  if ("refusal" in one) return { type: "text", text: "" };
  if ("call" in one) {
    const { id = callId(request, index, "toolu_"), name, args } = one.call;
    return { type: "tool_use", id, name, input: typeof args === "string" ? {} : args };
  }
  const { reasoning, opaque = "" } = one;
  if (typeof opaque === "object" && opaque !== null && "type" in opaque) return { ...opaque };
  return { type: "thinking", thinking: reasoning, signature: String(opaque) };
}

/** @param written how much was written by now, where that is not yet all. */
function usageAt({ usage }: ScriptedAnswer, written?: number): object | undefined {
  if (usage === undefined) return undefined;
  const { inputTokens = 0, outputTokens = 0, cacheReadTokens = 0, cacheWriteTokens = 0, reasoningTokens } = usage;
  return {
    input_tokens: inputTokens - cacheReadTokens - cacheWriteTokens,
    ...("cacheReadTokens" in usage ? { cache_read_input_tokens: cacheReadTokens } : {}),
    ...("cacheWriteTokens" in usage ? { cache_creation_input_tokens: cacheWriteTokens } : {}),
    output_tokens: written ?? outputTokens,
    ...(written === undefined && reasoningTokens !== undefined ? { output_tokens_details: { thinking_tokens: reasoningTokens } } : {}),
  };
}
