/**
 * The same value with every half of a surrogate pair replaced by U+FFFD, in texts and in names of fields. JSON can carry such
 * halves, UTF-8 cannot, and strict servers refuse a request for one. The same object where there is nothing to replace.
 */
export function wellFormed<T>(value: T): T {
  // Nearly always nothing has to be replaced: looking makes no copies.
  return isWhole(value) ? value : replaced(value);
}

function isWhole(value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return value.every(isWhole);
  for (const name in value) {
    if (Object.hasOwn(value, name) && !(name.isWellFormed() && isWhole((value as Record<string, unknown>)[name]))) return false;
  }
  return true;
}

function replaced<T>(value: T): T {
  if (typeof value === "string") return (value.isWellFormed() ? value : value.toWellFormed()) as T;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    let changed = false;
    const items = value.map((item) => {
      const next: unknown = replaced(item);
      changed ||= next !== item;
      return next;
    });
    return (changed ? items : value) as T;
  }
  let changed = false;
  const entries = Object.entries(value).map(([name, item]) => {
    const entry: [string, unknown] = [replaced(name), replaced(item)];
    changed ||= entry[0] !== name || entry[1] !== item;
    return entry;
  });
  return (changed ? Object.fromEntries(entries) : value) as T;
}

/** A text that comes in pieces, which may be cut inside a surrogate pair; halves that find no other half become U+FFFD. */
export class WellFormedText {
  #half = "";

  push(piece: string): string {
    let text = this.#half === "" ? piece : this.#half + piece;
    this.#half = "";
    if (text === "") return text;
    const last = text.charCodeAt(text.length - 1);
    if (last >= 0xd800 && last <= 0xdbff) {
      this.#half = text.slice(-1);
      text = text.slice(0, -1);
    }
    return text.isWellFormed() ? text : text.toWellFormed();
  }

  /** What is left once nothing more comes. */
  end(): string {
    const rest = this.#half === "" ? "" : "\uFFFD";
    this.#half = "";
    return rest;
  }
}
