import { randomBytes } from "node:crypto";
import type { Usage } from "@plinth/sdk";
import type { Asked, CitationPart, EndReason, Said } from "../asking.ts";
import { dataOf } from "../conversation.ts";
import { failureOf } from "../failure.ts";
import { type Block, blocksOf, type Piece, Pieces } from "../pieces.ts";
import { anthropicFailure } from "./failure.ts";

type End = Extract<Said, { type: "end" }>;

const STOP: Readonly<Record<EndReason, string>> = {
  stop: "end_turn",
  length: "max_tokens",
  "tool-calls": "tool_use",
  refusal: "refusal",
  filter: "refusal",
};

const headOf = ({ model }: Asked) => ({ id: `msg_${randomBytes(12).toString("hex")}`, type: "message", role: "assistant", model });

/** The format has no room for what is not known: it is 0. */
function usageOf(usage: Usage = { inputTokens: 0, outputTokens: 0 }): object {
  const { inputTokens, outputTokens, cacheReadTokens = 0, cacheWriteTokens = 0, reasoningTokens } = usage;
  return {
    input_tokens: Math.max(0, inputTokens - cacheReadTokens - cacheWriteTokens),
    cache_creation_input_tokens: cacheWriteTokens,
    cache_read_input_tokens: cacheReadTokens,
    output_tokens: outputTokens,
    ...(reasoningTokens === undefined ? {} : { output_tokens_details: { thinking_tokens: reasoningTokens } }),
  };
}

/** The whole answer. */
export function message(request: Asked, said: readonly Said[]): object {
  const { reason, usage, model = request.model } = said.at(-1) as End;
  return {
    ...headOf({ ...request, model }),
    content: blocksOf(said).map(blockOf),
    stop_reason: STOP[reason],
    stop_sequence: null,
    usage: usageOf(usage),
  };
}

function blockOf(block: Block): object {
  switch (block.kind) {
    case "call": {
      const { id, name, args } = block.call;
      return { type: "tool_use", id, name, input: args };
    }
    case "thought":
      if (block.redacted) return { type: "redacted_thinking", data: block.seal ?? "" };
      return { type: "thinking", thinking: block.text, signature: block.seal ?? "" };
    case "hidden":
      return { type: "redacted_thinking", data: block.seal };
    case "picture":
      return { type: "image", source: sourceOf(block.url) };
    case "text":
      return { type: "text", text: block.text, ...(block.citations.length === 0 ? {} : { citations: block.citations.map(citationOf) }) };
    case "refusal":
      return { type: "text", text: block.text };
  }
}

/** A source as this API tells those of its own search; one without an address as a search result. */
function citationOf({ url, title = "", quote = "" }: CitationPart): object {
  if (url !== undefined) return { type: "web_search_result_location", url, title, cited_text: quote, encrypted_index: "" };
  return {
    type: "search_result_location",
    source: title,
    title,
    cited_text: quote,
    search_result_index: 0,
    start_block_index: 0,
    end_block_index: 0,
  };
}

/** The API has no pictures in answers: they have the form in which it takes them. */
function sourceOf(url: string): object {
  const found = dataOf(url);
  return found === undefined ? { type: "url", url } : { type: "base64", media_type: found.mimeType, data: found.base64 };
}

const event = (type: string, fields: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;

/** The answer as events, in the order that is published: https://platform.claude.com/docs/en/build-with-claude/streaming */
export async function* messageEvents(request: Asked, said: AsyncIterable<Said>): AsyncGenerator<string> {
  const pieces = new Pieces();
  const head = { ...headOf(request), content: [], stop_reason: null, stop_sequence: null, usage: usageOf() };
  yield event("message_start", { message: head });
  try {
    for await (const one of said) {
      if (one.type === "busy") yield event("ping", {});
      for (const piece of pieces.take(one)) yield* pieceEvents(piece);
      if (one.type !== "end") continue;
      yield event("message_delta", { delta: { stop_reason: STOP[one.reason], stop_sequence: null }, usage: usageOf(one.usage) });
      yield event("message_stop", {});
    }
  } catch (error) {
    yield event("error", anthropicFailure(failureOf(error)));
  }
}

function* pieceEvents(piece: Piece): Generator<string> {
  const { at: index } = piece;
  const delta = (change: object): string => event("content_block_delta", { index, delta: change });
  if (piece.type === "begin") yield event("content_block_start", { index, content_block: begun(piece.block) });
  else if (piece.type === "grow") {
    if (piece.kind === "call") yield delta({ type: "input_json_delta", partial_json: piece.delta });
    else if (piece.kind === "thought") yield delta({ type: "thinking_delta", thinking: piece.delta });
    else yield delta({ type: "text_delta", text: piece.delta });
  } else if (piece.type === "cite") yield delta({ type: "citations_delta", citation: citationOf(piece.citation) });
  else {
    const { block } = piece;
    if (block.kind === "thought" && !block.redacted && block.seal !== undefined) yield delta({ type: "signature_delta", signature: block.seal });
    yield event("content_block_stop", { index });
  }
}

/** A block as it begins: a call's input and a thought's signature come in pieces. */
function begun(block: Block): object {
  if (block.kind === "call") return { ...blockOf(block), input: {} };
  return blockOf(block);
}
