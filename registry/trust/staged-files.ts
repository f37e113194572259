import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { writePublic } from "../public-file.ts";
import { type Answer, openTransport, type Transport } from "../transport.ts";

/**
 * Files of a folder that are to be written, held in memory until all of them are known to be good. Read through here, the
 * folder is as it will be.
 */
export class StagedFiles {
  readonly dir: string;
  readonly #files = new Map<string, Buffer>();
  readonly #obsolete: string[] = [];

  constructor(dir: string) {
    this.dir = dir;
  }

  put(path: string, content: Uint8Array | string): void {
    // Put again at the end: files are written in this order.
    this.#files.delete(path);
    this.#files.set(path, typeof content === "string" ? Buffer.from(content) : Buffer.from(content.buffer, content.byteOffset, content.byteLength));
  }

  /** To be removed once everything is written. */
  drop(path: string): void {
    this.#obsolete.push(path);
  }

  async read(path: string): Promise<Buffer> {
    return this.#files.get(path) ?? readFile(join(this.dir, path));
  }

  /** The folder as it will be, for whoever reads registries. */
  transport(name: string): Transport {
    const folder = openTransport(this.dir, name);
    return {
      isRemote: false,
      read: async (path, options): Promise<Answer> => {
        const bytes = this.#files.get(path);
        if (bytes === undefined) return folder.read(path, options);
        if (bytes.length <= options.maxBytes) return { kind: "bytes", bytes, etag: undefined };
        // As the folder itself would answer, were it there already.
        throw Object.assign(new Error(`${path} would be larger than the ${options.maxBytes} bytes that are read of it`), {
          code: "PLINTH_REGISTRY_SIZE",
        });
      },
    };
  }

  async write(): Promise<void> {
    for (const [path, bytes] of this.#files) await writePublic(join(this.dir, path), bytes);
    for (const path of this.#obsolete) await rm(join(this.dir, path), { recursive: true, force: true });
    this.#files.clear();
    this.#obsolete.length = 0;
  }
}
