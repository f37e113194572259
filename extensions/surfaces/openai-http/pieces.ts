import type { ModelMessage, Part, ToolCallPart } from "@plinth/sdk";
import type { CitationPart, Said } from "./asking.ts";
import { sealed } from "./thoughts.ts";

/** A part of an answer, as dialects that have blocks or items tell it. */
export type Block =
  /** @property from how much of the answer's text stands before it: places of citations count from there. */
  | { kind: "text"; text: string; from: number; citations: CitationPart[] }
  | { kind: "refusal"; text: string }
  /** @property seal what has to go back unchanged. @property redacted nothing of it may be shown. */
  | { kind: "thought"; text: string; seal?: string; redacted: boolean; part?: Part }
  | { kind: "call"; call: ToolCallPart }
  | { kind: "picture"; part: Part; url: string }
  /** Nothing that is shown: what a tool of the vendor's own did, to go back unchanged. */
  | { kind: "hidden"; part: Part; seal: string };

/** What happens to the block at one place of an answer: it begins, it grows, it is whole. */
export type Piece =
  | { type: "begin"; at: number; block: Block }
  | { type: "grow"; at: number; kind: Block["kind"]; delta: string }
  | { type: "cite"; at: number; count: number; block: TextBlock; citation: CitationPart }
  | { type: "whole"; at: number; block: Block };

export type TextBlock = Extract<Block, { kind: "text" }>;
type Grown = Extract<Block, { kind: "text" | "refusal" | "thought" }>;

/** Of one text. */
const MOST_CITATIONS = 1_000;

function grown(kind: Grown["kind"], from: number): Grown {
  if (kind === "text") return { kind, text: "", from, citations: [] };
  return kind === "thought" ? { kind, text: "", redacted: false } : { kind, text: "" };
}

/** Takes what is said apart into blocks, one after the other. */
export class Pieces {
  /** Those that are whole. */
  readonly blocks: Block[] = [];
  #open: Grown | undefined;
  /** How much text was said. */
  #said = 0;

  *take(said: Said): Generator<Piece> {
    switch (said.type) {
      case "text":
        return yield* this.#grow("text", said.delta);
      case "refusal":
        yield* this.#grow("refusal", said.text);
        return yield* this.#close();
      case "thought":
        if ("part" in said) yield* this.#thought(said.part);
        else yield* this.#grow("thought", said.delta);
        return;
      case "call":
        yield* this.#close();
        yield* this.#begin({ kind: "call", call: said.call });
        yield { type: "grow", at: this.#at, kind: "call", delta: JSON.stringify(said.call.args) };
        return yield* this.#whole({ kind: "call", call: said.call });
      case "cite":
        return yield* this.#cite(said.citation);
      case "picture":
        return yield* this.#alone({ kind: "picture", part: said.part, url: said.url });
      case "hidden":
        if (said.part.opaque !== undefined) yield* this.#alone({ kind: "hidden", part: said.part, seal: sealed(said.part.opaque, "opaque") });
        return;
      case "end":
        // Declined in words that are an ordinary text for who made them.
        if (said.reason === "refusal" && this.blocks.length === 0 && this.#open === undefined && said.text !== "")
          yield* this.#grow("refusal", said.text);
        return yield* this.#close();
    }
  }

  get #at(): number {
    return this.blocks.length;
  }

  *#alone(block: Block): Generator<Piece> {
    yield* this.#close();
    yield* this.#begin(block);
    yield* this.#whole(block);
  }

  /** It belongs to the text that it stands for, or to the last one; where there is none yet it waits for nothing. */
  *#cite(citation: CitationPart): Generator<Piece> {
    const open = this.#open?.kind === "text" ? this.#open : undefined;
    const at = open === undefined ? this.blocks.findLastIndex(({ kind }) => kind === "text") : this.#at;
    const block = open ?? (this.blocks[at] as TextBlock | undefined);
    if (block === undefined || block.citations.length >= MOST_CITATIONS) return;
    block.citations.push(citation);
    if (open !== undefined) yield { type: "cite", at, count: block.citations.length, block, citation };
  }

  *#begin(block: Block): Generator<Piece> {
    yield { type: "begin", at: this.#at, block };
  }

  *#whole(block: Block): Generator<Piece> {
    this.#open = undefined;
    yield { type: "whole", at: this.#at, block };
    this.blocks.push(block);
  }

  *#grow(kind: Grown["kind"], delta: string): Generator<Piece> {
    if (delta === "") return;
    const before = this.#open;
    const open: Grown = before?.kind === kind ? before : grown(kind, this.#said);
    if (open !== before) {
      yield* this.#close();
      this.#open = open;
      yield* this.#begin({ ...open });
    }
    open.text += delta;
    if (kind === "text") this.#said += delta.length;
    yield { type: "grow", at: this.#at, kind, delta };
  }

  *#thought(part: Extract<Part, { type: "reasoning" }>): Generator<Piece> {
    const { text = "", redacted = false, opaque } = part;
    const seal = opaque === undefined ? {} : { seal: sealed(opaque) };
    const before = this.#open;
    const open: Grown = before?.kind === "thought" ? before : { kind: "thought", text: "", redacted: redacted && text === "" };
    if (open !== before) {
      if (text === "" && opaque === undefined) return;
      yield* this.#close();
      this.#open = open;
      // Of one that may not be shown, the seal is all that there is, and it stands in it from the beginning.
      yield* this.#begin({ ...open, ...(open.redacted ? seal : {}) });
      yield* this.#grow("thought", text);
    }
    yield* this.#whole({ ...open, ...seal, part });
  }

  *#close(): Generator<Piece> {
    if (this.#open !== undefined) yield* this.#whole(this.#open);
  }
}

/** A whole answer's blocks. What was checked or rewritten before it was sent stands for what was said. */
export function blocksOf(said: readonly Said[]): Block[] {
  const pieces = new Pieces();
  for (const one of said) for (const _ of pieces.take(one));
  const { blocks } = pieces;
  const end = said.at(-1);
  const spoken = blocks.flatMap((block) => (block.kind === "text" ? [block.text] : [])).join("");
  if (end?.type !== "end" || end.text === spoken || end.reason === "refusal") return blocks;
  const first = blocks.findIndex(({ kind }) => kind === "text");
  const at = first < 0 ? blocks.findIndex(({ kind }) => kind === "call") : first;
  const checked: Block[] = end.text === "" ? [] : [{ kind: "text", text: end.text, from: 0, citations: [] }];
  const rest = (some: Block[]) => some.filter(({ kind }) => kind !== "text");
  return at < 0 ? [...rest(blocks), ...checked] : [...rest(blocks.slice(0, at)), ...checked, ...rest(blocks.slice(at))];
}

/** An answer as a message of the conversation that it belongs to. */
export function messageOf(blocks: readonly Block[]): ModelMessage {
  const content = blocks.map((block): Part => {
    if (block.kind === "call") return block.call;
    if (block.kind === "thought") return block.part ?? { type: "reasoning", text: block.text };
    if (block.kind === "picture" || block.kind === "hidden") return block.part;
    return { type: block.kind, text: block.text };
  });
  return { role: "assistant", content };
}

/** Where in a text a citation stands: what it does not say is the whole of it. */
export function placeOf({ text, from }: TextBlock, { start, end }: CitationPart): { start: number; end: number } {
  const within = (at: number | undefined, otherwise: number) => (at === undefined ? otherwise : Math.max(0, Math.min(text.length, at - from)));
  return { start: within(start, 0), end: within(end, text.length) };
}
