import type { ModelEvent, Part, PlinthError, ToolCallPart } from "@plinth/sdk";
import { type AnswerReader, argumentsOf, failure, fault, unreadableCall, WellFormedText, wellFormed } from "@plinth/sdk/kits/model-api";
import type { Kept, WirePart } from "./contents.ts";
import { groundingCitations, recitedCitations, usageOf } from "./wire-facts.ts";

export interface ReaderOptions {
  /** Whose parts these are. */
  vendor: string;
  /** The model that was asked. */
  model: string;
  /** The tool's name by the name that was sent. */
  toolNames: ReadonlyMap<string, string>;
}

interface Candidate {
  index?: unknown;
  content?: { parts?: unknown };
  finishReason?: unknown;
  finishMessage?: unknown;
  groundingMetadata?: unknown;
  citationMetadata?: unknown;
}

interface Chunk {
  error?: unknown;
  candidates?: unknown;
  promptFeedback?: { blockReason?: unknown; blockReasonMessage?: unknown };
  usageMetadata?: unknown;
  /** Some proxies wrap each chunk. */
  response?: Chunk;
}

type EndReason = Extract<ModelEvent, { type: "end" }>["reason"];

/** How an answer may end well: https://ai.google.dev/api/generate-content#FinishReason. Every other word is a failure. */
const ENDS: Readonly<Record<string, EndReason>> = {
  STOP: "stop",
  // Not published; some servers that speak the protocol say it of a call.
  FUNCTION_CALL: "stop",
  MAX_TOKENS: "length",
  CONTINUATION: "length",
  SAFETY: "filter",
  RECITATION: "filter",
  LANGUAGE: "filter",
  BLOCKLIST: "filter",
  PROHIBITED_CONTENT: "filter",
  SPII: "filter",
  IMAGE_SAFETY: "filter",
  IMAGE_PROHIBITED_CONTENT: "filter",
  IMAGE_RECITATION: "filter",
};

const MAX_TOOL_CALLS = 128;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

/** Turns the chunks of one answer into model events. */
export class GeminiReader implements AnswerReader {
  /** The format has no last chunk: what follows the reason may be the usage. */
  readonly done = false;
  readonly #title: string;
  readonly #options: ReaderOptions;
  readonly #ids = new Set<string>();
  readonly #serverTools: Record<string, number> = {};
  #said = "";
  /** What was told in deltas since the last whole part. */
  #text = "";
  #thought = "";
  #calls = 0;
  #usage: unknown;
  #grounding: unknown;
  #recited: unknown;
  #finish: string | undefined;
  #finishMessage = "";
  /** The failure of the first call that was made and cannot be read. */
  #unreadable: PlinthError | undefined;
  /** A piece may end in the middle of a character. */
  #textPieces = new WellFormedText();
  #thoughtPieces = new WellFormedText();

  constructor(title: string, options: ReaderOptions) {
    this.#title = title;
    this.#options = options;
  }

  take(data: string, out: ModelEvent[]): void {
    if (data === "[DONE]") return;
    let value: unknown;
    try {
      value = JSON.parse(data);
    } catch (cause) {
      throw this.#broken("sent something that is not JSON", { cause });
    }
    // Without `alt=sse` a stream is one list.
    for (const chunk of Array.isArray(value) ? value : [value]) {
      if (typeof chunk !== "object" || chunk === null) throw this.#broken("sent something that is not an object");
      this.#chunk(chunk as Chunk, out);
    }
  }

