import type { FoundPackage, SearchQuery, Storage } from "../storage/index.ts";
import { html, type Markup } from "./html.ts";
import { day, type Page, pageOf, plural } from "./layout.ts";

const PAGE_SIZE = 20;
const MAX_OFFSET = 10_000;
const KINDS: readonly [value: string, words: string][] = [
  ["", "any"],
  ["none", "asks for nothing"],
  ["net", "network"],
  ["fs", "files"],
  ["exec", "programs"],
  ["env", "environment"],
  ["secrets", "secrets"],
  ["principals", "acts for people"],
];

/** The first page, and what a search found. What does not fit a filter is left out, as people mistype addresses. */
export async function homePage(registry: string, storage: Storage, parameters: URLSearchParams): Promise<Page> {
  const query = queryOf(parameters);
  const { total, packages } = await storage.packages.search(query);
  const searched = query.text !== "" || query.publisher !== undefined || query.contract !== undefined || query.permission !== undefined;
  const told = searched
    ? total === 0
      ? "Nothing was found. Try fewer or other words."
      : `${plural(total, "package")} found`
    : `${plural(total, "package")}`;
  return pageOf(
    query.text === "" ? registry : `${query.text} · ${registry}`,
    registry,
    html`<h1>${searched ? "Search" : "Find an extension"}</h1>
${form(query)}
<p class="soft" role="status">${told}</p>
<ul class="packages">${packages.map(row)}</ul>
${pager(query, total, packages.length)}`,
  );
}

function queryOf(parameters: URLSearchParams): SearchQuery {
  const value = (name: string, pattern: RegExp) => {
    const given = parameters.get(name) ?? "";
    return pattern.test(given) ? given : undefined;
  };
  const publisher = value("publisher", /^[a-z][a-z0-9-]{0,38}$/);
  const contract = value("contract", /^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)+$/);
  const permission = value("permission", /^(none|net|fs|exec|env|secrets|principals)$/);
  return {
    text: (parameters.get("q") ?? "").slice(0, 200),
    limit: PAGE_SIZE,
    offset: Math.min(MAX_OFFSET, Math.max(0, Math.trunc(Number(parameters.get("offset") ?? 0)) || 0)),
    ...(publisher === undefined ? {} : { publisher }),
    ...(contract === undefined ? {} : { contract }),
    ...(permission === undefined ? {} : { permission }),
  };
}

function form({ text, publisher, contract, permission }: SearchQuery): Markup {
  return html`<form class="search" role="search" action="/" method="get">
<input type="search" name="q" value="${text}" maxlength="200" aria-label="Words to search for" placeholder="weather, plinth.tool, …">
<button>Search</button>
<div class="filters">
<label>Publisher <input name="publisher" value="${publisher ?? ""}" maxlength="39" autocapitalize="none"></label>
<label>Provides <input name="contract" value="${contract ?? ""}" maxlength="128" placeholder="plinth.tool" autocapitalize="none"></label>
<label>Permission <select name="permission">${KINDS.map(
    ([value, words]) => html`<option value="${value}"${value === (permission ?? "") ? html` selected` : ""}>${words}</option>`,
  )}</select></label>
</div>
</form>`;
}

function row({ id, version, title, description, updatedAt, downloads, permissions }: FoundPackage): Markup {
  return html`<li><h2><a href="/package/${id}">${title}</a></h2>
<p>${description}</p>
<p class="soft small"><code>${id}</code> ${version} · ${day(updatedAt)} · ${plural(downloads, "download")}
${permissions.map((kind) => html`<span class="tag">${KINDS.find(([value]) => value === kind)?.[1] ?? kind}</span> `)}</p></li>`;
}

function pager(query: SearchQuery, total: number, shown: number): Markup | undefined {
  const link = (offset: number, words: string, rel: string) => {
    const parameters = new URLSearchParams({ q: query.text, offset: String(offset) });
    for (const name of ["publisher", "contract", "permission"] as const) if (query[name] !== undefined) parameters.set(name, query[name]);
    return html`<a rel="${rel}" href="/?${parameters.toString()}">${words}</a>`;
  };
  const before = query.offset > 0 ? link(Math.max(0, query.offset - PAGE_SIZE), "Earlier results", "prev") : html`<span></span>`;
  const after =
    query.offset + shown < total && shown > 0 && query.offset + shown <= MAX_OFFSET
      ? link(query.offset + shown, "More results", "next")
      : html`<span></span>`;
  return total > PAGE_SIZE ? html`<nav class="pages" aria-label="Pages of results">${before}${after}</nav>` : undefined;
}
