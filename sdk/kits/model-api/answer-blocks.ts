import type { ModelEvent, Part, PlinthError, ToolCallPart } from "../../extension/index.ts";
import { failure } from "./failure.ts";
import { argumentsOf, unreadableCall } from "./tool-arguments.ts";
import { WellFormedText } from "./well-formed.ts";

const MAX_BLOCKS = 1_024;
const MAX_CALLS = 128;
/** Characters that are kept of one answer, 16 Mi. */
const MAX_KEPT = 16 * 1_048_576;

type Citation = Extract<Part, { type: "citation" }>;

/** How one protocol wants back what it said; the values become the `data` of parts' `opaque`. */
export interface BlockForms {
  /** undefined: nothing of it has to go back. */
  thought(text: string, signature: string): unknown;
  /** @param citations as they came. */
  cited(citations: readonly unknown[]): unknown;
}

interface Block {
  readonly kind: "text" | "thought" | "call";
  pieces: string[];
  /** A piece may end inside a character. */
  readonly halves: WellFormedText;
  signature: string;
  /** text: where it begins in the message's text. */
  readonly start: number;
  readonly citations: { part: Citation; raw: unknown }[];
  readonly call: { id: string; name: string; opaque: unknown };
}

/**
 * Puts together an answer that comes as blocks with an index, each begun, grown and stopped: text, thinking, calls. Blocks may
 * overlap; a second one at an index that is open ends the first. What can be told at once goes into the caller's array.
 */
export class AnswerBlocks {
  readonly #title: string;
  readonly #names: ReadonlyMap<string, string>;
  readonly #forms: BlockForms;
  readonly #open = new Map<number, Block>();
  /** Calls whose arguments cannot be read; what becomes of them is known at the end. And those after them. */
  readonly #held: { call: ToolCallPart; text: string }[] = [];
  readonly #ids = new Set<string>();
  #blocks = 0;
  #calls = 0;
  #kept = 0;
  /** Of the message's text, in UTF-16 units. */
  #length = 0;
  /** Said as deltas, and not yet in a part. */
  #unparted: string[] = [];

  /** @param names our tools' names by those that were sent. */
  constructor(title: string, names: ReadonlyMap<string, string>, forms: BlockForms) {
    this.#title = title;
    this.#names = names;
    this.#forms = forms;
  }

  /** Whole calls that were made, told or not. */
  get calls(): number {
    return this.#calls;
  }

  isOpen(at: number): boolean {
    return this.#open.has(at);
  }

  text(at: number, delta: string, out: ModelEvent[]): void {
    const block = this.#block(at, "text", out);
    this.#grow(block, block.halves.push(delta), out);
  }

  /** A source of the text block at `at`; its place in the message's text is filled in. */
  cite(at: number, part: Citation, raw: unknown, out: ModelEvent[]): void {
    const { citations } = this.#block(at, "text", out);
    if (citations.length < 1_000) citations.push({ part, raw });
  }

  think(at: number, delta: string, out: ModelEvent[]): void {
    const block = this.#block(at, "thought", out);
    this.#grow(block, block.halves.push(delta), out);
  }

  sign(at: number, signature: string, out: ModelEvent[]): void {
    const block = this.#block(at, "thought", out);
    this.#bound(signature);
    block.signature += signature;
  }

