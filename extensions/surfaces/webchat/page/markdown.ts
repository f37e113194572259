import { visible } from "@plinth/sdk";
import MarkdownIt, { type Token } from "markdown-it";
import { el } from "./dom.ts";
import { blockNodes } from "./markdown-nodes.ts";

const parser = new MarkdownIt({ html: false, linkify: true, maxNesting: 60 });
// Only what is written as an address becomes a link; other schemes stay the text that they are.
parser.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });
parser.validateLink = (url) => /^https?:\/\//i.test(url) && URL.canParse(url);

/**
 * Shows growing Markdown. What stands before the last block does not change when text is added: it keeps its nodes, so
 * that a long answer costs what its last block costs and a selection stays.
 */
export class MarkdownView {
  readonly node = el("div", { class: "prose" });
  #settled = "";
  #open: Node[] = [];

  show(text: string): void {
    const normal = text.replaceAll("\r\n", "\n");
    if (!normal.startsWith(this.#settled)) {
      this.#settled = "";
      this.node.replaceChildren();
      this.#open = [];
    }
    for (const node of this.#open) (node as ChildNode).remove();
    const rest = normal.slice(this.#settled.length);
    const lines = visible(rest, { layout: true, max: Number.POSITIVE_INFINITY }).split("\n");
    const blocks = topBlocks(parser.parse(lines.join("\n"), {}));
    for (const block of blocks.slice(0, -1)) this.node.append(...nodesOf(block, lines));
    const last = blocks.at(-1);
    this.#open = last === undefined ? [] : nodesOf(last, lines);
    this.node.append(...this.#open);
    if (blocks.length > 1) this.#settled += lineStart(rest, startOf(last as Token[]));
  }
}

/** The tokens of each block that stands in no other. */
function topBlocks(tokens: readonly Token[]): Token[][] {
  const blocks: Token[][] = [];
  let block: Token[] = [];
  for (const token of tokens) {
    block.push(token);
    if (token.level > 0 || token.nesting > 0) continue;
    blocks.push(block);
    block = [];
  }
  return blocks;
}

const startOf = ([first]: readonly Token[]): number => first?.map?.[0] ?? 0;

/** The text before its line `line`. */
function lineStart(text: string, line: number): string {
  let at = 0;
  for (let n = 0; n < line; n++) at = text.indexOf("\n", at) + 1;
  return text.slice(0, at);
}

/** What is nested deeper than anybody reads is shown as it was written: nothing of it is left out. */
function nodesOf(block: readonly Token[], lines: readonly string[]): Node[] {
  if (block.some(({ level }) => level >= parser.options.maxNesting! - 1)) {
    const [start, end] = block[0]?.map ?? [0, lines.length];
    return [el("p", {}, lines.slice(start, end).join("\n"))];
  }
  return blockNodes(block);
}
