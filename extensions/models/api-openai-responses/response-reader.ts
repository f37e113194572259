import type { ModelEvent, PlinthError, Usage } from "@plinth/sdk";
import { type AnswerReader, failure, fault, WellFormedText } from "@plinth/sdk/kits/model-api";
import { type Item, ItemTeller, type TellerOptions } from "./item-teller.ts";
import { usageOf } from "./wire-facts.ts";

const MAX_ITEMS = 1_024;
const MAX_ARGUMENTS = 8 * 1024 * 1024;

/** What is known of one item of the answer while it is being told. */
interface Open {
  item: Item;
  /** Of a message: what of its text was told. */
  told: string;
  /** Of a call: pieces of its arguments. */
  pieces: string[];
  annotations: unknown[];
  /** Of a message that declines. */
  refusal: string;
  closed: boolean;
}

interface WireEvent {
  type?: unknown;
  output_index?: unknown;
  item_id?: unknown;
  item?: unknown;
  delta?: unknown;
  text?: unknown;
  refusal?: unknown;
  arguments?: unknown;
  annotation?: unknown;
  summary_index?: unknown;
  response?: Wire;
  error?: unknown;
}

interface Wire {
  status?: unknown;
  output?: unknown;
  usage?: unknown;
  error?: unknown;
  incomplete_details?: { reason?: unknown } | null;
}

type EndReason = Extract<ModelEvent, { type: "end" }>["reason"];

/** Turns the events of one response into model events: https://platform.openai.com/docs/api-reference/responses-streaming */
export class ResponseReader implements AnswerReader {
  readonly #title: string;
  readonly #teller: ItemTeller;
  readonly #open: Open[] = [];
  readonly #at = new Map<number | string, Open>();
  #last: Open | undefined;
  /** A delta may end in the middle of a character. */
  #words = new WellFormedText();
  #argumentsSize = 0;
  #usage: Usage | undefined;
  #reason: EndReason | undefined;

  constructor(title: string, options: TellerOptions) {
    this.#title = title;
    this.#teller = new ItemTeller(title, options);
  }

  get done(): boolean {
    return this.#reason !== undefined;
  }

  take(data: string, out: ModelEvent[]): void {
    // Some servers end their stream as chat completions do.
    if (data === "[DONE]") return;
    const event = this.#parse(data) as WireEvent;
    if (event.type === "error" || (event.type === undefined && event.error)) throw this.#fault(event.error ?? event);
    switch (event.type) {
      case "response.output_item.added":
        return this.#added(event, out);
      case "response.output_item.done":
        return this.#close(this.#find(event, event.item as Item), event.item as Item, out);
      case "response.output_text.delta":
        return this.#text(this.#find(event), event.delta, out);
      case "response.output_text.done":
        return this.#rest(this.#find(event), event.text, out);
      case "response.refusal.done":
        this.#find(event).refusal += String(event.refusal ?? "");
        return;
      case "response.output_text.annotation.added":
        this.#find(event).annotations.push(event.annotation);
        return;
      case "response.reasoning_summary_part.added":
        if (typeof event.summary_index === "number" && event.summary_index > 0) out.push({ type: "reasoning", delta: "\n\n" });
        return;
      case "response.reasoning_summary_text.delta":
      case "response.reasoning_text.delta":
        return this.#thought(this.#find(event), event.delta, out);
      case "response.function_call_arguments.delta":
        return this.#piece(this.#find(event), event.delta, out);
      case "response.function_call_arguments.done":
        return this.#arguments(this.#find(event), event.arguments);
      case "response.completed":
      case "response.done":
      case "response.incomplete":
      case "response.failed":
      case "response.cancelled":
        return this.#end(event.response ?? {}, String(event.type), out);
    }
  }

  whole(data: string, out: ModelEvent[]): void {
    const response = this.#parse(data) as Wire & { response?: Wire };
    if (response.error && response.status === undefined) throw this.#fault(response.error);
    this.#end(response, "", out);
  }

