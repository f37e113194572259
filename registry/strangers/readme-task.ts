import { visible } from "@plinth/manifests/plain-text.ts";
import MarkdownIt from "markdown-it";

const parser = new MarkdownIt({ html: false, linkify: true, maxNesting: 60 });
parser.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });
parser.validateLink = (url) => /^https?:\/\//i.test(url) && URL.canParse(url);
const { rules } = parser.renderer;
const escapeHtml = parser.utils.escapeHtml;

/** The page loads nothing from elsewhere: a picture is a link to it. */
rules.image = (tokens, index) => {
  const token = tokens[index];
  const address = escapeHtml(String(token?.attrGet("src") ?? ""));
  return `<a href="${address}" rel="nofollow noopener noreferrer">${escapeHtml(token?.content ?? "") || address}</a>`;
};
rules.link_open = (tokens, index, options, _env, self) => {
  tokens[index]?.attrSet("rel", "nofollow noopener noreferrer");
  return self.renderToken(tokens, index, options);
};
// Styles in attributes are refused by the page's policy.
rules.th_open = () => "<th>";
rules.td_open = () => "<td>";
// Its headings stand below the page's own.
const level = (tag = "h6"): number => Math.min(6, Number(tag.slice(1)) + 2);
rules.heading_open = (tokens, index) => `<h${level(tokens[index]?.tag)}>`;
rules.heading_close = (tokens, index) => `</h${level(tokens[index]?.tag)}>\n`;

/** A package's own Markdown as HTML: no markup of its own, no scripts, no pictures, links to http and https only. */
export function readmeHtml({ text }: { text: string }): string {
  const plain = visible(text.replaceAll("\r\n", "\n"), { layout: true, max: Number.POSITIVE_INFINITY });
  const tokens = parser.parse(plain, {});
  // What is nested deeper than anybody reads is shown as it was written.
  if (tokens.some((token) => token.level >= 59)) return `<pre>${escapeHtml(plain)}</pre>`;
  return parser.renderer.render(tokens, parser.options, {});
}
