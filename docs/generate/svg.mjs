/** Pieces that the pictures of this site share: colours for light and dark, boxes, arrows, texts. */
const STYLE = `
    :root { color: #24211d; }
    .box { fill: #fbf9f5; stroke: #8d867b; }
    .core { fill: #e9f3ea; stroke: #3f7a4a; }
    .hook { fill: #fdf1e3; stroke: #b9731f; }
    text { fill: currentColor; }
    .soft { opacity: .72; font-size: 12px; }
    .line { stroke: #8d867b; fill: none; stroke-width: 1.5; marker-end: url(#a); }
    .life { stroke: #8d867b; stroke-dasharray: 3 4; }
    @media (prefers-color-scheme: dark) {
      :root { color: #ece7df; }
      .box { fill: #24221f; }
      .core { fill: #1d2b20; stroke: #6fae7c; }
      .hook { fill: #35281a; stroke: #d79a4d; }
    }`;

const escaped = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** @param title read aloud first, @param description what the picture says to whoever cannot see it. */
export function picture({ width, height, title, description }, parts) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="t d" font-family="system-ui, sans-serif" font-size="14">
  <title id="t">${escaped(title)}</title>
  <desc id="d">${escaped(description)}</desc>
  <style>${STYLE}
  </style>
  <defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#8d867b"/></marker></defs>
${parts.map((part) => `  ${part}`).join("\n")}
</svg>
`;
}

export const box = (kind, x, y, width, height) => `<rect class="${kind}" x="${x}" y="${y}" width="${width}" height="${height}" rx="8"/>`;

export const text = (x, y, words, { anchor = "middle", soft = false } = {}) =>
  `<text x="${x}" y="${y}" text-anchor="${anchor}"${soft ? ' class="soft"' : ""}>${escaped(words)}</text>`;

export const arrow = (x1, y1, x2, y2) => `<path class="line" d="M${x1} ${y1} ${x2} ${y2}"/>`;

export const life = (x, y1, y2) => `<path class="life" d="M${x} ${y1}V${y2}"/>`;
