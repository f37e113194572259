import type { LockEntry } from "./schema/lockfile.ts";

/** Whether a caller is the host or an extension of the product: the solver lets no package from outside have such an id. */
export const isProduct = (caller: string): boolean => caller === "host" || caller.startsWith("plinth.");

/**
 * Whose an extension is, for what it has stored: the key that signed it, where a registry vouched for that key, or else the
 * place that it came from, without its version. Nobody becomes somebody else by bringing the same id.
 */
export function partyOf({ source, signature, registry }: Pick<LockEntry, "source" | "signature" | "registry">): string {
  if (signature !== undefined && registry !== undefined) return `key ${signature.keyId}`;
  if (source.startsWith("npm:")) return source.replace(/(?<=.)@[^@/]*$/, "");
  if (source.startsWith("git:")) return source.replace(/#[^:]*/, "#");
  return source.replace(/^link:/, "folder:");
}