  *finish(): Generator<ModelEvent> {
    if (this.#finish === undefined) throw this.#broken("stopped in the middle of its answer");
    const reason = ENDS[this.#finish];
    const said = `${this.#finish}${this.#finishMessage === "" ? "" : `: ${this.#finishMessage}`}`;
    if (reason === undefined) {
      throw this.#broken(`did not finish its answer: ${said}`, { details: { finishReason: this.#finish } });
    }
    const rest: ModelEvent[] = [];
    this.#closeThought({}, rest);
    yield* rest;
    for (const part of [...groundingCitations(this.#grounding, this.#said), ...recitedCitations(this.#recited)]) yield { type: "part", part };
    if (reason === "filter")
      yield { type: "warning", code: "PLINTH_MODEL_FILTER", message: `${this.#title} withheld the rest of its answer: ${said}.` };
    const usage = usageOf(this.#usage, this.#serverTools);
    if (usage) yield { type: "usage", usage };
    if (this.#unreadable !== undefined) throw this.#unreadable;
    yield { type: "end", reason: reason === "stop" && this.#calls > 0 ? "tool-calls" : reason };
  }

  #chunk(chunk: Chunk, out: ModelEvent[]): void {
    if (chunk.candidates === undefined && typeof chunk.response === "object" && chunk.response !== null) return this.#chunk(chunk.response, out);
    if (chunk.error) throw fault(this.#title, chunk.error);
    const { blockReason, blockReasonMessage } = chunk.promptFeedback ?? {};
    if (typeof blockReason === "string") {
      const why = typeof blockReasonMessage === "string" ? `${blockReason}: ${blockReasonMessage.slice(0, 300)}` : blockReason;
      throw failure("FILTER", `${this.#title} refused the request: ${why}.`, { details: { blockReason } });
    }
    this.#usage = chunk.usageMetadata ?? this.#usage;
    const candidates = (Array.isArray(chunk.candidates) ? chunk.candidates : []) as (Candidate | null)[];
    const candidate = candidates.find((one) => (one?.index ?? 0) === 0);
    if (!candidate) return;
    const parts = candidate.content?.parts;
    for (const part of Array.isArray(parts) ? parts : []) if (typeof part === "object" && part !== null) this.#part(part as WirePart, out);
    this.#ground(candidate.groundingMetadata);
    this.#recited = candidate.citationMetadata ?? this.#recited;
    if (typeof candidate.finishReason === "string") this.#finish = candidate.finishReason;
    if (typeof candidate.finishMessage === "string") this.#finishMessage = candidate.finishMessage.slice(0, 300);
  }

  #ground(metadata: unknown): void {
    if (typeof metadata !== "object" || metadata === null) return;
    this.#grounding = { ...(this.#grounding as object | undefined), ...metadata };
    const { webSearchQueries } = metadata as { webSearchQueries?: unknown };
    if (Array.isArray(webSearchQueries) && webSearchQueries.length > 0) this.#serverTools["web-search"] = webSearchQueries.length;
  }

  #part(wire: WirePart, out: ModelEvent[]): void {
    const { thought, text, functionCall, inlineData, fileData, ...more } = wire;
    if (thought === true && typeof text === "string") {
      this.#closeText(out);
      const delta = this.#thoughtPieces.push(text);
      this.#thought += delta;
      if (delta !== "") out.push({ type: "reasoning", delta });
      // A signed part is whole: what follows is another one.
      if (more.thoughtSignature !== undefined) this.#closeThought(more, out);
      return;
    }
    this.#closeThought({}, out);
    if (typeof text === "string") return this.#words(text, more, out);
    this.#closeText(out);
    if (typeof functionCall === "object" && functionCall !== null) return this.#call(functionCall as Record<string, unknown>, more, out);
    const made = this.#bytes(inlineData ?? fileData);
    if (made !== undefined) return void out.push({ type: "part", part: { ...made, opaque: { data: this.#kept(more) } } });
    if (wire.executableCode !== undefined) this.#serverTools["code-execution"] = (this.#serverTools["code-execution"] ?? 0) + 1;
    if (Object.keys(wire).length > 0) out.push({ type: "part", part: { type: "opaque", opaque: { data: this.#kept(wire) } } });
  }

  #kept(part: WirePart): Kept {
    return { vendor: this.#options.vendor, model: this.#options.model, part };
  }

  #closeThought(more: WirePart, out: ModelEvent[]): void {
    if (this.#thought === "" && more.thoughtSignature === undefined) return;
    const text = this.#thought;
    this.#thought = "";
    out.push({ type: "reasoning", part: { type: "reasoning", ...(text === "" ? {} : { text }), opaque: { data: this.#kept(more) } } });
  }

  #words(text: string, more: WirePart, out: ModelEvent[]): void {
    if (more.thoughtSignature === undefined) {
      const delta = this.#textPieces.push(text);
      this.#said += delta;
      this.#text += delta;
      if (delta !== "") out.push({ type: "text", delta });
      return;
    }
    // A signature belongs to its part alone, which is often an empty one: it is not put together with the words before it.
    this.#closeText(out);
    if (text === "") out.push({ type: "part", part: { type: "opaque", opaque: { data: this.#kept({ text, ...more }) } } });
    else {
      const whole = wellFormed(text);
      this.#said += whole;
      out.push({ type: "text", delta: whole }, { type: "part", part: { type: "text", text: whole, opaque: { data: this.#kept(more) } } });
    }
  }

  #closeText(out: ModelEvent[]): void {
    if (this.#text === "") return;
    out.push({ type: "part", part: { type: "text", text: this.#text } });
    this.#text = "";
  }

  #call(wire: Record<string, unknown>, more: WirePart, out: ModelEvent[]): void {
    const { name, args, id } = wire;
    if (wire.willContinue === true || wire.partialArgs !== undefined) throw this.#broken("sent a call in pieces, which it was not asked for");
    if (typeof name !== "string" || name === "") throw this.#broken("called a tool without naming it");
    if (++this.#calls > MAX_TOOL_CALLS) throw this.#broken(`called more than ${MAX_TOOL_CALLS} tools at once`);
    const given = typeof id === "string" && id !== "" ? id : undefined;
    const own = given === undefined || this.#ids.has(given) ? `call_${crypto.randomUUID()}` : given;
    this.#ids.add(own);
    const ours = this.#options.toolNames.get(name) ?? name;
    // Its arguments are an object in this protocol; some proxies send the text of one.
    const text = typeof args === "string" ? args : JSON.stringify(args ?? null);
    const read = argumentsOf(text);
    if (read === undefined) {
      this.#unreadable ??= unreadableCall(this.#title, { id: own, name: ours }, text);
      return;
    }
    const call: ToolCallPart = { type: "tool-call", id: own, name: ours, args: read };
    const kept = { ...(given === undefined ? {} : { id: given }), ...more };
    if (Object.keys(kept).length > 0) call.opaque = { data: this.#kept(kept) };
    out.push({ type: "tool-call", call });
  }

  #bytes(wire: unknown): Part | undefined {
    const { mimeType, data, fileUri, displayName } = (typeof wire === "object" && wire !== null ? wire : {}) as Record<string, unknown>;
    if (typeof mimeType !== "string") return undefined;
    const name = typeof displayName === "string" ? { name: displayName.slice(0, 500) } : {};
    const kind = /^(image|audio|video)\//.exec(mimeType)?.[1] as "image" | "audio" | "video" | undefined;
    const about = { type: kind ?? ("file" as const), mimeType: mimeType.slice(0, 256), ...name };
    if (typeof data === "string" && BASE64.test(data)) return { ...about, base64: data.replaceAll("-", "+").replaceAll("_", "/") };
    return typeof fileUri === "string" && fileUri.length <= 8_192 ? { ...about, url: fileUri } : undefined;
  }

  #broken(what: string, more: { cause?: unknown; details?: Record<string, unknown> } = {}): PlinthError {
    return failure("STREAM", `${this.#title} ${what}.`, more);
  }
}
