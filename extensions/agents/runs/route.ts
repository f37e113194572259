import type { ModelRequest, ToolRules } from "@plinth/sdk";
import type { QueueChoice } from "./queue-settings.ts";
import type { Submission } from "./submission.ts";

/** What the router decided of a message, as far as a turn goes by it. */
export interface Route {
  agent: string;
  sessionKey: string;
  harness: string;
  model: string;
  /** Absent: the model's own. */
  thinking?: ModelRequest["thinking"];
  /** Models that are asked where that one cannot answer; absent: the host's. */
  fallbacks?: string[];
  /** Which of the host's tools it has at most. */
  tools?: Pick<ToolRules, "allow" | "deny">;
  workspace: string;
  system: string[];
  /** What becomes of the message; absent: it is answered. */
  action?: string;
  say?: string;
  why?: string;
  /** What becomes of it while the session is busy, where the message does not say. */
  lane?: { mode?: NonNullable<Submission["mode"]>; debounceMs?: number };
  /** What was chosen for the conversation, before that. */
  queue?: QueueChoice;
  /** The most that its turn may be. */
  role?: "owner" | "guest";
}
