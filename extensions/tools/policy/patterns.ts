import type { CatalogTool } from "@plinth/sdk";
import { KINDS } from "./kinds.ts";

const EFFECTS: readonly string[] = ["read", "write", "net", "exec", "send", "spend", "administer"];

/** A tool with what it is for, which its patterns ask again and again. */
export interface Looked {
  tool: CatalogTool;
  kinds: ReadonlySet<string>;
}

/** A list of patterns, read once. What it says does not depend on their order. */
export class Patterns {
  readonly #names: { what: "name" | "by"; said: string; fits: (text: string) => boolean }[] = [];
  readonly #kinds = new Set<string>();
  readonly #effects = new Set<string>();
  /** Whoever meant something by it meant to take something away. */
  readonly #unread: string[] = [];

  constructor(patterns: readonly string[]) {
    for (const pattern of [...new Set(patterns)].sort()) {
      const at = pattern.indexOf(":");
      const [what, value] = at < 0 ? ["name", pattern] : [pattern.slice(0, at), pattern.slice(at + 1)];
      if (what === "name" || what === "by") this.#names.push({ what, said: pattern, fits: fitting(value) });
      else if (what === "group" && (KINDS as readonly string[]).includes(value)) this.#kinds.add(value);
      else if (what === "effect" && EFFECTS.includes(value)) this.#effects.add(value);
      else this.#unread.push(pattern);
    }
  }

  /** What takes a tool away. One kind or one effect is enough, and so is a pattern that nobody can read. */
  denies(looked: Looked): string | undefined {
    const kind = [...looked.kinds].sort().find((one) => this.#kinds.has(one));
    if (kind !== undefined) return `group:${kind}`;
    const effect = looked.tool.descriptor.effects.find((one) => this.#effects.has(one));
    return effect === undefined ? (this.#named(looked) ?? this.#unread[0]) : `effect:${effect}`;
  }

  /** What lets a tool be. By kinds or by effects only where all of its own are among them. */
  allows(looked: Looked): string | undefined {
    const named = this.#named(looked);
    if (named !== undefined) return named;
    const kinds = [...looked.kinds].sort();
    if (kinds.length > 0 && kinds.every((one) => this.#kinds.has(one))) return kinds.map((one) => `group:${one}`).join(", ");
    const { effects } = looked.tool.descriptor;
    return effects.length > 0 && effects.every((one) => this.#effects.has(one)) ? effects.map((one) => `effect:${one}`).join(", ") : undefined;
  }

  #named({ tool }: Looked): string | undefined {
    return this.#names.find(({ what, fits }) => fits(what === "by" ? tool.extension : tool.name))?.said;
  }
}

/** Whether a text is what a pattern means: * stands for any characters, the rest for itself. */
export function fitting(pattern: string): (text: string) => boolean {
  const parts = pattern.split("*");
  if (parts.length === 1) return (text) => text === pattern;
  const [first, last, between] = [parts[0] as string, parts.at(-1) as string, parts.slice(1, -1)];
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    let at = first.length;
    for (const part of between) {
      const found = text.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return at <= text.length - last.length;
  };
}
