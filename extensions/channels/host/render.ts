import { fromMarkdown } from "mdast-util-from-markdown";

/** The parts of a parsed text that are looked at. */
interface Node {
  readonly type: string;
  readonly value?: string;
  readonly url?: string;
  readonly alt?: string | null;
  readonly lang?: string | null;
  readonly depth?: number;
  readonly ordered?: boolean | null;
  readonly start?: number | null;
  readonly children?: readonly Node[];
}

/** How one dialect writes what has a form; what is not here has none there. */
interface Dialect {
  text(value: string): string;
  strong(inner: string): string;
  emphasis(inner: string): string;
  code(value: string): string;
  block(value: string, lang: string): string;
  link(inner: string, url: string): string;
  quote(inner: string): string;
}

const lines = (text: string, prefix: string): string =>
  text
    .split("\n")
    .map((line) => prefix + line)
    .join("\n");
const html = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
const slack = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const same = (text: string): string => text;
/** Only what leads somewhere on the web becomes a link. */
const isWeb = (url: string): boolean => /^(https?|mailto):/i.test(url);

const DIALECTS: Readonly<Record<"plain" | "html" | "mrkdwn", Dialect>> = {
  plain: {
    text: same,
    strong: same,
    emphasis: same,
    code: same,
    block: same,
    link: (inner, url) => (inner === url || !isWeb(url) ? inner : `${inner} (${url})`),
    quote: (inner) => lines(inner, "> "),
  },
  html: {
    text: html,
    strong: (inner) => `<b>${inner}</b>`,
    emphasis: (inner) => `<i>${inner}</i>`,
    code: (value) => `<code>${html(value)}</code>`,
    block: (value) => `<pre>${html(value)}</pre>`,
    link: (inner, url) => (isWeb(url) ? `<a href="${html(url)}">${inner}</a>` : inner),
    quote: (inner) => `<blockquote>${inner}</blockquote>`,
  },
  mrkdwn: {
    text: slack,
    strong: (inner) => `*${inner}*`,
    emphasis: (inner) => `_${inner}_`,
    code: (value) => `\`${slack(value)}\``,
    block: (value) => `\`\`\`\n${slack(value)}\n\`\`\``,
    link: (inner, url) => (isWeb(url) ? `<${slack(url).replaceAll("|", "%7C")}|${inner.replaceAll("|", "¦")}>` : inner),
    quote: (inner) => lines(inner, "> "),
  },
};

/** Deeper than this nobody writes; what lies there is shown as it was typed. */
const DEEPEST = 50;

/** Markdown in another dialect. Markup that the dialect has no form for leaves its text. */
export function render(markdown: string, format: keyof typeof DIALECTS | string): string {
  const dialect = DIALECTS[format as keyof typeof DIALECTS] ?? DIALECTS.plain;
  return blocks(fromMarkdown(markdown) as Node, dialect, 0, "\n\n").trim();
}

const blocks = ({ children = [] }: Node, dialect: Dialect, depth: number, between: string): string =>
  children
    .map((child) => block(child, dialect, depth + 1))
    .filter((one) => one !== "")
    .join(between);

function block(node: Node, dialect: Dialect, depth: number): string {
  if (depth > DEEPEST) return "…";
  switch (node.type) {
    case "paragraph":
      return inline(node, dialect, depth);
    case "heading":
      return dialect.strong(inline(node, dialect, depth));
    case "code":
      return dialect.block(node.value ?? "", node.lang ?? "");
    case "blockquote":
      return dialect.quote(blocks(node, dialect, depth, "\n\n"));
    case "list":
      return list(node, dialect, depth);
    case "thematicBreak":
      return "———";
    case "html":
      return dialect.text(node.value ?? "");
    default:
      return node.children === undefined ? "" : blocks(node, dialect, depth, "\n");
  }
}

function list(node: Node, dialect: Dialect, depth: number): string {
  const first = node.start ?? 1;
  return (node.children ?? [])
    .map((item, index) => {
      const mark = node.ordered === true ? `${first + index}. ` : "• ";
      return mark + lines(blocks(item, dialect, depth, "\n"), "  ").trimStart();
    })
    .join("\n");
}

const inline = ({ children = [] }: Node, dialect: Dialect, depth: number): string =>
  children.map((child) => span(child, dialect, depth + 1)).join("");

function span(node: Node, dialect: Dialect, depth: number): string {
  if (depth > DEEPEST) return "…";
  const inner = (): string => inline(node, dialect, depth);
  switch (node.type) {
    case "text":
    case "html":
      return dialect.text(node.value ?? "");
    case "strong":
      return dialect.strong(inner());
    case "emphasis":
      return dialect.emphasis(inner());
    case "inlineCode":
      return dialect.code(node.value ?? "");
    case "break":
      return "\n";
    case "link":
      return dialect.link(inner(), node.url ?? "");
    case "image":
      return dialect.link(dialect.text(node.alt || "image"), node.url ?? "");
    default:
      return node.value === undefined ? inner() : dialect.text(node.value);
  }
}
