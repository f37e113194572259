import type { LoopInput } from "./loop.ts";

type Role = "owner" | "guest" | "system";

export interface ContextPlace {
  surface: string;
  role: Role;
  kind: "chat" | "scheduled" | "sub-agent";
  private: boolean;
}

/** In the key of a session whose messages several people read. */
const SHARED_KEY = /(?:^|[/:])(?:group|channel|room)(?:[/:]|$)/;
const ALONE = new Set<string>(["person", "app", "api"]);

/** Whose turn it is and who reads its answer. Without an owner's work it is a guest's. */
export function placeOf(
  { sessionKey, surface = "app", kind = "app" }: Pick<LoopInput, "sessionKey" | "surface" | "kind">,
  role: Role = "guest",
): ContextPlace {
  return {
    surface,
    role,
    kind: kind === "schedule" ? "scheduled" : kind === "agent" ? "sub-agent" : "chat",
    private: role === "owner" && ALONE.has(kind) && !SHARED_KEY.test(sessionKey),
  };
}
