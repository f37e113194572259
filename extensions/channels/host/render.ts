import MarkdownIt from "markdown-it";

/** A piece of a parsed text with what is in it. */
interface Node {
  readonly type: string;
  readonly content: string;
  readonly info: string;
  attr(name: string): string;
  readonly children: Node[];
}
type Token = ReturnType<typeof parser.parse>[number];

/** How one dialect writes what has a form; what is not here has none there. */
interface Dialect {
  text(value: string): string;
  strong(inner: string): string;
  emphasis(inner: string): string;
  struck(inner: string): string;
  code(value: string): string;
  block(value: string): string;
  link(inner: string, url: string): string;
  quote(inner: string): string;
}

const lines = (text: string, prefix: string): string =>
  text
    .split("\n")
    .map((line) => prefix + line)
    .join("\n");
const slack = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const html = (text: string): string => slack(text).replaceAll('"', "&quot;");
const same = (text: string): string => text;
/** Only what leads somewhere on the web becomes a link. */
const isWeb = (url: string): boolean => /^(https?|mailto):/i.test(url);

const DIALECTS: Readonly<Record<string, Dialect>> = {
  plain: {
    ...{ text: same, strong: same, emphasis: same, struck: same, code: same, block: same },
    link: (inner, url) => (inner === url || !isWeb(url) ? inner : `${inner} (${url})`),
    quote: (inner) => lines(inner, "> "),
  },
  html: {
    text: html,
    strong: (inner) => `<b>${inner}</b>`,
    emphasis: (inner) => `<i>${inner}</i>`,
    struck: (inner) => `<s>${inner}</s>`,
    code: (value) => `<code>${html(value)}</code>`,
    block: (value) => `<pre>${html(value)}</pre>`,
    link: (inner, url) => (isWeb(url) ? `<a href="${html(url)}">${inner}</a>` : inner),
    quote: (inner) => `<blockquote>${inner}</blockquote>`,
  },
  mrkdwn: {
    text: slack,
    strong: (inner) => `*${inner}*`,
    emphasis: (inner) => `_${inner}_`,
    struck: (inner) => `~${inner}~`,
    code: (value) => `\`${slack(value)}\``,
    block: (value) => `\`\`\`\n${slack(value)}\n\`\`\``,
    link: (inner, url) => (isWeb(url) ? `<${slack(url).replaceAll("|", "%7C")}|${inner.replaceAll("|", "¦")}>` : inner),
    quote: (inner) => lines(inner, "> "),
  },
};

/** Its own bound on nesting is what keeps this from being deep. */
const parser = new MarkdownIt({ html: false, linkify: false, maxNesting: 40 });

/** Markdown in another dialect. Markup that the dialect has no form for leaves its text. */
export function render(markdown: string, format: string): string {
  const dialect = (Object.hasOwn(DIALECTS, format) ? DIALECTS[format] : undefined) ?? (DIALECTS.plain as Dialect);
  return blocks(treeOf(parser.parse(markdown, {})), dialect, "\n\n").trim();
}

function treeOf(tokens: readonly Token[]): Node[] {
  const stack: Node[][] = [[]];
  for (const token of tokens) {
    if (token.nesting < 0) {
      if (stack.length > 1) stack.pop();
      continue;
    }
    const node: Node = {
      type: token.type.replace(/_open$/, ""),
      content: token.content,
      info: token.info,
      attr: (name) => String(token.attrGet(name) ?? ""),
      children: token.children === null ? [] : treeOf(token.children),
    };
    stack.at(-1)?.push(node);
    if (token.nesting > 0) stack.push(node.children);
  }
  return stack[0] as Node[];
}

const blocks = (nodes: readonly Node[], dialect: Dialect, between: string): string =>
  nodes
    .map((node) => block(node, dialect))
    .filter((one) => one !== "")
    .join(between);

function block(node: Node, dialect: Dialect): string {
  switch (node.type) {
    case "inline":
      return inline(node.children, dialect);
    case "heading":
      return dialect.strong(blocks(node.children, dialect, " "));
    case "fence":
    case "code_block":
      return dialect.block(node.content.replace(/\n$/, ""));
    case "blockquote":
      return dialect.quote(blocks(node.children, dialect, "\n\n"));
    case "bullet_list":
      return list(node, dialect, () => "• ");
    case "ordered_list":
      return list(node, dialect, (index) => `${Number(node.attr("start") || 1) + index}. `);
    case "tr":
      return blocks(node.children, dialect, " | ");
    case "hr":
      return "———";
    default:
      return node.children.length === 0 ? dialect.text(node.content) : blocks(node.children, dialect, "\n");
  }
}

const list = ({ children }: Node, dialect: Dialect, mark: (index: number) => string): string =>
  children.map((item, index) => mark(index) + lines(blocks(item.children, dialect, "\n"), "  ").trimStart()).join("\n");

const inline = (nodes: readonly Node[], dialect: Dialect): string => nodes.map((node) => span(node, dialect)).join("");

function span(node: Node, dialect: Dialect): string {
  switch (node.type) {
    case "strong":
      return dialect.strong(inline(node.children, dialect));
    case "em":
      return dialect.emphasis(inline(node.children, dialect));
    case "s":
      return dialect.struck(inline(node.children, dialect));
    case "code_inline":
      return dialect.code(node.content);
    case "softbreak":
    case "hardbreak":
      return "\n";
    case "link":
      return dialect.link(inline(node.children, dialect), node.attr("href"));
    case "image":
      return dialect.link(dialect.text(node.content || "image"), node.attr("src"));
    default:
      return node.children.length === 0 ? dialect.text(node.content) : inline(node.children, dialect);
  }
}
