import { randomUUID } from "node:crypto";
import type { ModelEvent, Part, PlinthError, ToolCallPart, Usage } from "@plinth/sdk";
import { failure, fault, imageOf } from "@plinth/sdk/kits/model-api";
import { annotationOf, usageOf } from "./wire-facts.ts";
import type { WireExtra } from "./wire-messages.ts";

const MAX_TOOL_CALLS = 128;
const MAX_ARGUMENTS = 8 * 1024 * 1024;

/** Of what one answer thinks, in the server's own form. */
const MAX_DETAILS = 4_096;

interface ToolCallSlot {
  id: string;
  extra: unknown;
  name: string;
  pieces: string[];
}

interface WireToolCall {
  index?: unknown;
  id?: unknown;
  extra_content?: unknown;
  function?: { name?: unknown; arguments?: unknown };
}

interface WireDelta {
  content?: unknown;
  refusal?: unknown;
  reasoning_content?: unknown;
  reasoning?: unknown;
  tool_calls?: unknown;
  reasoning_details?: unknown;
  annotations?: unknown;
  images?: unknown;
}

interface WireChunk {
  error?: unknown;
  usage?: unknown;
  choices?: { index?: unknown; delta?: WireDelta; message?: WireDelta; finish_reason?: unknown }[];
}

/** Turns the objects of one completion, streamed or whole, into model events. */
export class CompletionReader {
  readonly #title: string;
  readonly #toolNames: ReadonlyMap<string, string>;
  readonly #slots = new Map<number, ToolCallSlot>();
  #argumentsSize = 0;
  #lastIndex = -1;
  #refusal = "";
  #thought = "";
  readonly #details: unknown[] = [];
  #usage: Usage | undefined;
  #finish: string | undefined;
  #done = false;

  constructor(title: string, toolNames: ReadonlyMap<string, string>) {
    this.#title = title;
    this.#toolNames = toolNames;
  }

  /** `[DONE]` came: what follows is not read. */
  get done(): boolean {
    return this.#done;
  }

