import type { ModelEvent, Part } from "@plinth/sdk";
import { AnswerBlocks, type AnswerReader, fault } from "@plinth/sdk/kits/model-api";
import type { Returned } from "./content-blocks.ts";
import { type PlainDelta, plainDelta } from "./plain-delta.ts";
import { UsageCount } from "./usage.ts";

type Wire = Record<string, any>;
type EndReason = Extract<ModelEvent, { type: "end" }>["reason"];

const REASONS: { readonly [stop: string]: EndReason } = {
  end_turn: "stop",
  stop_sequence: "stop",
  tool_use: "tool-calls",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  refusal: "refusal",
  pause_turn: "pause",
};

/** Kept of a block that is not known here: its JSON, in characters. */
const MAX_BLOCK = 4 * 1_048_576;

/**
 * Reads the events of one message of the Messages API, as its streaming format publishes them
 * (https://platform.claude.com/docs/en/build-with-claude/streaming), and tells them as model events. Events and blocks of other
 * kinds may be added to the format at any time: such events are passed over, such blocks are kept to go back as they came.
 */
export class MessageReader implements AnswerReader {
  readonly #title: string;
  readonly #vendor: string;
  readonly #blocks: AnswerBlocks;
  readonly #usage = new UsageCount();
  /** Blocks that go back as they came, by index, with the pieces of their input. */
  readonly #others = new Map<number, { block: Wire; input: string[] }>();
  #at = 0;
  #stop: string | undefined;
  #refusal = "";
  #done = false;