  /** @param id "" where the server gives none. */
  call(at: number, { id, name, opaque }: { id: string; name: string; opaque?: unknown }, out: ModelEvent[]): void {
    if (name === "") throw this.broken("called a tool without naming it");
    if (++this.#calls > MAX_CALLS) throw this.broken(`called more than ${MAX_CALLS} tools at once`);
    const own = id === "" || this.#ids.has(id) ? `call_${crypto.randomUUID()}` : id;
    this.#ids.add(own);
    const call = { id: own, name: this.#names.get(name) ?? name, opaque };
    this.#begin(at, "call", out, call);
    out.push({ type: "tool-call-start", id: own, name: call.name });
  }

  /** A piece of the arguments of the call at `at`. */
  input(at: number, json: string, out: ModelEvent[]): void {
    const block = this.#open.get(at);
    if (block?.kind !== "call") throw this.broken("sent arguments of a call that it did not begin");
    this.#grow(block, block.halves.push(json), out);
  }

  /** A part that came whole. */
  whole(part: Part, out: ModelEvent[]): void {
    this.#count();
    this.#unparted = [];
    out.push(part.type === "reasoning" ? { type: "reasoning", part } : { type: "part", part });
  }

  stop(at: number, out: ModelEvent[]): void {
    const block = this.#open.get(at);
    if (block === undefined) return;
    this.#open.delete(at);
    this.#grow(block, block.halves.end(), out);
    if (block.kind === "call") this.#stopCall(block, out);
    else if (block.kind === "thought") this.#stopThought(block, out);
    else this.#stopText(block, out);
  }

  /**
   * The answer is over: what is open is stopped, and calls that were held back are told. Where the model was `cut` in the middle,
   * a call whose arguments are not whole was never made.
   */
  finish(cut: boolean, out: ModelEvent[]): void {
    for (const at of [...this.#open.keys()]) this.stop(at, out);
    for (const { call, text } of this.#held.splice(0)) {
      const args = text === "" && cut ? undefined : argumentsOf(text);
      if (args !== undefined) out.push({ type: "tool-call", call: { ...call, args } });
      else if (cut) this.#calls--;
      else throw unreadableCall(this.#title, call, text);
    }
  }

  broken(what: string, cause?: unknown): PlinthError {
    return failure("STREAM", `${this.#title} ${what}.`, { cause });
  }

  #block(at: number, kind: "text" | "thought", out: ModelEvent[]): Block {
    const block = this.#open.get(at);
    return block?.kind === kind ? block : this.#begin(at, kind, out);
  }

  #begin(at: number, kind: Block["kind"], out: ModelEvent[], call = { id: "", name: "", opaque: undefined as unknown }): Block {
    this.stop(at, out);
    this.#count();
    if (kind === "text") this.#settle(out);
    const block: Block = { kind, pieces: [], halves: new WellFormedText(), signature: "", start: this.#length, citations: [], call };
    this.#open.set(at, block);
    return block;
  }

  #stopText({ pieces, start, citations }: Block, out: ModelEvent[]): void {
    if (citations.length === 0) return;
    const opaque = { data: this.#forms.cited(citations.map(({ raw }) => raw)) };
    out.push({ type: "part", part: { type: "text", text: pieces.join(""), opaque } });
    this.#unparted = [];
    for (const { part } of citations) out.push({ type: "part", part: { ...part, start, end: this.#length } });
  }

  #stopThought({ pieces, signature }: Block, out: ModelEvent[]): void {
    const text = pieces.join("");
    const data = this.#forms.thought(text, signature);
    if (data === undefined && text === "") return;
    this.#unparted = [];
    const part = { type: "reasoning" as const, ...(text === "" ? {} : { text }), ...(data === undefined ? {} : { opaque: { data } }) };
    out.push({ type: "reasoning", part });
  }

  #stopCall({ pieces, call: { id, name, opaque } }: Block, out: ModelEvent[]): void {
    const text = pieces.join("").trim();
    const call: ToolCallPart = { type: "tool-call", id, name, args: {}, ...(opaque === undefined ? {} : { opaque: { data: opaque } }) };
    // Without any, it is not known yet whether they were cut.
    const args = text === "" ? undefined : argumentsOf(text);
    if (args === undefined || this.#held.length > 0) {
      this.#held.push({ call, text });
      return;
    }
    this.#unparted = [];
    out.push({ type: "tool-call", call: { ...call, args } });
  }

  /** Text after text may turn out to have sources, which belong to it alone: what was said before becomes a part of its own. */
  #settle(out: ModelEvent[]): void {
    if (this.#unparted.length === 0) return;
    out.push({ type: "part", part: { type: "text", text: this.#unparted.join("") } });
    this.#unparted = [];
  }

  #grow(block: Block, piece: string, out: ModelEvent[]): void {
    if (piece === "") return;
    this.#bound(piece);
    block.pieces.push(piece);
    if (block.kind === "call") out.push({ type: "tool-call-delta", id: block.call.id, args: piece });
    else if (block.kind === "thought") out.push({ type: "reasoning", delta: piece });
    else {
      this.#length += piece.length;
      this.#unparted.push(piece);
      out.push({ type: "text", delta: piece });
    }
  }

  #bound(piece: string): void {
    this.#kept += piece.length;
    if (this.#kept > MAX_KEPT) throw this.broken(`sent an answer of more than ${MAX_KEPT} characters`);
  }

  #count(): void {
    if (++this.#blocks > MAX_BLOCKS) throw this.broken(`sent an answer of more than ${MAX_BLOCKS} parts`);
  }
}
