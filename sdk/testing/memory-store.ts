import type { Store } from "../extension/index.ts";

/** A store that keeps JSON text, so that values lose what they would lose in the real one. */
export function createMemoryStore(now: () => number = Date.now): Store {
  const entries = new Map<string, { text: string; expires: number }>();
  const live = (key: string) => {
    const entry = entries.get(key);
    if (entry && entry.expires <= now()) {
      entries.delete(key);
      return undefined;
    }
    return entry;
  };
  return {
    get: async <T>(key: string) => {
      const entry = live(key);
      return entry === undefined ? undefined : (JSON.parse(entry.text) as T);
    },
    set: async (key, value, ttlMs) => {
      if (value === undefined) entries.delete(key);
      else
        entries.set(key, {
          text: JSON.stringify(value),
          expires: ttlMs === undefined ? Number.POSITIVE_INFINITY : now() + ttlMs,
        });
    },
    delete: async (key) => live(key) !== undefined && entries.delete(key),
    keys: async (prefix = "") => [...entries.keys()].filter((key) => key.startsWith(prefix) && live(key)).sort(),
    clear: async () => entries.clear(),
  };
}
