import type { CatalogTool } from "@plinth/sdk";

/** What a tool is for that does not say it, by what a call of it can do. */
const BY_EFFECT: Readonly<Record<string, string>> = {
  read: "fs",
  write: "fs",
  net: "web",
  exec: "exec",
  send: "messaging",
  spend: "spend",
  administer: "admin",
};

/** `plain` is a tool without any effect and of no other kind. */
export const KINDS = [
  ...["fs", "exec", "web", "messaging", "spend", "admin"],
  ...["agents", "automation", "browser", "media", "memory", "sessions", "ui", "plain"],
] as const;

/** The product's word on its own tools is taken; another's tool is of the kinds that its effects make it as well. */
export function kindsOf({ from, descriptor: { kinds, effects } }: Pick<CatalogTool, "from" | "descriptor">): Set<string> {
  const declared: readonly string[] = kinds ?? [];
  const derived = declared.length > 0 && from === undefined ? [] : effects.map((effect) => BY_EFFECT[effect] ?? "admin");
  const all = new Set([...declared, ...derived]);
  return all.size === 0 ? new Set(["plain"]) : all;
}
