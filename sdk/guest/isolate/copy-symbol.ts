/** For objects with hidden state: how structuredClone copies one. Known by name, since what has it may be loaded later. */
export const COPY = Symbol.for("plinth.copy");

/** Kinds that are not copied at all. */
export function neverCopied(kinds: Record<string, unknown>): void {
  for (const kind of Object.values(kinds)) {
    const prototype = typeof kind === "function" ? (kind.prototype as object | undefined) : undefined;
    if (prototype !== undefined && !(COPY in prototype)) Object.defineProperty(prototype, COPY, { value: null });
  }
}