  /** @param vendor whose opaque parts these are. @param names our tools' names by those that were sent. */
  constructor(title: string, vendor: string, names: ReadonlyMap<string, string>) {
    this.#title = title;
    this.#vendor = vendor;
    this.#blocks = new AnswerBlocks(title, names, {
      thought: (thinking, signature) => (signature === "" ? undefined : this.#mine({ block: { type: "thinking", thinking, signature } })),
      cited: (citations) => this.#mine({ citations: [...citations] }),
    });
  }

  /** `message_stop` came: what follows is not read. */
  get done(): boolean {
    return this.#done;
  }

  /** Take the data of one event; `out` receives what can be told at once. */
  take(data: string, out: ModelEvent[]): void {
    // Some proxies end every stream as OpenAI's servers do.
    if (data === "[DONE]" || data === "") return;
    const plain = plainDelta(data);
    if (plain !== undefined) return this.#plain(plain, out);
    let event: Wire;
    try {
      event = JSON.parse(data) as Wire;
    } catch (cause) {
      throw this.#blocks.broken("sent something that is not JSON", cause);
    }
    if (typeof event !== "object" || event === null) throw this.#blocks.broken("sent something that is not an object");
    this.#event(event, out);
  }

  /** A whole message instead of events, from a server that does not stream. */
  whole(data: string, out: ModelEvent[]): void {
    let message: Wire;
    try {
      message = JSON.parse(data) as Wire;
    } catch (cause) {
      throw this.#blocks.broken("sent something that is not JSON", cause);
    }
    if (message?.error) throw fault(this.#title, message.error);
    if (!Array.isArray(message?.content)) throw this.#blocks.broken("sent something that is not a message");
    this.#event({ type: "message_start", message }, out);
    for (const [index, content_block] of (message.content as Wire[]).entries()) {
      this.#event({ type: "content_block_start", index, content_block }, out);
      this.#event({ type: "content_block_stop", index }, out);
    }
    this.#event({ type: "message_delta", delta: message }, out);
    this.#event({ type: "message_stop" }, out);
  }

  /** What is left to tell once the answer is complete: calls, usage, the one end. */
  finish(): ModelEvent[] {
    if (this.#stop === undefined) throw this.#blocks.broken(this.#done ? "did not say why its answer ends" : "stopped in the middle of its answer");
    const reason = REASONS[this.#stop];
    if (reason === undefined)
      throw this.#blocks.broken(`ended its answer for a reason that is not known here, ${JSON.stringify(this.#stop.slice(0, 64))}`);
    const out: ModelEvent[] = [];
    for (const at of [...this.#others.keys()]) this.#stopOther(at, out);
    this.#blocks.finish(reason === "length" || reason === "refusal", out);
    const { calls } = this.#blocks;
    if (reason === "tool-calls" && calls === 0) throw this.#blocks.broken("said that it calls tools, and called none");
    if (this.#refusal !== "") out.push({ type: "part", part: { type: "refusal", text: this.#refusal } });
    if (this.#stop === "model_context_window_exceeded") {
      out.push({ type: "warning", code: "PLINTH_MODEL_CONTEXT", message: `The answer of ${this.#title} filled the model's context.` });
    }
    const { usage } = this.#usage;
    if (usage !== undefined) out.push({ type: "usage", usage });
    out.push({ type: "end", reason: reason === "stop" && calls > 0 ? "tool-calls" : reason });
    return out;
  }

  #event(event: Wire, out: ModelEvent[]): void {
    if (Number.isInteger(event.index) && event.index >= 0) this.#at = event.index;
    switch (event.type) {
      case "message_start":
        this.#usage.add(event.message?.usage);
        return;
      case "content_block_start":
        return this.#start(this.#at, event.content_block ?? {}, out);
      case "content_block_delta":
        return this.#delta(this.#at, event.delta ?? {}, out);
      case "content_block_stop":
        this.#stopOther(this.#at, out);
        return this.#blocks.stop(this.#at, out);
      case "message_delta":
        return this.#end(event);
      case "message_stop":
        this.#done = true;
        return;
      case "error":
        throw fault(this.#title, event.error ?? event);
    }
  }

  #start(at: number, block: Wire, out: ModelEvent[]): void {
    this.#stopOther(at, out);
    switch (block.type) {
      case "text":
        this.#blocks.text(at, textOf(block.text), out);
        for (const one of Array.isArray(block.citations) ? block.citations : []) this.#cite(at, one, out);
        return;
      case "thinking":
        this.#blocks.think(at, textOf(block.thinking), out);
        return this.#blocks.sign(at, textOf(block.signature), out);
      case "redacted_thinking":
        return this.#blocks.whole({ type: "reasoning", redacted: true, opaque: { data: this.#mine({ block }) } }, out);
      case "tool_use": {
        const { id, name, input, caller } = block;
        const opaque = caller === undefined || caller === null || caller.type === "direct" ? undefined : this.#mine({ caller });
        this.#blocks.call(at, { id: textOf(id), name: textOf(name), opaque }, out);
        // The format begins with an empty object; some servers give all of it here.
        if (typeof input === "string" || (input && Object.keys(input).length > 0)) this.#blocks.input(at, asJson(input), out);
        return;
      }
      default:
        if (typeof block.type === "string") this.#others.set(at, { block, input: [] });
    }
  }

  #delta(at: number, delta: Wire, out: ModelEvent[]): void {
    switch (delta.type) {
      case "text_delta":
        return this.#blocks.text(at, textOf(delta.text), out);
      case "thinking_delta":
        return this.#blocks.think(at, textOf(delta.thinking), out);
      case "signature_delta":
        return this.#blocks.sign(at, textOf(delta.signature), out);
      case "citations_delta":
        return this.#cite(at, delta.citation, out);
      case "input_json_delta": {
        const other = this.#others.get(at);
        if (other === undefined) return this.#blocks.input(at, asJson(delta.partial_json), out);
        other.input.push(textOf(delta.partial_json));
      }
    }
  }

  /** The same, of a delta that did not have to be parsed. */
  #plain({ index, type, text }: PlainDelta, out: ModelEvent[]): void {
    this.#at = index;
    if (type === "text_delta") return this.#blocks.text(index, text, out);
    if (type === "thinking_delta") return this.#blocks.think(index, text, out);
    const other = this.#others.get(index);
    if (other === undefined) return this.#blocks.input(index, text, out);
    other.input.push(text);
  }

  #end({ delta, usage }: Wire): void {
    this.#usage.add(usage);
    if (typeof delta?.stop_reason === "string") this.#stop = delta.stop_reason;
    const said = delta?.stop_details?.explanation;
    if (this.#stop === "refusal" && typeof said === "string") this.#refusal = said.slice(0, 4_096);
  }

  #cite(at: number, wire: Wire | undefined, out: ModelEvent[]): void {
    if (typeof wire !== "object" || wire === null) return;
    const [url] = [wire.url, wire.source].filter((one) => typeof one === "string" && /^https?:\/\//.test(one)) as string[];
    const [title] = [wire.title, wire.document_title].filter((one) => typeof one === "string" && one !== "") as string[];
    const quote = textOf(wire.cited_text);
    const part = {
      type: "citation" as const,
      ...(url === undefined ? {} : { url: url.slice(0, 8_192) }),
      ...(title === undefined ? {} : { title: title.slice(0, 500) }),
      ...(quote === "" ? {} : { quote: quote.slice(0, 16_384) }),
    };
    this.#blocks.cite(at, part, wire, out);
  }

  #stopOther(at: number, out: ModelEvent[]): void {
    const other = this.#others.get(at);
    if (other === undefined) return;
    this.#others.delete(at);
    const input = other.input.join("");
    let { block } = other;
    try {
      if (input !== "") block = { ...block, input: JSON.parse(input) };
    } catch {
      // Its input was cut: a block that the server would refuse does not go back.
      return;
    }
    if (JSON.stringify(block).length > MAX_BLOCK) throw this.#blocks.broken(`sent a block of more than ${MAX_BLOCK} characters`);
    const part: Part = { type: "opaque", opaque: { data: this.#mine({ block }) } };
    this.#blocks.whole(part, out);
  }

  #mine(returned: Omit<Returned, "vendor">): Returned {
    return { vendor: this.#vendor, ...returned };
  }
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const asJson = (value: unknown): string => (typeof value === "string" ? value : value && typeof value === "object" ? JSON.stringify(value) : "");
