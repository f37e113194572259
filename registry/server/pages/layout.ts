import { html, type Markup } from "./html.ts";

/** No script, nothing from elsewhere, not to be framed. */
export const PAGE_POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; img-src 'self'";

export interface Page {
  status: number;
  type: string;
  text: string;
  policy: string;
}

export function pageOf(title: string, registry: string, content: Markup, status = 200): Page {
  const { text } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header><a class="name" href="/">${registry}</a><span class="soft">extensions for Plinth</span></header>
<main id="main">
${content}
</main>
<footer><p>Packages are signed by their publishers. <a href="/openapi.json">API</a> · <a href="/registry.json">Publishers' keys</a></p></footer>
</body>
</html>
`;
  return { status, type: "text/html; charset=utf-8", text, policy: PAGE_POLICY };
}

/** A day, as people read it. */
export const day = (time: string): Markup => html`<time datetime="${time}">${time.slice(0, 10)}</time>`;

export const plural = (count: number, one: string): string => `${count.toLocaleString("en-GB")} ${one}${count === 1 ? "" : "s"}`;

export const size = (bytes: number): string =>
  bytes < 1_024 ? `${bytes} bytes` : bytes < 1_048_576 ? `${Math.round(bytes / 1_024)} KiB` : `${(bytes / 1_048_576).toFixed(1)} MiB`;
