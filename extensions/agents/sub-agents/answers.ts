import { type Call, errorInfo, PlinthError, type ToolResult } from "@plinth/sdk";
import type { Requester } from "./child.ts";

export interface ToolInput {
  args: Record<string, unknown>;
  sessionKey?: string;
  agent?: string;
  runId?: string;
}

export const answer = (text: string, structured?: unknown): ToolResult => ({
  content: [{ type: "text", text }],
  ...(structured === undefined ? {} : { structured }),
});

/** What a model can react to. */
export function refusal(thrown: unknown): ToolResult {
  const { code, message, next } = errorInfo(thrown);
  return { isError: true, content: [{ type: "text", text: `${code}: ${message}${next ? ` ${next}` : ""}` }], details: { code, message, next } };
}

/** Who calls a tool: by what the host says of the work, not by what is passed along. */
export function requesterOf({ sessionKey, agent = "main", runId }: ToolInput, { work }: Pick<Call, "work">): Requester {
  const { session, run } = work?.principal.scope ?? {};
  const key = session ?? sessionKey;
  if (key === undefined)
    throw new PlinthError("PLINTH_SUBAGENT_NOWHERE", "This tool is called within a turn only.", { next: "Ask for it in a conversation." });
  const id = run ?? runId;
  return {
    ...{ sessionKey: key, agent: agent.replaceAll(":", "-") },
    ...(id === undefined ? {} : { runId: id.slice(0, 64) }),
    ...{ principal: work?.principal, influences: work?.influences ?? [] },
  };
}

export const texts = (value: unknown): string[] => (Array.isArray(value) ? value.filter((one) => typeof one === "string") : []);
export const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);
