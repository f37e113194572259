import type { TranscriptEntry } from "@plinth/sdk";

export type Body = TranscriptEntry["body"];

/** The body of a row; undefined when the row is damaged. A kind that a later version wrote is kept as it is. */
export function parseBody(json: string): Body | undefined {
  try {
    const body = JSON.parse(json) as Body | null;
    if (typeof body !== "object" || body === null || typeof body.kind !== "string") return undefined;
    return body.kind === "message" && typeof body.message?.role !== "string" ? undefined : body;
  } catch {
    return undefined;
  }
}

/** What an extension notes for itself says whose it is, whatever it says. */
export function owned(body: Body, caller: string | undefined): Body {
  return body.kind === "custom" ? { ...body, owner: caller ?? "host" } : body;
}

/** Stands where a damaged row was: people see the gap, a model is never told about it. */
export const unreadable: Body = {
  kind: "command",
  command: "(unreadable entry)",
  answer: "This entry of the transcript is damaged and was skipped.",
};

/** Tool calls without a result yet, in order: id to tool name. */
export type OpenCalls = Map<string, string>;

/** Follow one body: calls open, results close. False when a result answers no open call. */
export function follow(open: OpenCalls, body: Body): boolean {
  if (body.kind !== "message") return true;
  const { message } = body;
  if (message.role === "tool") return open.delete(message.callId);
  if (message.role === "assistant") for (const call of message.toolCalls ?? []) open.set(call.id, call.name);
  return true;
}

/** Error results for calls that will never get another one. */
export function closings(open: OpenCalls, text: string): Body[] {
  return Array.from(open, ([callId, name]) => ({
    kind: "message",
    message: { role: "tool", callId, name, content: [{ type: "text", text }], isError: true },
  }));
}
