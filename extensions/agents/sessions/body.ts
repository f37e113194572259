import { partsFor, partsFrom, partsSaid, type TranscriptEntry, toolCallsOf, toolResultsOf } from "@plinth/sdk";
import { decided } from "./errors.ts";
import { modernMessage } from "./modern-message.ts";
import { isProduct } from "./origin.ts";

export type Body = TranscriptEntry["body"];

/** The body of a row; undefined when the row is damaged. A kind that a later version wrote is kept as it is. */
export function parseBody(json: string): Body | undefined {
  try {
    const body = JSON.parse(json) as Body | null;
    if (typeof body !== "object" || body === null || typeof body.kind !== "string") return undefined;
    if (body.kind !== "message") return body;
    const message = modernMessage(body.message);
    return message === undefined ? undefined : { ...body, message };
  } catch {
    return undefined;
  }
}

/** What an extension notes for itself, and what is opaque in what it says, is its own, whatever it writes on it. */
export function owned(body: Body, caller: string | undefined): Body {
  if (body.kind === "custom") return { ...body, owner: caller ?? "host" };
  if (body.kind !== "message" || caller === undefined || isProduct(caller)) return body;
  const { origin: _, ...message } = body.message;
  const content = message.role === "user" ? partsSaid(message.content) : partsFrom(message.content, caller);
  return { ...body, message: { ...message, content } };
}

/**
 * Another publisher's extension says something, and notes something for itself. What decides how a conversation goes on (a
 * compaction, a reset, a run's end, another model) is the product's and the owner's, and so are a call and its result
 * outside of a run that it holds itself.
 */
export function assertWritable(bodies: readonly Body[], caller: string | undefined, inRun: boolean): void {
  if (isProduct(caller)) return;
  for (const body of bodies) {
    if (body.kind === "custom") continue;
    if (body.kind !== "message") throw decided(body.kind, caller as string);
    const { role, content } = body.message;
    if (!inRun && (role === "tool" || toolCallsOf(content).length > 0)) throw decided("tool call", caller as string);
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
  if (message.role === "tool") {
    const results = toolResultsOf(message.content);
    return results.length > 0 && results.every(({ callId }) => open.delete(callId));
  }
  if (message.role === "assistant") for (const call of toolCallsOf(message.content)) open.set(call.id, call.name);
  return true;
}

/** Error results for calls that will never get another one. */
export function closings(open: OpenCalls, text: string): Body[] {
  return Array.from(open, ([callId, name]) => ({
    kind: "message",
    message: { role: "tool", content: [{ type: "tool-result", callId, name, content: [{ type: "text", text }], isError: true }] },
  }));
}

/** A body without what only the provider that made it may read; with a `reader`, its own stays. */
export function bodyFor(body: Body, reader: string | undefined): Body {
  if (body.kind !== "message") return body;
  const content = partsFor(body.message.content, reader);
  return content === body.message.content ? body : { ...body, message: { ...body.message, content } };
}

export function entriesFor(entries: readonly TranscriptEntry[], reader: string | undefined): TranscriptEntry[] {
  return entries.map((entry) => {
    const body = bodyFor(entry.body, reader);
    return body === entry.body ? entry : { ...entry, body };
  });
}
