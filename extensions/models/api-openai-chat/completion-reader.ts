import type { ModelEvent, Part, PlinthError, Usage } from "@plinth/sdk";
import {
  type AnswerReader,
  EventStreamParser,
  type FailureKind,
  failure,
  fault,
  imageOf,
  ThinkTags,
  WellFormedText,
} from "@plinth/sdk/kits/model-api";
import { annotationOf } from "./annotation.ts";
import { badEnd, endOf, isGood } from "./finish-reason.ts";
import { ReasoningDetails } from "./reasoning-details.ts";
import { ToolCalls, type WireToolCall } from "./tool-calls.ts";
import { usageOf } from "./usage.ts";
import type { ThoughtField, WireExtra } from "./wire-extra.ts";

interface WireDelta {
  content?: unknown;
  refusal?: unknown;
  reasoning_content?: unknown;
  reasoning?: unknown;
  reasoning_details?: unknown;
  tool_calls?: unknown;
  function_call?: WireToolCall["function"];
  annotations?: unknown;
  images?: unknown;
}

interface WireChoice {
  index?: unknown;
  delta?: WireDelta | null;
  message?: WireDelta | null;
  text?: unknown;
  finish_reason?: unknown;
  usage?: unknown;
}

type Reason = Extract<ModelEvent, { type: "end" }>["reason"];

/** Turns the objects of one completion, streamed or whole, into model events. */
export class CompletionReader implements AnswerReader {
  readonly #title: string;
  readonly #calls: ToolCalls;
  readonly #tags: ThinkTags;
  readonly #details = new ReasoningDetails();
  readonly #text = new WellFormedText();
  readonly #thinking = new WellFormedText();
  /** Thought since the last whole part, and the field in which it came. */
  #thought: string[] = [];
  #field: ThoughtField | undefined;
  #said = false;
  #refusal = "";
  #usage: Usage | undefined;
  #finish: string | undefined;
  #done = false;
  #answered = false;

  constructor(title: string, toolNames: ReadonlyMap<string, string>, { thinkTags = false }: { thinkTags?: boolean } = {}) {
    this.#title = title;
    this.#calls = new ToolCalls(title, toolNames, (what) => this.#broken(what));
    this.#tags = new ThinkTags(thinkTags);
  }

  /** `[DONE]` came: what follows is not read. */
  get done(): boolean {
    return this.#done;
  }

