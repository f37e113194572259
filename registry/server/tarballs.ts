import type { ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import type { PackageIndex } from "@plinth/manifests";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { isNotModified, READ_HEADERS, type StaticFiles } from "./static-files.ts";

const TARBALL = /^blobs\/([a-z0-9-]+)\/([a-z0-9-]+)\/[^/]+\.tgz$/;

interface Named {
  version: string;
  etag: string;
  blocked: string | undefined;
}

/** Serves tarballs: those that an index names and nobody withheld. They never change, so that their ETag is their hash. */
export class Tarballs {
  readonly #files: StaticFiles;
  readonly #downloaded: (id: string, version: string) => void;

  constructor(files: StaticFiles, downloaded: (id: string, version: string) => void) {
    this.#files = files;
    this.#downloaded = downloaded;
  }

  /** false: there is no such tarball. */
  async serve(path: string, request: { method: string; ifNoneMatch: string | undefined }, response: ServerResponse): Promise<boolean> {
    const [, publisher, name] = TARBALL.exec(path) ?? [];
    if (publisher === undefined) return false;
    const named = await this.#named(publisher, name!, path);
    if (named === undefined) return false;
    if (named.blocked !== undefined) {
      throw new PlinthError("PLINTH_VERSION_BLOCKED", `${publisher}.${name} ${named.version} was taken away: ${named.blocked}.`, {
        next: "Choose another version, and uninstall this one.",
      });
    }
    const headers = {
      ...READ_HEADERS,
      "Cache-Control": "public, max-age=31536000, immutable",
      "Content-Type": "application/gzip",
      "Content-Disposition": "attachment",
      ETag: named.etag,
    };
    if (isNotModified(request.ifNoneMatch, named.etag)) {
      response.writeHead(304, headers).end();
      return true;
    }
    const opened = await this.#files.open(path);
    if (opened === undefined) return false;
    const { file, size } = opened;
    response.writeHead(200, { ...headers, "Content-Length": size });
    if (request.method === "HEAD") {
      await file.close();
      response.end();
      return true;
    }
    // A reader who goes away ends the stream; that is no failure of ours.
    await pipeline(file.createReadStream({ start: 0 }), response).then(
      () => this.#downloaded(`${publisher}.${name}`, named.version),
      () => response.destroy(),
    );
    return true;
  }

  async #named(publisher: string, name: string, path: string): Promise<Named | undefined> {
    const indexPath = `packages/${publisher}/${name}.json`;
    const document = this.#files.fresh(indexPath) ?? (await this.#files.read(indexPath));
    if (document === undefined) return undefined;
    document.derived ??= new Map(
      (JSON.parse(document.body.toString("utf8")) as PackageIndex).versions.map(({ tarball, version, integrity, blocked }) => [
        tarball,
        { version, etag: `"${integrity}"`, blocked },
      ]),
    );
    return (document.derived as Map<string, Named>).get(path);
  }
}