  *finish(): Generator<ModelEvent> {
    if (this.#reason === undefined) throw this.#broken("stopped in the middle of its answer");
    if (this.#usage) yield { type: "usage", usage: this.#usage };
    if (this.#teller.unreadable !== undefined) throw this.#teller.unreadable;
    yield { type: "end", reason: this.#reason };
  }

  #parse(data: string): object {
    let value: unknown;
    try {
      value = JSON.parse(data);
    } catch (cause) {
      throw this.#broken("sent something that is not JSON", cause);
    }
    if (typeof value !== "object" || value === null) throw this.#broken("sent something that is not an object");
    return value;
  }

  /** By its place in the answer, which some proxies leave out; ids of items may change on the way, and count where there is no place. */
  #find({ output_index, item_id }: WireEvent, item?: Item): Open {
    const key = typeof output_index === "number" ? output_index : typeof item_id === "string" ? item_id : item?.id;
    const known = key === undefined ? this.#last : this.#at.get(key);
    if (known === undefined) return this.#start(item ?? {}, key);
    // Two items at one place: another id of a call is another call.
    const other = item?.call_id !== undefined && known.item.call_id !== undefined && known.item.call_id !== item.call_id;
    return other ? this.#start(item, key) : known;
  }

  #start(item: Item, key: number | string | undefined): Open {
    if (this.#open.length >= MAX_ITEMS) throw this.#broken(`sent more than ${MAX_ITEMS} items`);
    const open: Open = { item, told: "", pieces: [], annotations: [], refusal: "", closed: false };
    this.#open.push(open);
    if (key !== undefined) this.#at.set(key, open);
    this.#last = open;
    return open;
  }

  #added({ output_index, item: given }: WireEvent, out: ModelEvent[]): void {
    const item = (typeof given === "object" && given !== null ? { ...given } : {}) as Item;
    const key = typeof output_index === "number" ? output_index : item.id;
    const known = key === undefined ? undefined : this.#at.get(key);
    if (known !== undefined && (known.item.type === undefined || sameItem(known.item, item))) {
      known.item = { ...known.item, ...item };
      return;
    }
    if (item.type === "function_call") item.call_id ??= item.id ?? `call_${crypto.randomUUID()}`;
    this.#start(item, key);
    if (item.type === "function_call") {
      out.push({ type: "tool-call-start", id: String(item.call_id), name: this.#teller.toolName(String(item.name ?? "")) });
    }
  }

  #text(open: Open, delta: unknown, out: ModelEvent[]): void {
    const text = typeof delta === "string" ? this.#words.push(delta) : "";
    if (text === "") return;
    open.told += text;
    out.push({ type: "text", delta: text });
  }

  /** A server may send no deltas. */
  #rest(open: Open, text: unknown, out: ModelEvent[]): void {
    if (open.told === "") this.#text(open, text, out);
  }

  #thought(open: Open, delta: unknown, out: ModelEvent[]): void {
    const text = typeof delta === "string" ? this.#words.push(delta) : "";
    if (text === "") return;
    open.told += text;
    out.push({ type: "reasoning", delta: text });
  }

  #piece(open: Open, delta: unknown, out: ModelEvent[]): void {
    if (typeof delta !== "string" || delta === "") return;
    this.#argumentsSize += delta.length;
    if (this.#argumentsSize > MAX_ARGUMENTS) throw this.#broken("sent arguments of more than 8 MiB");
    open.pieces.push(delta);
    if (open.item.call_id !== undefined) out.push({ type: "tool-call-delta", id: String(open.item.call_id), args: delta });
  }

  #arguments(open: Open, all: unknown): void {
    if (typeof all === "string") open.pieces = [all];
  }

  #close(open: Open, item: Item | undefined, out: ModelEvent[]): void {
    if (open.closed) return;
    open.closed = true;
    this.#words = new WellFormedText();
    const whole = { ...open.item, ...item };
    if (whole.type === "function_call" && !whole.arguments) whole.arguments = open.pieces.join("");
    const unsaid = !Array.isArray(whole.content) || whole.content.length === 0;
    if (whole.type === "message" && open.refusal !== "" && unsaid) whole.content = [{ type: "refusal", refusal: open.refusal }];
    this.#teller.tell(whole, { told: open.told, annotations: open.annotations }, out);
  }

  #end(response: Wire, type: string, out: ModelEvent[]): void {
    const last = type === "response.completed" || type === "response.done" ? "completed" : type.slice("response.".length);
    const status = String(response.status ?? last);
    if (status === "failed" || response.error) throw this.#fault(response.error ?? { message: "it gave no reason." });
    this.#leftovers(response, status === "completed", out);
    this.#usage = usageOf(response.usage, this.#teller.serverTools);
    if (status === "completed") {
      this.#reason = this.#teller.calls > 0 ? "tool-calls" : this.#teller.refused ? "refusal" : "stop";
      return;
    }
    const reason = status === "incomplete" ? response.incomplete_details?.reason : status;
    if (reason === "max_output_tokens" || reason === "max_messages") this.#reason = "length";
    else if (reason === "content_filter") this.#reason = "filter";
    else throw this.#broken(`did not finish its answer: ${String(reason || "it gave no reason").slice(0, 100)}`);
  }

  /** What the last event has and no event of its own brought; of an answer that was cut short, no call that is not whole. */
  #leftovers(response: Wire, completed: boolean, out: ModelEvent[]): void {
    const output = (Array.isArray(response.output) ? response.output : []) as (Item | null)[];
    output.forEach((item, at) => {
      if (typeof item !== "object" || item === null) return;
      const open = this.#open.find((one) => sameItem(one.item, item)) ?? this.#at.get(at);
      if (open?.closed) return;
      this.#close(open ?? this.#start(item, undefined), completed || item.status === "completed" ? item : { ...item, status: "incomplete" }, out);
    });
    if (!completed) return;
    const isTold = ({ item, refusal }: Open) => item.type === "function_call" || refusal !== "";
    for (const open of this.#open) if (!open.closed && isTold(open)) this.#close(open, { status: "completed" }, out);
  }

  #fault(error: unknown): PlinthError {
    const { code, message } = (typeof error === "object" && error !== null ? error : {}) as { code?: unknown; message?: unknown };
    if (/policy|moderation/.test(String(code))) {
      return failure("FILTER", `${this.#title} withheld the answer: ${String(message ?? code).slice(0, 500)}`);
    }
    return fault(this.#title, error);
  }

  #broken(what: string, cause?: unknown): PlinthError {
    return failure("STREAM", `${this.#title} ${what}.`, { cause });
  }
}

function sameItem(one: Item, other: Item): boolean {
  if (one.call_id !== undefined && other.call_id !== undefined) return one.call_id === other.call_id;
  return one.id !== undefined && one.id === other.id;
}