  take(given: string, out: ModelEvent[]): void {
    const data = given.trim();
    if (data === "[DONE]") this.#done = true;
    if (this.#done || data === "") return;
    let chunk: any;
    try {
      chunk = JSON.parse(data);
    } catch (cause) {
      throw this.#broken("sent something that is not JSON", cause);
    }
    if (typeof chunk !== "object" || chunk === null) throw this.#broken("sent something that is not an object");
    const error = errorIn(chunk);
    if (error !== undefined) throw fault(this.#title, error);
    const choice: WireChoice | undefined = Array.isArray(chunk.choices) ? chunk.choices.find((one: any) => (one?.index ?? 0) === 0) : undefined;
    this.#usage = usageOf(chunk.usage) ?? usageOf(chunk.x_groq?.usage) ?? usageOf(choice?.usage) ?? this.#usage;
    if (!choice) return;
    this.#answered = true;
    const delta = choice.delta ?? choice.message;
    if (delta) this.#delta(delta, out);
    else if (typeof choice.text === "string") this.#content(choice.text, out);
    if (typeof choice.finish_reason === "string" && choice.finish_reason !== "") this.#finish = choice.finish_reason;
  }

  /** One JSON object instead of a stream; or a stream that says that it is one. */
  whole(text: string, out: ModelEvent[]): void {
    if (/^\s*[{[]/.test(text)) this.take(text, out);
    else for (const data of new EventStreamParser().push(new TextEncoder().encode(`${text}\n\n`))) this.take(data, out);
    this.#done ||= this.#answered && /^\s*[{[]/.test(text);
  }

  /** What is left to tell once the answer is complete: thinking, calls, usage, the one end. */
  *finish(): Generator<ModelEvent> {
    const out: ModelEvent[] = [];
    const { thought, text } = this.#tags.end();
    this.#think(thought + this.#thinking.end(), "think", out);
    this.#say(text + this.#text.end(), out);
    this.#settle(out);
    yield* out;
    const end = this.#finish === undefined ? undefined : endOf(this.#finish);
    if (end === undefined && !this.#done) throw this.#broken("stopped in the middle of its answer");
    if (end !== undefined && !isGood(end)) throw badEnd(this.#title, end as FailureKind, this.#finish!);
    const { calls, error } = this.#calls.finish(end === "length" || end === "filter");
    for (const call of calls) yield { type: "tool-call", call };
    if (error !== undefined) throw error;
    if (end === "tool-calls" && calls.length === 0 && !this.#said) throw this.#broken("said that it calls a tool, and called none");
    if (this.#refusal !== "") yield { type: "part", part: { type: "refusal", text: this.#refusal.toWellFormed() } };
    if (this.#usage) yield { type: "usage", usage: this.#usage };
    yield { type: "end", reason: this.#reason(end as Reason | undefined, calls.length > 0) };
  }

  #delta(delta: WireDelta, out: ModelEvent[]): void {
    const { reasoning_content, reasoning, reasoning_details, content, tool_calls, function_call } = delta;
    const details = Array.isArray(reasoning_details) ? this.#details.add(reasoning_details) : "";
    if (typeof reasoning_content === "string" && reasoning_content !== "") this.#think(reasoning_content, "reasoning_content", out);
    else if (typeof reasoning === "string" && reasoning !== "") this.#think(reasoning, "reasoning", out);
    else if (details !== "") this.#think(details, undefined, out);
    if (typeof content === "string") this.#content(content, out);
    else if (Array.isArray(content)) for (const part of content) this.#part(part, out);
    if (typeof delta.refusal === "string") this.#refusal += delta.refusal;
    for (const part of partsOf(delta)) {
      this.#settle(out);
      out.push({ type: "part", part });
    }
    if (Array.isArray(tool_calls)) this.#calls.take(tool_calls);
    // Of the time before tools.
    if (typeof function_call === "object" && function_call !== null) this.#calls.take([{ index: 0, function: function_call }]);
  }

  #content(piece: string, out: ModelEvent[]): void {
    if (piece === "") return;
    const { thought, text } = this.#tags.push(piece);
    this.#think(thought, "think", out);
    this.#say(text, out);
  }

  /** A part of a content that is a list. */
  #part(part: any, out: ModelEvent[]): void {
    if (typeof part?.text === "string") this.#content(part.text, out);
    if (part?.type !== "thinking") return;
    const pieces = Array.isArray(part.thinking) ? part.thinking.map((one: any) => (typeof one?.text === "string" ? one.text : "")) : [part.thinking];
    this.#think(pieces.filter((one: unknown) => typeof one === "string").join(""), "content", out);
  }

  #think(piece: string, field: ThoughtField | undefined, out: ModelEvent[]): void {
    if (piece === "") return;
    this.#field = field ?? this.#field;
    const delta = this.#thinking.push(piece);
    if (delta === "") return;
    this.#thought.push(delta);
    out.push({ type: "reasoning", delta });
  }

  #say(piece: string, out: ModelEvent[]): void {
    const delta = this.#text.push(piece);
    if (delta === "") return;
    this.#settle(out);
    this.#said = true;
    out.push({ type: "text", delta });
  }

  /** What was thought is whole: with what goes back to the server, as it came. */
  #settle(out: ModelEvent[]): void {
    const text = this.#thought.join("");
    const details = this.#details.take();
    if (text === "" && details.length === 0) return;
    const data: WireExtra = {
      ...(this.#field === undefined || text === "" ? {} : { [this.#field]: text }),
      ...(details.length === 0 ? {} : { reasoning_details: details }),
    };
    out.push({ type: "reasoning", part: { type: "reasoning", ...(text === "" ? {} : { text }), opaque: { data } } });
    this.#thought = [];
    this.#field = undefined;
  }

  #reason(end: Reason | undefined, called: boolean): Reason {
    if (end === "length" || end === "filter" || end === "refusal") return end;
    if (called) return "tool-calls";
    return this.#refusal !== "" ? "refusal" : "stop";
  }

  #broken(what: string, cause?: unknown): PlinthError {
    return failure("STREAM", `${this.#title} ${what}.`, { cause });
  }
}

/** An error in the middle of a stream, in the forms of OpenAI, Groq (x_groq), vLLM (object: error), FastAPI (detail) and Anthropic. */
function errorIn(chunk: any): unknown {
  if (chunk.error) return chunk.error;
  if (chunk.x_groq?.error) return { message: String(chunk.x_groq.error) };
  if (Array.isArray(chunk.choices)) return chunk.choices[0]?.error || undefined;
  const isError = chunk.object === "error" || chunk.type === "error" || chunk.detail !== undefined || typeof chunk.message === "string";
  return isError ? chunk : undefined;
}

/** What a piece of an answer holds besides words: sources, images. */
function partsOf({ annotations, images }: WireDelta): Part[] {
  const cited = Array.isArray(annotations) ? annotations.flatMap((one) => annotationOf(one) ?? []) : [];
  const seen = Array.isArray(images) ? images.flatMap((one) => imageOf(one?.image_url?.url) ?? []) : [];
  return [...cited, ...seen];
}
