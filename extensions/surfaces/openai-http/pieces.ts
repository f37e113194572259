import type { ModelMessage, Part, ToolCallPart } from "@plinth/sdk";
import type { Said } from "./asking.ts";
import { sealed } from "./thoughts.ts";

/** A part of an answer, as dialects that have blocks or items tell it. */
export type Block =
  | { kind: "text"; text: string }
  | { kind: "refusal"; text: string }
  /** @property seal what has to go back unchanged. @property redacted nothing of it may be shown. */
  | { kind: "thought"; text: string; seal?: string; redacted: boolean; part?: Part }
  | { kind: "call"; call: ToolCallPart };

/** What happens to the block at one place of an answer: it begins, it grows, it is whole. */
export type Piece =
  | { type: "begin"; at: number; block: Block }
  | { type: "grow"; at: number; kind: Block["kind"]; delta: string }
  | { type: "whole"; at: number; block: Block };

type Grown = Exclude<Block, { kind: "call" }>;

/** Takes what is said apart into blocks, one after the other. */
export class Pieces {
  /** Those that are whole. */
  readonly blocks: Block[] = [];
  #open: Grown | undefined;

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
    const open: Grown = before?.kind === kind ? before : kind === "thought" ? { kind, text: "", redacted: false } : { kind, text: "" };
    if (open !== before) {
      yield* this.#close();
      this.#open = open;
      yield* this.#begin({ ...open });
    }
    open.text += delta;
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
  const checked: Block[] = end.text === "" ? [] : [{ kind: "text", text: end.text }];
  const rest = (some: Block[]) => some.filter(({ kind }) => kind !== "text");
  return at < 0 ? [...rest(blocks), ...checked] : [...rest(blocks.slice(0, at)), ...checked, ...rest(blocks.slice(at))];
}

/** An answer as a message of the conversation that it belongs to. */
export function messageOf(blocks: readonly Block[]): ModelMessage {
  const content = blocks.map((block): Part => {
    if (block.kind === "call") return block.call;
    if (block.kind === "thought") return block.part ?? { type: "reasoning", text: block.text };
    return { type: block.kind, text: block.text };
  });
  return { role: "assistant", content };
}
