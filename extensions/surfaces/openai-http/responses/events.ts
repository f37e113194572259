import { COMMENT } from "../answering.ts";
import type { Said } from "../asking.ts";
import { failureOf } from "../failure.ts";
import { type Block, type Piece, Pieces } from "../pieces.ts";
import type { Item } from "./items.ts";
import type { Response } from "./pictures.ts";
import type { ResponseRequest } from "./request.ts";
import { annotationOf, begun, contentOf, failed, itemOf } from "./response.ts";

type End = Extract<Said, { type: "end" }>;
type Tell = (type: string, fields: object) => string;

/**
 * The answer as events, numbered, in the order that is published: https://platform.openai.com/docs/api-reference/responses-streaming
 *
 * @param finish makes the whole answer, and keeps it where that was asked for.
 */
export async function* responseEvents(
  request: ResponseRequest,
  said: AsyncIterable<Said>,
  finish: (blocks: readonly Block[], end: End) => Promise<Response>,
): AsyncGenerator<string> {
  let sequence = 0;
  const tell: Tell = (type, fields) => `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence++, ...fields })}\n\n`;
  const pieces = new Pieces();
  const items = new ItemEvents(request, tell);
  yield tell("response.created", { response: begun(request) });
  yield tell("response.in_progress", { response: begun(request) });
  try {
    for await (const one of said) {
      if (one.type === "busy") yield COMMENT;
      for (const piece of pieces.take(one)) yield* items.of(piece);
      if (one.type !== "end") continue;
      const response = await finish(pieces.blocks, one);
      yield tell(`response.${response.status}`, { response });
    }
  } catch (error) {
    const output = pieces.blocks.map((block, at) => itemOf(block, at, request));
    yield tell("response.failed", { response: failed(request, output, failureOf(error)) });
  }
}

/** Tells what happens to one item after the other. */
class ItemEvents {
  readonly #request: ResponseRequest;
  readonly #tell: Tell;
  /** The one that is told. */
  #item: Item = {};

  constructor(request: ResponseRequest, tell: Tell) {
    this.#request = request;
    this.#tell = tell;
  }

  *of(piece: Piece): Generator<string> {
    const { at } = piece;
    if (piece.type === "grow") return yield this.#grown(piece.kind, piece.delta, at);
    if (piece.type === "cite") {
      const place = { ...this.#place(at), content_index: 0, annotation_index: piece.count - 1 };
      return yield this.#tell("response.output_text.annotation.added", { ...place, annotation: annotationOf(piece.block, piece.citation) });
    }
    const { plinth_artifact: _, ...item } = itemOf(piece.block, at, this.#request);
    this.#item = item;
    yield* piece.type === "begin" ? this.#added(piece.block, at) : this.#done(piece.block, at);
  }

  #place(output_index: number): object {
    return { item_id: this.#item.id, output_index };
  }

  *#added(block: Block, output_index: number): Generator<string> {
    const tell = this.#tell;
    const place = this.#place(output_index);
    yield tell("response.output_item.added", { output_index, item: { ...this.#item, ...OPENING[String(this.#item.type)] } });
    if (block.kind === "text" || block.kind === "refusal")
      yield tell("response.content_part.added", { ...place, content_index: 0, part: contentOf(block) });
    else if (block.kind === "picture") for (const step of ["in_progress", "generating"]) yield tell(`response.image_generation_call.${step}`, place);
    else if (block.kind === "thought" && !block.redacted)
      yield tell("response.reasoning_summary_part.added", { ...place, summary_index: 0, part: { type: "summary_text", text: "" } });
  }

  #grown(kind: Block["kind"], delta: string, output_index: number): string {
    const tell = this.#tell;
    const place = this.#place(output_index);
    if (kind === "text") return tell("response.output_text.delta", { ...place, content_index: 0, delta, logprobs: [] });
    if (kind === "refusal") return tell("response.refusal.delta", { ...place, content_index: 0, delta });
    if (kind === "thought") return tell("response.reasoning_summary_text.delta", { ...place, summary_index: 0, delta });
    const { type, input } = this.#item;
    if (type === "custom_tool_call") return tell("response.custom_tool_call_input.delta", { ...place, delta: input });
    return tell("response.function_call_arguments.delta", { ...place, delta });
  }

  *#done(block: Block, output_index: number): Generator<string> {
    const tell = this.#tell;
    const place = this.#place(output_index);
    const item = this.#item;
    if (block.kind === "text") yield tell("response.output_text.done", { ...place, content_index: 0, text: block.text, logprobs: [] });
    else if (block.kind === "refusal") yield tell("response.refusal.done", { ...place, content_index: 0, refusal: block.text });
    else if (block.kind === "call" && item.type === "custom_tool_call")
      yield tell("response.custom_tool_call_input.done", { ...place, input: item.input });
    else if (block.kind === "call") yield tell("response.function_call_arguments.done", { ...place, name: item.name, arguments: item.arguments });
    else if (block.kind === "thought" && !block.redacted) {
      yield tell("response.reasoning_summary_text.done", { ...place, summary_index: 0, text: block.text });
      yield tell("response.reasoning_summary_part.done", { ...place, summary_index: 0, part: { type: "summary_text", text: block.text } });
    }
    if (block.kind === "text" || block.kind === "refusal")
      yield tell("response.content_part.done", { ...place, content_index: 0, part: contentOf(block) });
    if (block.kind === "picture") yield tell("response.image_generation_call.completed", place);
    yield tell("response.output_item.done", { output_index, item });
  }
}

/** An item as it begins. */
const OPENING: Readonly<Record<string, object>> = {
  reasoning: { summary: [] },
  message: { status: "in_progress", content: [] },
  function_call: { status: "in_progress", arguments: "" },
  custom_tool_call: { status: "in_progress", input: "" },
  image_generation_call: { status: "in_progress", result: null },
};
