import type { TranscriptEntry } from "@plinth/sdk";

export type Body = TranscriptEntry["body"];

const kinds = new Set(["message", "command", "run-end"]);

/** The body of a row; undefined when the row is damaged. */
export function parseBody(json: string): Body | undefined {
  try {
    const body = JSON.parse(json) as Body | null;
    if (typeof body !== "object" || body === null || !kinds.has(body.kind)) return undefined;
    return body.kind === "message" && typeof body.message?.role !== "string" ? undefined : body;
  } catch {
    return undefined;
  }
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
