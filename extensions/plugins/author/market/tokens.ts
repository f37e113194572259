import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { PlinthError } from "@plinth/sdk";
import { withoutMark, writeAtomic } from "@plinth/sdk/home";

const FILE = "registry-tokens.json";
const MAX_BYTES = 256 * 1024;

/** Tokens by registry, in a file that its owner alone can read. */
export class Tokens {
  readonly #path: string;

  constructor(folder: string) {
    this.#path = join(folder, FILE);
  }

  async get(url: string): Promise<string | undefined> {
    const all = await this.#read();
    return Object.hasOwn(all, url) ? all[url] : undefined;
  }

  async registries(): Promise<string[]> {
    return Object.keys(await this.#read()).sort();
  }

  async set(url: string, token: string): Promise<void> {
    await this.#write({ ...(await this.#read()), [url]: token });
  }

  /** False when there was none. */
  async remove(url: string): Promise<boolean> {
    const { [url]: found, ...rest } = await this.#read();
    if (found === undefined) return false;
    await this.#write(rest);
    return true;
  }

  async #read(): Promise<Record<string, string>> {
    const file = await open(this.#path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error) => {
      if (error.code === "ENOENT") return undefined;
      throw this.#unusable(`it cannot be opened (${error.code})`);
    });
    if (file === undefined) return {};
    try {
      const stat = await file.stat();
      if (!stat.isFile() || stat.size > MAX_BYTES) throw this.#unusable("it is not a small plain file");
      if (process.platform !== "win32" && (stat.mode & 0o077) !== 0) throw this.#unusable("others on this machine can read it");
      const value = JSON.parse(withoutMark(await file.readFile("utf8"))) as Record<string, string>;
      if (!Object.values(value).every((token) => typeof token === "string")) throw new SyntaxError("not a table of tokens");
      return value;
    } catch (error) {
      if (error instanceof SyntaxError) throw this.#unusable("it is damaged");
      throw error;
    } finally {
      await file.close();
    }
  }

  async #write(tokens: Record<string, string>): Promise<void> {
    await writeAtomic(this.#path, `${JSON.stringify(tokens, null, 2)}\n`);
  }

  #unusable(why: string): PlinthError {
    return new PlinthError("PLINTH_TOKEN_FILE", `The file of registry tokens ${this.#path} cannot be used: ${why}.`, {
      next: "Remove it and log in again; have tokens revoked that somebody may have read.",
    });
  }
}
