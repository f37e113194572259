import { isPlinthError } from "@plinth/manifests/wire/error.ts";
import { splitId } from "../../layout.ts";
import { readmeInRoom } from "../../strangers/readme.ts";
import type { Api } from "../api.ts";
import { type Problem, refuse } from "../problem.ts";
import { homePage } from "./home-page.ts";
import { html, Markup } from "./html.ts";
import { PAGE_POLICY, type Page, pageOf } from "./layout.ts";
import { packagePage } from "./package-page.ts";
import { publisherPage } from "./publisher-page.ts";
import { ICON, STYLE } from "./style.ts";

export type { Page } from "./layout.ts";

/** The pages for people. They need no script and say what the files say. */
export class Pages {
  readonly #api: Api;
  #name = "registry";

  constructor(api: Api) {
    this.#api = api;
  }

  /** undefined: it is no page's path. @throws PLINTH_NOT_FOUND and its like for a page about nothing. */
  async find(path: string, query: string): Promise<Page | undefined> {
    if (path === "/style.css") return { status: 200, type: "text/css; charset=utf-8", text: STYLE, policy: PAGE_POLICY };
    if (path === "/icon.svg") return { status: 200, type: "image/svg+xml", text: ICON, policy: PAGE_POLICY };
    const [, kind, first, second, ...more] = path.split("/");
    if (kind !== "" && kind !== "package" && kind !== "publisher") return undefined;
    if (more.length > 0) return undefined;
    this.#name = await this.#api.catalogue.name();
    if (path === "/") return homePage(this.#name, this.#api.storage, new URLSearchParams(query));
    if (kind === "package" && first !== undefined) return this.#package(first, second === undefined ? undefined : decoded(second));
    if (kind === "publisher" && first !== undefined && second === undefined) return this.#publisher(first);
    return undefined;
  }

  problem({ status, title, detail, next }: Problem): Page {
    return pageOf(
      title,
      this.#name,
      html`<h1>${status === 404 ? "There is no such page" : title}</h1>
<p>${detail}</p>
<p>${next ?? ""}</p>
<p><a href="/">Search the registry</a></p>`,
      status,
    );
  }

  async #package(id: string, wanted: string | undefined): Promise<Page> {
    const { catalogue, storage } = this.#api;
    const index = await catalogue.index(id).catch((error: unknown) => {
      // Not even an id: a page about nothing all the same.
      throw isPlinthError(error) && error.code === "PLINTH_PACKAGE_NAME" ? refuse.notFound(id) : error;
    });
    const entry =
      index.versions.find(({ version }) => version === (wanted ?? index.tags.latest)) ?? (wanted === undefined ? index.versions.at(-1) : undefined);
    if (entry === undefined) throw refuse.notFound(`${id} ${wanted}`);
    return packagePage({
      registry: this.#name,
      index,
      entry,
      readme: await readmeOf(id, (await storage.packages.readme(id)) ?? ""),
      publisher: await storage.publishers.find(splitId(id).publisher),
      downloads: await storage.downloads.of(id),
      findings: await storage.findings.of(id, entry.version),
      advisories: await catalogue.advisories(id, entry.version),
    });
  }

  async #publisher(name: string): Promise<Page> {
    const { catalogue, storage } = this.#api;
    const publisher = await storage.publishers.find(name);
    if (publisher === undefined) throw refuse.publisherUnknown(name);
    const { packages, total } = await storage.packages.search({ text: "", publisher: name, limit: 50, offset: 0 });
    return publisherPage(this.#name, publisher, await catalogue.keys(name), packages, total);
  }
}

/** As it was written where it takes too long to read. */
async function readmeOf(id: string, text: string): Promise<Markup> {
  if (text === "") return html`<p class="soft">The package has none.</p>`;
  const body = await readmeInRoom(id, text).then(
    (made) => new Markup(made),
    () => html`<pre>${text}</pre>`,
  );
  return html`<section class="readme" tabindex="0" aria-label="Read me">${body}</section>`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