  /** Take the data of one event (or a whole JSON answer); `out` receives what can be told at once. */
  take(data: string, out: ModelEvent[]): void {
    if (data === "[DONE]") {
      this.#done = true;
      return;
    }
    let chunk: WireChunk;
    try {
      chunk = JSON.parse(data) as WireChunk;
    } catch (cause) {
      throw this.#broken("sent something that is not JSON", cause);
    }
    if (typeof chunk !== "object" || chunk === null) throw this.#broken("sent something that is not an object");
    if (chunk.error) throw fault(this.#title, chunk.error);
    if (chunk.usage) this.#usage = usageOf(chunk.usage) ?? this.#usage;
    const choice = Array.isArray(chunk.choices) ? chunk.choices.find((one) => (one?.index ?? 0) === 0) : undefined;
    if (!choice) return;
    const delta = choice.delta ?? choice.message;
    if (delta) this.#delta(delta, out);
    if (typeof choice.finish_reason === "string") this.#finish = choice.finish_reason;
  }

  /** What is left to tell once the answer is complete: tool calls, usage, the one end. */
  *finish(): Generator<ModelEvent> {
    if (this.#finish === undefined && !this.#done) throw this.#broken("stopped in the middle of its answer");
    if (this.#details.length > 0) {
      const data: WireExtra = { reasoning_details: this.#details };
      yield { type: "reasoning", part: { type: "reasoning", ...(this.#thought === "" ? {} : { text: this.#thought }), opaque: { data } } };
    }
    const used = new Set<string>();
    for (const [, slot] of [...this.#slots].sort(([a], [b]) => a - b)) {
      const id = slot.id === "" || used.has(slot.id) ? `call_${randomUUID()}` : slot.id;
      used.add(id);
      const call: ToolCallPart = { type: "tool-call", id, name: this.#toolNames.get(slot.name) ?? slot.name, args: this.#args(slot) };
      if (slot.extra !== undefined) call.opaque = { data: { extra_content: slot.extra } satisfies WireExtra };
      yield { type: "tool-call", call };
    }
    if (this.#refusal !== "") yield { type: "part", part: { type: "refusal", text: this.#refusal } };
    if (this.#usage) yield { type: "usage", usage: this.#usage };
    yield { type: "end", reason: this.#reason() };
  }

  #delta(delta: WireDelta, out: ModelEvent[]): void {
    const thinking = delta.reasoning_content ?? delta.reasoning;
    if (typeof thinking === "string" && thinking !== "") {
      this.#thought += thinking;
      out.push({ type: "reasoning", delta: thinking });
    }
    if (Array.isArray(delta.reasoning_details)) this.#details.push(...delta.reasoning_details.slice(0, MAX_DETAILS - this.#details.length));
    const text = typeof delta.content === "string" ? delta.content : partsText(delta.content);
    if (text !== "") out.push({ type: "text", delta: text });
    if (typeof delta.refusal === "string") this.#refusal += delta.refusal;
    for (const part of partsOf(delta)) out.push({ type: "part", part });
    if (Array.isArray(delta.tool_calls)) for (const call of delta.tool_calls as WireToolCall[]) this.#toolCall(call ?? {});
  }

  #toolCall({ index, id, function: called, extra_content }: WireToolCall): void {
    const at = this.#indexOf(index, id);
    this.#lastIndex = at;
    let slot = this.#slots.get(at);
    if (!slot) {
      if (this.#slots.size >= MAX_TOOL_CALLS) throw this.#broken(`called more than ${MAX_TOOL_CALLS} tools at once`);
      slot = { id: "", name: "", pieces: [], extra: undefined };
      this.#slots.set(at, slot);
    }
    slot.extra ??= extra_content;
    if (slot.id === "" && typeof id === "string") slot.id = id;
    if (slot.name === "" && typeof called?.name === "string") slot.name = called.name;
    const piece = typeof called?.arguments === "object" && called.arguments ? JSON.stringify(called.arguments) : called?.arguments;
    if (typeof piece !== "string" || piece === "") return;
    this.#argumentsSize += piece.length;
    if (this.#argumentsSize > MAX_ARGUMENTS) throw this.#broken("sent arguments of more than 8 MiB");
    slot.pieces.push(piece);
  }

  /** Some servers leave the index out: a new id is then a new call, and no id goes on with the last one. */
  #indexOf(index: unknown, id: unknown): number {
    if (typeof index === "number" && Number.isInteger(index) && index >= 0) return index;
    if (typeof id !== "string" || id === "") return Math.max(this.#lastIndex, 0);
    for (const [at, slot] of this.#slots) if (slot.id === id) return at;
    return this.#slots.size;
  }

  #args({ name, pieces }: ToolCallSlot): Record<string, unknown> {
    if (name === "") throw this.#broken("called a tool without naming it");
    const text = pieces.join("").trim();
    if (text === "") return {};
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      const why = this.#finish === "length" ? " because its answer reached the length limit" : "";
      throw this.#broken(`called the tool "${name.slice(0, 64)}" with arguments that are not JSON${why}`, cause);
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw this.#broken(`called the tool "${name.slice(0, 64)}" with arguments that are not an object`);
    }
    return value as Record<string, unknown>;
  }

  #reason(): "stop" | "tool-calls" | "length" | "filter" | "refusal" {
    if (this.#refusal !== "" && this.#slots.size === 0) return "refusal";
    if (this.#finish === "length") return "length";
    if (this.#finish === "content_filter") return "filter";
    return this.#slots.size > 0 ? "tool-calls" : "stop";
  }

  #broken(what: string, cause?: unknown): PlinthError {
    return failure("STREAM", `${this.#title} ${what}.`, { cause });
  }
}

/** What a piece of an answer holds besides words: sources, images. */
function partsOf({ annotations, images }: WireDelta): Part[] {
  const cited = Array.isArray(annotations) ? annotations.flatMap((one) => annotationOf(one) ?? []) : [];
  const seen = Array.isArray(images) ? images.flatMap((one) => imageOf(one?.image_url?.url) ?? []) : [];
  return [...cited, ...seen];
}

/** Content as a list of parts, of which only text is kept. */
function partsText(content: unknown): string {
  if (!Array.isArray(content)) return "";
  return content.map((part: { text?: unknown } | null) => (typeof part?.text === "string" ? part.text : "")).join("");
}
