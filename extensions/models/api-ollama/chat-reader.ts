import type { ModelEvent, PlinthError, ToolCallPart, Usage } from "@plinth/sdk";
import { type AnswerReader, argumentsOf, failure, fault, ThinkTags, unreadableCall, WellFormedText } from "@plinth/sdk/kits/model-api";
import type { WireExtra } from "./chat-request.ts";

const MAX_CALLS = 128;
/** What a server is known to end with; `load` and `unload` end requests without messages. */
const ENDS: Readonly<Record<string, "stop" | "length">> = { stop: "stop", length: "length" };

/** Turns the lines of one answer into model events. Calls come whole, their arguments as an object. */
export class ChatReader implements AnswerReader {
  readonly #title: string;
  readonly #names: ReadonlyMap<string, string>;
  readonly #tags = new ThinkTags(false);
  readonly #text = new WellFormedText();
  readonly #calls: { id: string; name: string; text: string }[] = [];
  #thought: string[] = [];
  #end: string | undefined;
  #usage: Usage | undefined;

  /** @param names our tools' names by those that were sent. */
  constructor(title: string, names: ReadonlyMap<string, string>) {
    this.#title = title;
    this.#names = names;
  }

  get done(): boolean {
    return this.#end !== undefined;
  }

  take(data: string, out: ModelEvent[]): void {
    let line: any;
    try {
      line = JSON.parse(data);
    } catch (cause) {
      throw this.#broken("sent something that is not JSON", cause);
    }
    if (typeof line !== "object" || line === null) throw this.#broken("sent something that is not an object");
    if (line.error) throw fault(this.#title, line.error);
    const { thinking, content, tool_calls } = line.message ?? {};
    if (typeof thinking === "string") this.#think(thinking, out);
    if (typeof content === "string" && content !== "") {
      const told = this.#tags.push(content);
      this.#think(told.thought, out);
      this.#say(told.text, out);
    }
    if (Array.isArray(tool_calls)) for (const call of tool_calls) this.#call(call);
    if (line.done !== true) return;
    this.#end = typeof line.done_reason === "string" ? line.done_reason : "stop";
    const { prompt_eval_count: read, eval_count: written } = line;
    // What stands in its cache is not counted again by some versions: a count that is not there is not known.
    if (Number.isInteger(read) && Number.isInteger(written) && read >= 0 && written >= 0) this.#usage = { inputTokens: read, outputTokens: written };
  }

  whole(text: string, out: ModelEvent[]): void {
    for (const line of text.split("\n")) if (line.trim() !== "" && !this.done) this.take(line, out);
  }

  *finish(): Generator<ModelEvent> {
    const out: ModelEvent[] = [];
    const rest = this.#tags.end();
    this.#think(rest.thought, out);
    this.#say(rest.text + this.#text.end(), out);
    this.#settle(out);
    yield* out;
    if (this.#end === undefined) throw this.#broken("stopped in the middle of its answer");
    const end = ENDS[this.#end];
    if (end === undefined) throw this.#broken(`ended its answer with ${JSON.stringify(this.#end.slice(0, 200))}`);
    let unreadable: PlinthError | undefined;
    let called = 0;
    for (const { id, name, text } of this.#calls) {
      const args = argumentsOf(text);
      if (args === undefined) unreadable ??= unreadableCall(this.#title, { id, name }, text);
      else {
        const call: ToolCallPart = { type: "tool-call", id, name, args };
        called++;
        yield { type: "tool-call", call };
      }
    }
    if (unreadable !== undefined) throw unreadable;
    if (this.#usage) yield { type: "usage", usage: this.#usage };
    yield { type: "end", reason: end === "stop" && called > 0 ? "tool-calls" : end };
  }

  #think(piece: string, out: ModelEvent[]): void {
    if (piece === "") return;
    this.#thought.push(piece);
    out.push({ type: "reasoning", delta: piece.toWellFormed() });
  }

  #say(piece: string, out: ModelEvent[]): void {
    const delta = this.#text.push(piece);
    if (delta === "") return;
    this.#settle(out);
    out.push({ type: "text", delta });
  }

  #settle(out: ModelEvent[]): void {
    const text = this.#thought.join("").toWellFormed();
    if (text === "") return;
    out.push({ type: "reasoning", part: { type: "reasoning", text, opaque: { data: { thinking: text } satisfies WireExtra } } });
    this.#thought = [];
  }

  #call(call: any): void {
    const name = call?.function?.name;
    if (typeof name !== "string" || name === "") throw this.#broken("called a tool without naming it");
    if (this.#calls.length >= MAX_CALLS) throw this.#broken(`called more than ${MAX_CALLS} tools at once`);
    const args = call.function.arguments;
    const given = typeof call.id === "string" ? call.id : "";
    const id = given === "" || this.#calls.some((one) => one.id === given) ? `call_${crypto.randomUUID()}` : given;
    this.#calls.push({ id, name: this.#names.get(name) ?? name, text: typeof args === "string" ? args : args == null ? "" : JSON.stringify(args) });
  }

  #broken(what: string, cause?: unknown): PlinthError {
    return failure("STREAM", `${this.#title} ${what}.`, { cause });
  }
}
