import { visible } from "@plinth/sdk";
import { el } from "./dom.ts";

interface Block {
  readonly source: string;
  readonly node: HTMLElement;
}

/**
 * Shows growing Markdown. Each new text is cut into blocks; those that did not change keep their nodes, so that a long
 * answer costs what its last paragraph costs and a selection stays.
 */
export class MarkdownView {
  readonly node = el("div", { class: "prose" });
  #blocks: Block[] = [];

  show(text: string): void {
    const sources = cut(text);
    const kept = this.#blocks.findIndex(({ source }, index) => source !== sources[index]);
    const same = kept === -1 ? Math.min(this.#blocks.length, sources.length) : kept;
    for (const { node } of this.#blocks.splice(same)) node.remove();
    for (const source of sources.slice(same)) {
      const node = render(visible(source, { layout: true, max: Number.POSITIVE_INFINITY }));
      this.#blocks.push({ source, node });
      this.node.append(node);
    }
  }
}

export function markdown(text: string): HTMLElement {
  const view = new MarkdownView();
  view.show(text);
  return view.node;
}

const FENCE = /^ {0,3}(```+|~~~+)\s*([\w+#.-]*)/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

/** Blocks are parted by blank lines, fences, headings; a list or a quotation stays together. */
function cut(text: string): string[] {
  const blocks: string[] = [];
  let block: string[] = [];
  let fence: string | undefined;
  const flush = (): void => {
    if (block.length > 0) blocks.push(block.join("\n"));
    block = [];
  };
  for (const line of text.replaceAll("\r\n", "\n").split("\n")) {
    if (fence !== undefined) {
      block.push(line);
      if (line.trim().startsWith(fence) && line.trim().replaceAll(fence[0]!, "") === "") {
        fence = undefined;
        flush();
      }
      continue;
    }
    const open = FENCE.exec(line);
    if (open !== null) {
      flush();
      fence = open[1];
      block.push(line);
    } else if (line.trim() === "") flush();
    else if (/^#{1,6} /.test(line) || /^ {0,3}([-*_])( *\1){2,} *$/.test(line)) {
      flush();
      blocks.push(line);
    } else {
      if (block.length > 0 && ITEM.test(line) !== ITEM.test(block[0]!) && !/^ {2}/.test(line) && ITEM.test(line)) flush();
      block.push(line);
    }
  }
  flush();
  return blocks;
}

function render(source: string): HTMLElement {
  const lines = source.split("\n");
  const first = lines[0]!;
  const fence = FENCE.exec(first);
  if (fence !== null) {
    const closed = lines.length > 1 && lines.at(-1)!.trim().startsWith(fence[1]!);
    return codeBlock(lines.slice(1, closed ? -1 : undefined).join("\n"), fence[2] ?? "");
  }
  const heading = /^(#{1,6}) +(.*?)#*$/.exec(first);
  if (heading !== null && lines.length === 1) return inline(el(`h${Math.min(6, heading[1]!.length + 2)}` as "h3"), heading[2]!);
  if (lines.length === 1 && /^ {0,3}([-*_])( *\1){2,} *$/.test(first)) return el("hr");
  if (lines.every((line) => line.startsWith(">"))) {
    return el("blockquote", {}, markdown(lines.map((line) => line.replace(/^> ?/, "")).join("\n")));
  }
  if (ITEM.test(first)) return list(lines);
  if (lines.length > 1 && first.includes("|") && TABLE_RULE.test(lines[1]!)) return table(lines);
  return inline(el("p"), source);
}

function codeBlock(code: string, language: string): HTMLElement {
  const copy = el("button", { type: "button", class: "copy" }, "Copy");
  copy.addEventListener("click", () => {
    navigator.clipboard?.writeText(code).then(() => {
      copy.textContent = "Copied";
      setTimeout(() => (copy.textContent = "Copy"), 1500);
    });
  });
  return el(
    "div",
    { class: "code" },
    el("div", { class: "code-bar" }, el("span", {}, language || "text"), copy),
    el("pre", { tabindex: "0" }, el("code", {}, code)),
  );
}

function list(lines: readonly string[]): HTMLElement {
  const [, indent = "", mark = "-"] = ITEM.exec(lines[0]!) ?? [];
  const ordered = /\d/.test(mark);
  const start = Number.parseInt(mark, 10);
  const node = ordered ? el("ol", start === 1 ? {} : { start: String(start) }) : el("ul");
  let body: string[] = [];
  const flush = (): void => {
    if (body.length === 0) return;
    const nested = body.findIndex((line, index) => index > 0 && ITEM.test(line));
    const item = inline(el("li"), body.slice(0, nested === -1 ? undefined : nested).join("\n"));
    if (nested !== -1) item.append(list(body.slice(nested)));
    node.append(item);
    body = [];
  };
  for (const line of lines) {
    const item = ITEM.exec(line);
    if (item !== null && item[1]!.length <= indent.length) {
      flush();
      body.push(item[3]!);
    } else body.push(item === null ? line.trim() : line);
  }
  flush();
  return node;
}

function table(lines: readonly string[]): HTMLElement {
  const cells = (line: string): string[] =>
    line
      .trim()
      .replace(/^\||\|$/g, "")
      .split("|")
      .map((cell) => cell.trim());
  const row = (line: string, tag: "th" | "td"): HTMLElement => el("tr", {}, ...cells(line).map((cell) => inline(el(tag), cell)));
  return el(
    "div",
    { class: "table", tabindex: "0" },
    el("table", {}, el("thead", {}, row(lines[0]!, "th")), el("tbody", {}, ...lines.slice(2).map((line) => row(line, "td")))),
  );
}

const INLINE =
  /(?<ticks>`{1,3})(?<code>[^`]+?)\k<ticks>(?!`)|\*\*(?<bold>[^*\s](?:[^*]*[^*\s])?)\*\*|~~(?<strike>[^~]+)~~|(?<![\w*])\*(?<star>[^*\s](?:[^*\n]*[^*\s])?)\*(?![\w*])|(?<![\w_])_(?<under>[^_\s](?:[^_\n]*[^_\s])?)_(?![\w_])|\[(?<label>[^\]\n]{1,500})\]\((?<href>[^()\s]{1,2000})\)|(?<url>https?:\/\/[^\s<>"'`)\]]{1,2000})/g;

/** Inline marks as nodes. Very long paragraphs stay plain: they are data, not prose. */
function inline<T extends HTMLElement>(node: T, text: string, depth = 0): T {
  if (depth > 4 || text.length > 20_000) {
    node.append(text);
    return node;
  }
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    const groups = match.groups!;
    node.append(text.slice(at, match.index));
    at = match.index + match[0].length;
    const { code, bold, strike, label, href } = groups;
    const italic = groups.star ?? groups.under;
    if (code !== undefined) node.append(el("code", {}, code.trim() || code));
    else if (bold !== undefined) node.append(inline(el("strong"), bold, depth + 1));
    else if (italic !== undefined) node.append(inline(el("em"), italic, depth + 1));
    else if (strike !== undefined) node.append(inline(el("s"), strike, depth + 1));
    else if (label !== undefined) node.append(link(href!, label) ?? match[0]);
    else {
      const url = groups.url!.replace(/[.,;:!?]+$/, "");
      at -= groups.url!.length - url.length;
      node.append(link(url, url) ?? url);
    }
  }
  node.append(text.slice(at));
  return node;
}

/** http and https only: `javascript:` and the like stay text. */
function link(href: string, label: string): HTMLElement | undefined {
  if (!/^https?:\/\//i.test(href) || !URL.canParse(href)) return undefined;
  return el("a", { href, target: "_blank", rel: "noopener noreferrer" }, label);
}
