import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { type HttpItem, PlinthError } from "@plinth/sdk";

interface Asset {
  readonly text: string;
  readonly type: string;
  readonly etag: string;
}

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
};

/** Nothing inline, nothing from elsewhere; strings never become markup (trusted types). */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/** The page's files. All are read at the first request: a path from outside only ever looks up a name in a map. */
export class Assets {
  readonly #dir: string;
  #files: Promise<ReadonlyMap<string, Asset>> | undefined;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async *answer(name: string, known: string | undefined): AsyncGenerator<HttpItem> {
    const asset = (await this.#load()).get(name);
    if (asset === undefined) {
      throw new PlinthError("PLINTH_NOT_FOUND", `The page has no file ${name.slice(0, 100)}.`, { next: "Open / instead." });
    }
    const headers = { "content-type": asset.type, etag: asset.etag, "cache-control": "no-cache", "content-security-policy": POLICY };
    const fresh = known?.split(",").some((tag) => tag.trim().replace(/^W\//, "") === asset.etag) === true;
    yield { type: "head", status: fresh ? 304 : 200, headers };
    if (!fresh) yield { type: "text", text: asset.text };
  }

  #load(): Promise<ReadonlyMap<string, Asset>> {
    this.#files ??= read(this.#dir).catch((error) => {
      this.#files = undefined;
      throw new PlinthError("PLINTH_ASSETS_MISSING", `The files of the chat page cannot be read: ${(error as Error).message}.`, {
        next: "Build the product again (`npm run build`), or reinstall it.",
        cause: error,
      });
    });
    return this.#files;
  }
}

async function read(dir: string): Promise<ReadonlyMap<string, Asset>> {
  const names = (await readdir(dir)).filter((name) => TYPES[extname(name)] !== undefined);
  if (!names.includes("index.html")) throw new Error("index.html is missing");
  const assets = await Promise.all(
    names.map(async (name): Promise<[string, Asset]> => {
      const text = await readFile(join(dir, name), "utf8");
      const etag = `"${createHash("sha256").update(text).digest("base64url").slice(0, 22)}"`;
      return [name, { text, type: TYPES[extname(name)]!, etag }];
    }),
  );
  return new Map(assets);
}
