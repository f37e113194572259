import { parsePath } from "@plinth/sdk/config-path";

/** The value at a path such as extensions["acme.x"].config.port; null where there is none. */
export function valueAt(config: unknown, path: string | undefined): unknown {
  let at = config;
  if (path === undefined || path === "") return at;
  for (const part of parsePath(path)) {
    at = at !== null && typeof at === "object" && Object.hasOwn(at, part) ? (at as Record<string, unknown>)[part] : undefined;
  }
  return at ?? null;
}
