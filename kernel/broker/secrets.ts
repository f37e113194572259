import { maskValue } from "@plinth/manifests/redact.ts";
import { errors } from "../errors.ts";

const HANDLE = /\{\{plinth-secret:([A-Z][A-Z0-9_]*)\}\}/g;

/** Puts secrets into what leaves the host. Where they come from is a slot; values stay in here and on the wire. */
export class Secrets {
  readonly #resolve: (name: string) => Promise<string | null>;

  constructor(resolve: (name: string) => Promise<string | null>) {
    this.#resolve = resolve;
  }

  async has(name: string): Promise<boolean> {
    return (await this.#resolve(name)) !== null;
  }

  /** A header's value with its handles replaced; only for names that the extension was granted. */
  async substitute(extension: string, granted: readonly string[], text: string): Promise<string> {
    if (!text.includes("{{plinth-secret:")) return text;
    const values = new Map<string, string>();
    for (const [, name = ""] of text.matchAll(HANDLE)) {
      if (!granted.includes(name)) throw errors.permission(extension, `use the secret ${name}`);
      const value = await this.#resolve(name);
      if (value === null) throw errors.secretMissing(extension, name);
      if (/[\r\n\0]/.test(value)) throw errors.payload(extension, `the secret ${name}`, "it holds a line break");
      maskValue(value);
      values.set(name, value);
    }
    return text.replace(HANDLE, (_all, name: string) => values.get(name) ?? "");
  }
}
