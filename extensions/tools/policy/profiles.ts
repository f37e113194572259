const minimal = ["group:plain", "group:ui"];

/** Sets of tools with a name, by what tools say of themselves. */
export const PROFILES: Readonly<Record<string, readonly string[]>> = {
  minimal,
  "read-only": [...minimal, "effect:read"],
  messaging: [...minimal, "group:messaging", "group:memory", "group:sessions"],
  coding: [...minimal, "group:fs", "group:exec", "group:web", "group:memory", "group:sessions", "group:agents"],
  full: ["*"],
};
