import type { Usage } from "@plinth/sdk";
import type { CitationPart, EndReason, Said } from "../asking.ts";
import type { ApiFailure } from "../failure.ts";
import { type Block, placeOf, type TextBlock } from "../pieces.ts";
import type { Item } from "./items.ts";
import { artifactOf, type Response } from "./pictures.ts";
import type { ResponseRequest } from "./request.ts";
import { customInput } from "./tools.ts";

type End = Extract<Said, { type: "end" }>;

/** Why an answer is not whole. */
const INCOMPLETE: Partial<Record<EndReason, string>> = { length: "max_output_tokens", filter: "content_filter" };

/** An answer before its end. */
export function begun({ id, createdAt, model, echo }: ResponseRequest): Response {
  return {
    ...{ id, object: "response", created_at: createdAt, status: "in_progress", background: false, error: null, incomplete_details: null },
    ...echo,
    model,
    output: [],
    usage: null,
  };
}

/** A whole answer. What is not known of its usage is null. */
export function completed(request: ResponseRequest, output: Item[], { reason, usage, model = request.model }: End, now: number): Response {
  const incomplete = INCOMPLETE[reason];
  return {
    ...begun({ ...request, model }),
    status: incomplete === undefined ? "completed" : "incomplete",
    completed_at: Math.floor(now / 1000),
    incomplete_details: incomplete === undefined ? null : { reason: incomplete },
    output,
    usage: usageOf(usage),
  };
}

/** What clients look for in the error of an answer that failed in the middle; everything else is a server's error, with its code in words. */
const CODES = new Set(["context_length_exceeded", "insufficient_quota", "rate_limit_exceeded"]);

export function failed(request: ResponseRequest, output: Item[], { code, type, message }: ApiFailure): Response {
  const known = type === "rate_limit_error" ? "rate_limit_exceeded" : code !== null && CODES.has(code) ? code : undefined;
  const error = { code: known ?? "server_error", message: known === undefined && code !== null ? `${message} (${code})` : message };
  return { ...begun(request), status: "failed", error, output };
}

function usageOf(usage: Usage | undefined): object | null {
  if (usage === undefined) return null;
  const { inputTokens, outputTokens, cacheReadTokens = 0, reasoningTokens = 0 } = usage;
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: cacheReadTokens },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: inputTokens + outputTokens,
  };
}

/** A block as an item, and with the id that names it for as long as the answer is kept. */
export function itemOf(block: Block, at: number, { id: response, handed }: ResponseRequest): Item & { id: string } {
  const id = (prefix: string): string => `${prefix}_${response.slice("resp_".length)}_${at}`;
  switch (block.kind) {
    case "thought":
      return {
        id: id("rs"),
        type: "reasoning",
        summary: block.text === "" ? [] : [{ type: "summary_text", text: block.text }],
        ...(block.seal === undefined ? {} : { encrypted_content: block.seal }),
      };
    case "call": {
      const { id: call_id, name: told, args } = block.call;
      const { name = told, namespace, custom = false } = handed.get(told) ?? {};
      const called = { status: "completed", call_id, name, ...(namespace === undefined ? {} : { namespace }) };
      if (custom) return { id: id("ctc"), type: "custom_tool_call", ...called, input: customInput(args) };
      return { id: id("fc"), type: "function_call", ...called, arguments: JSON.stringify(args) };
    }
    case "picture":
      return { id: id("ig"), type: "image_generation_call", status: "completed", result: base64Of(block.url), ...artifactOf(block.part) };
    case "hidden":
      return { id: id("rs"), type: "reasoning", summary: [], encrypted_content: block.seal };
    default:
      return { id: id("msg"), type: "message", role: "assistant", status: "completed", content: [contentOf(block)] };
  }
}

export const contentOf = (block: Extract<Block, { kind: "text" | "refusal" }>): object =>
  block.kind === "text"
    ? { type: "output_text", text: block.text, annotations: block.citations.map((one) => annotationOf(block, one)), logprobs: [] }
    : { type: "refusal", refusal: block.text };

/** A source that has an address, or a file by its name. */
export function annotationOf(block: TextBlock, citation: CitationPart): object {
  const { start, end } = placeOf(block, citation);
  const { url, title = "" } = citation;
  if (url === undefined) return { type: "file_citation", file_id: citation.artifact ?? "", filename: title, index: end };
  return { type: "url_citation", url, title, start_index: start, end_index: end };
}

/** What the bytes of a picture are behind its address; an address of elsewhere is told as it is. */
const base64Of = (url: string): string => (url.startsWith("data:") ? url.slice(url.indexOf(",") + 1) : url);
