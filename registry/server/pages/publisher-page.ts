import type { PublicKey } from "../../signing.ts";
import type { FoundPackage, Publisher } from "../storage/index.ts";
import { html } from "./html.ts";
import { day, type Page, pageOf, plural } from "./layout.ts";

export function publisherPage(
  registry: string,
  publisher: Publisher,
  keys: readonly PublicKey[],
  packages: readonly FoundPackage[],
  total: number,
): Page {
  const { name, owners, domain, bannedFor, createdAt } = publisher;
  return pageOf(
    `${name} · ${registry}`,
    registry,
    html`<h1>${name}</h1>
${bannedFor !== undefined && html`<p class="notice danger"><strong>This publisher was banned:</strong> ${bannedFor}</p>`}
<dl>
<div><dt>Known here since</dt><dd>${day(createdAt)}</dd></div>
${domain !== undefined && html`<div><dt>Domain that named the key</dt><dd>${domain}</dd></div>`}
<div><dt>Owners</dt><dd>${owners.length === 0 ? "none yet" : owners.join(", ")}</dd></div>
<div><dt>Keys</dt><dd>${keys.map(({ keyId }) => html`<code>${keyId}</code> `)}</dd></div>
</dl>
<h2>${plural(total, "package")}</h2>
<ul class="packages">${packages.map((one) => html`<li><h2><a href="/package/${one.id}">${one.title}</a></h2><p>${one.description}</p><p class="soft small"><code>${one.id}</code> ${one.version}</p></li>`)}</ul>
${total > packages.length && html`<p><a href="/?publisher=${name}">All of them</a></p>`}`,
  );
}
