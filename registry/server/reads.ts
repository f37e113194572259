import type { IncomingMessage, ServerResponse } from "node:http";
import type { Api } from "./api.ts";
import { type Page, Pages } from "./pages/index.ts";
import { type Problem, refuse } from "./problem.ts";
import { type Document, isNotModified, READ_HEADERS, type StaticFiles } from "./static-files.ts";
import type { Tarballs } from "./tarballs.ts";

export interface ReadsOptions {
  api: Api;
  files: StaticFiles;
  tarballs: Tarballs;
  /** The OpenAPI document. */
  document: Buffer;
}

/** What is read: the registry's files, the pages for people, the description of the API. */
export class Reads {
  readonly #options: ReadsOptions;
  readonly #pages: Pages;

  constructor(options: ReadsOptions) {
    this.#options = options;
    this.#pages = new Pages(options.api);
  }

  /** The fast path: false unless the document is at hand. `more` are further headers, names and values in turn. */
  serveFresh(request: IncomingMessage, response: ServerResponse, path: string, more: readonly string[]): boolean {
    const document = this.#options.files.fresh(path.slice(1));
    if (document === undefined) return false;
    send(request, response, document, more);
    return true;
  }

  async serve(request: IncomingMessage, response: ServerResponse, path: string, query: string): Promise<void> {
    const { files, tarballs, document, api } = this.#options;
    const method = request.method ?? "GET";
    if (path === "/healthz") {
      await api.storage.packages.count();
      return json(response, method, Buffer.from('{"status":"ok"}'));
    }
    if (path === "/openapi.json") return json(response, method, document);
    const page = await this.#pages.find(path, query);
    if (page !== undefined) return sendPage(request, response, page);
    const name = decoded(path.slice(1));
    if (name.startsWith("blobs/")) {
      if (await tarballs.serve(name, { method, ifNoneMatch: request.headers["if-none-match"] }, response)) return;
    } else {
      const file = await files.read(name);
      if (file !== undefined) return send(request, response, file);
    }
    throw refuse.notFound(path);
  }

  /** A problem as its reader wants it: a page for people, data for programs. */
  refuse(request: IncomingMessage, response: ServerResponse, problem: Problem): void {
    const forPeople = (request.headers.accept ?? "").includes("text/html") && !(request.url ?? "").startsWith("/api/");
    if (forPeople) return sendPage(request, response, this.#pages.problem(problem));
    const body = Buffer.from(JSON.stringify(problem));
    response
      .writeHead(problem.status, {
        ...READ_HEADERS,
        "Content-Type": "application/problem+json",
        "Content-Length": body.length,
        "Cache-Control": "no-store",
      })
      .end(request.method === "HEAD" ? undefined : body);
  }
}

function send(request: IncomingMessage, response: ServerResponse, { body, etag, headers }: Document, more: readonly string[] = []): void {
  if (isNotModified(request.headers["if-none-match"], etag)) response.writeHead(304, [...headers, ...more]).end();
  else response.writeHead(200, [...headers, ...more, "Content-Length", String(body.length)]).end(request.method === "HEAD" ? undefined : body);
}

function json(response: ServerResponse, method: string, body: Buffer): void {
  response
    .writeHead(200, { ...READ_HEADERS, "Content-Type": "application/json", "Content-Length": body.length, "Cache-Control": "no-cache" })
    .end(method === "HEAD" ? undefined : body);
}

function sendPage(request: IncomingMessage, response: ServerResponse, { status, type, text, policy }: Page): void {
  const body = Buffer.from(text);
  response
    .writeHead(status, {
      "Content-Type": type,
      "Content-Length": body.length,
      "Content-Security-Policy": policy,
      "X-Content-Type-Options": "nosniff",
      "Referrer-Policy": "no-referrer",
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cache-Control": !type.startsWith("text/html") ? "public, max-age=3600" : "no-cache",
    })
    .end(request.method === "HEAD" ? undefined : body);
}

/** A name with a broken escape names nothing. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return "";
  }
}
