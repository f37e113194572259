import type { Token } from "markdown-it";
import { el } from "./dom.ts";

type Tag = keyof HTMLElementTagNameMap;

/** Tokens of whole blocks as nodes. There is no way to markup: every text becomes a text node. */
export function blockNodes(tokens: readonly Token[]): Node[] {
  const top = document.createDocumentFragment();
  const open: Node[] = [top];
  for (const token of tokens) {
    const into = open.at(-1) as Node;
    if (token.type === "inline") into.appendChild(inlineNodes(token.children ?? []));
    else if (token.nesting < 0) open.pop();
    else if (token.nesting === 0) into.appendChild(leaf(token));
    else if (token.hidden) open.push(into);
    else {
      const node = container(token);
      into.appendChild(token.type === "table_open" ? el("div", { class: "table", tabindex: "0" }, node) : node);
      open.push(node);
    }
  }
  return [...top.childNodes];
}

/** Headings of an answer stand below those of the page. */
function container(token: Token): HTMLElement {
  if (token.type === "heading_open") return el(`h${Math.min(6, Number(token.tag.slice(1)) + 2)}` as "h3");
  const start = token.attrGet("start");
  return start === null ? el(token.tag as Tag) : el("ol", { start: String(start) });
}

function leaf(token: Token): HTMLElement {
  if (token.type === "fence") return codeBlock(token.content, token.info.trim().split(/\s/, 1)[0] ?? "");
  return token.type === "code_block" ? codeBlock(token.content, "") : el("hr");
}

function codeBlock(content: string, language: string): HTMLElement {
  const code = content.replace(/\n$/, "");
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

function inlineNodes(tokens: readonly Token[]): DocumentFragment {
  const top = document.createDocumentFragment();
  const open: Node[] = [top];
  for (const token of tokens) {
    const into = open.at(-1) as Node;
    if (token.nesting < 0) open.pop();
    else if (token.nesting > 0) {
      const href = token.attrGet("href");
      const node = href === null ? el(token.tag as Tag) : link(String(href));
      into.appendChild(node);
      open.push(node);
    } else if (token.type === "code_inline") into.appendChild(el("code", {}, token.content));
    else if (token.type === "softbreak") into.appendChild(document.createTextNode("\n"));
    else if (token.type === "hardbreak") into.appendChild(el("br"));
    else if (token.type === "image") into.appendChild(picture(token));
    else into.appendChild(document.createTextNode(token.content));
  }
  return top;
}

/** The page loads nothing from elsewhere: a picture is a link to it. */
function picture(token: Token): HTMLElement {
  const address = String(token.attrGet("src"));
  const node = link(address);
  node.append(token.content === "" ? address : token.content);
  return node;
}

const link = (href: string): HTMLElement => el("a", { href, target: "_blank", rel: "noopener noreferrer" });
