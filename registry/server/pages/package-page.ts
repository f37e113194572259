import type { Advisory, PackageIndex, PackageVersion } from "@plinth/manifests";
import { describePowers } from "@plinth/manifests/powers.ts";
import { splitId } from "../../layout.ts";
import { type Finding, toolsIn } from "../../scan/index.ts";
import type { Publisher } from "../storage/index.ts";
import { html, type Markup } from "./html.ts";
import { day, type Page, pageOf, plural, size } from "./layout.ts";

const MAX_VERSIONS = 100;

export interface PackageView {
  registry: string;
  index: PackageIndex;
  entry: PackageVersion;
  /** Ready to be shown. */
  readme: Markup;
  publisher: Publisher | undefined;
  downloads: { total: number; versions: Record<string, number> };
  findings: Finding[] | undefined;
  advisories: Advisory[];
}

/** All there is to judge one version of a package by. */
export function packagePage(view: PackageView): Page {
  const { index, entry, registry } = view;
  const { title, description } = entry.manifest;
  return pageOf(
    `${title} ${entry.version} · ${registry}`,
    registry,
    html`<h1>${title}</h1>
<p class="soft"><code>${index.id}</code> ${entry.version} · published ${day(entry.publishedAt)} by <a href="/publisher/${splitId(index.id).publisher}">${splitId(index.id).publisher}</a></p>
${notices(view)}
<p>${description}</p>
<div class="columns">
<div>
<h2>Install</h2>
<pre tabindex="0" aria-label="Command to install"><code>plinth plugins install ${index.id}@${entry.version}</code></pre>
<p class="soft small">In a conversation: <code>/plugins install ${index.id}</code>. Nothing runs before you agree to what it may do.</p>
<h2>What it may do</h2>
${powers(entry)}
<h2>Read me</h2>
${view.readme}
</div>
<div>
<h2>Provenance</h2>
${provenance(view)}
<h2>Checks</h2>
${findings(view.findings?.filter(({ capability }) => capability !== "tools"))}
${tools(view)}
<h2>Versions</h2>
${versions(view)}
</div>
</div>`,
  );
}

function notices({ entry, advisories, publisher }: PackageView): Markup {
  return html`${entry.blocked !== undefined && html`<p class="notice danger" role="alert"><strong>Taken away by the registry:</strong> ${entry.blocked}. It cannot be installed; uninstall it.</p>`}
${entry.yanked !== undefined && entry.blocked === undefined && html`<p class="notice danger"><strong>Withdrawn:</strong> ${entry.yanked}. It is not chosen for new installs.</p>`}
${entry.deprecated !== undefined && html`<p class="notice"><strong>Its publisher advises against it:</strong> ${entry.deprecated}</p>`}
${publisher?.bannedFor !== undefined && html`<p class="notice danger"><strong>This publisher was banned:</strong> ${publisher.bannedFor}</p>`}
${advisories.map((one) => html`<p class="notice danger"><strong>Advisory ${one.id} (${one.severity}):</strong> ${one.title}${one.fixed !== undefined && html`; ${one.fixed} is without it`}</p>`)}`;
}

function powers({ manifest }: PackageVersion): Markup {
  const lines = describePowers(manifest);
  if (lines.length === 0) return html`<p>It asks for nothing.</p>`;
  return html`<ul>${lines.map((line) => html`<li>${line}</li>`)}</ul>`;
}

function provenance({ entry, publisher, downloads }: PackageView): Markup {
  return html`<dl>
<div><dt>Signed with the key</dt><dd><code>${entry.signature.keyId}</code></dd></div>
${publisher?.domain !== undefined && html`<div><dt>Domain that named the key</dt><dd>${publisher.domain}</dd></div>`}
${publisher !== undefined && publisher.owners.length > 0 && html`<div><dt>Owners</dt><dd>${publisher.owners.join(", ")}</dd></div>`}
<div><dt>Published</dt><dd>${entry.publishedAt}</dd></div>
${entry.log !== undefined && html`<div><dt>In the registry's log</dt><dd>entry ${entry.log.index}, let in at ${entry.log.at}</dd></div>`}
<div><dt>Tarball</dt><dd><a href="/${entry.tarball}">${size(entry.size)}</a></dd></div>
<div><dt>Integrity</dt><dd><code class="small">${entry.integrity}</code></dd></div>
<div><dt>License</dt><dd>${entry.manifest.license ?? "not stated"}</dd></div>
<div><dt>Downloads</dt><dd>${plural(downloads.total, "download")}</dd></div>
</dl>`;
}

function findings(list: Finding[] | undefined): Markup {
  if (list === undefined) return html`<p class="soft">This version was not checked by this registry.</p>`;
  if (list.length === 0) return html`<p>Nothing was found that it did not declare.</p>`;
  return html`<ul>${list.map(
    ({ level, capability, message, file, line }) =>
      html`<li><span class="level-${level}">${level}</span>, ${capability}: ${message}${file !== undefined && html` <span class="soft">(${file}${line !== undefined && `, line ${line}`})</span>`}</li>`,
  )}</ul>`;
}

/** How vendors of models take its tools, as it was seen when it was published. */
function tools({ entry, findings: all }: PackageView): Markup {
  const count = toolsIn(entry.manifest).length;
  if (count === 0 || all === undefined) return html``;
  const told = all.filter(({ capability }) => capability === "tools");
  return html`<h2>Its tools and models</h2>
${
  told.length === 0
    ? html`<p>Every vendor of models takes ${count === 1 ? "its tool" : `its ${count} tools`} as written.</p>`
    : html`<ul>${told.map(({ level, message }) => html`<li class="small">${level === "warning" && html`<span class="level-warning">refused</span> `}${message}</li>`)}</ul>
<p class="soft small">What is not named here is taken as written.</p>`
}`;
}

function versions({ index, entry, downloads }: PackageView): Markup {
  const newest = [...index.versions].reverse();
  const tagsOf = (version: string) =>
    Object.entries(index.tags)
      .filter(([, one]) => one === version)
      .map(([tag]) => html`<span class="tag">${tag}</span> `);
  const state = (one: PackageVersion) =>
    one.blocked !== undefined ? "taken away" : one.yanked !== undefined ? "withdrawn" : one.deprecated !== undefined ? "deprecated" : "";
  return html`<table><thead><tr><th scope="col">Version</th><th scope="col">Published</th><th scope="col">Downloads</th></tr></thead>
<tbody>${newest.slice(0, MAX_VERSIONS).map(
    (
      one,
    ) => html`<tr><td><a href="/package/${index.id}/${one.version}"${one.version === entry.version ? html` aria-current="page"` : ""}>${one.version}</a> ${tagsOf(one.version)}
<span class="level-warning small">${state(one)}</span></td><td>${day(one.publishedAt)}</td><td>${downloads.versions[one.version] ?? 0}</td></tr>`,
  )}</tbody></table>
${newest.length > MAX_VERSIONS && html`<p class="soft small">and ${newest.length - MAX_VERSIONS} older ones</p>`}`;
}
