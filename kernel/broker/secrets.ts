import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { errors, PlinthError } from "../errors.ts";
import { maskValue } from "../log.ts";

const HANDLE = /\{\{plinth-secret:([A-Z][A-Z0-9_]*)\}\}/g;

/** Secrets by name: the environment first, then `secrets.json` in the home folder. Values stay in here and on the wire. */
export class Secrets {
  readonly #home: string;
  readonly #env: Readonly<Record<string, string | undefined>>;
  #file: Promise<ReadonlyMap<string, string>> | null = null;

  constructor(home: string, env: Readonly<Record<string, string | undefined>>) {
    this.#home = home;
    this.#env = env;
  }

  async has(name: string): Promise<boolean> {
    return (await this.#value(name)) !== undefined;
  }

  /** A header's value with its handles replaced; only for names that the extension was granted. */
  async substitute(extension: string, granted: readonly string[], text: string): Promise<string> {
    if (!text.includes("{{plinth-secret:")) return text;
    const values = new Map<string, string>();
    for (const [, name = ""] of text.matchAll(HANDLE)) {
      if (!granted.includes(name)) throw errors.permission(extension, `use the secret ${name}`);
      const value = await this.#value(name);
      if (value === undefined) {
        throw new PlinthError("PLINTH_SECRET_MISSING", `The secret ${name} is not set.`, {
          extension,
          next: `Set the environment variable ${name}, or add it to secrets.json in the home folder.`,
        });
      }
      if (/[\r\n\0]/.test(value)) throw new PlinthError("PLINTH_SECRET_INVALID", `The secret ${name} holds a line break.`, { extension });
      values.set(name, value);
    }
    return text.replace(HANDLE, (_all, name: string) => values.get(name) ?? "");
  }

  async #value(name: string): Promise<string | undefined> {
    const fromEnv = this.#env[name];
    const value = fromEnv !== undefined && fromEnv !== "" ? fromEnv : (await (this.#file ??= this.#read())).get(name);
    if (value !== undefined) maskValue(value);
    return value;
  }

  async #read(): Promise<ReadonlyMap<string, string>> {
    const path = join(this.#home, "secrets.json");
    try {
      const parsed = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
      return new Map(Object.entries(parsed).filter((pair): pair is [string, string] => typeof pair[1] === "string"));
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return new Map();
      throw errors.configInvalid(path, "", (thrown as Error).message);
    }
  }
}
