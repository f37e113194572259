import { PlinthError, type TranscriptEntry } from "@plinth/sdk";

export type Body = TranscriptEntry["body"];

/** One conversation: a tree of entries, and the place in it that the next one hangs from. */
export interface Session {
  key: string;
  head: string | null;
  running?: string;
  createdAt: number;
  updatedAt: number;
  entries: TranscriptEntry[];
}

/** From the head towards the root, oldest first. */
export function chainOf({ head, entries }: Session, limit = Number.POSITIVE_INFINITY): TranscriptEntry[] {
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const chain: TranscriptEntry[] = [];
  for (let at = head; at !== null && chain.length < limit; ) {
    const entry = byId.get(at);
    if (entry === undefined) break;
    chain.push(entry);
    at = entry.parent;
  }
  return chain.reverse();
}

/** Hang bodies below the head, one below the other. */
export function append(session: Session, bodies: readonly Body[], at: number, runId?: string): void {
  for (const body of bodies) {
    // Entries are never removed, and a head of another session must not be taken for one of this.
    const id = `${session.key}#${session.entries.length + 1}`;
    session.entries.push({ id, parent: session.head, at, body, ...(runId === undefined ? {} : { runId }) });
    session.head = id;
  }
  session.updatedAt = at;
}

/** End the run that holds the session: tool calls without a result get one, so that no model sees an open call. */
export function endRun(session: Session, end: Extract<Body, { kind: "run-end" }>, at: number): void {
  const runId = session.running;
  const open = new Map<string, string>();
  for (const { body } of chainOf(session)) {
    if (body.kind !== "message") continue;
    if (body.message.role === "assistant") for (const { id, name } of body.message.toolCalls ?? []) open.set(id, name);
    if (body.message.role === "tool") open.delete(body.message.callId);
  }
  const closings = [...open].map(
    ([callId, name]): Body => ({
      kind: "message",
      message: { role: "tool", callId, name, content: [{ type: "text", text: "The run ended before this call did." }], isError: true },
    }),
  );
  append(session, [...closings, end], at, runId);
  delete session.running;
}

export function busy(key: string): PlinthError {
  return new PlinthError("PLINTH_SESSION_BUSY", `Another run holds the session ${key}.`, { next: "Wait for it, or abort it.", details: { retryable: true } });
}

export function fenced(key: string, runId: string): PlinthError {
  return new PlinthError("PLINTH_SESSION_FENCED", `The run ${runId} does not hold the session ${key}.`, { next: "Start a new run." });
}

export function unknownEntry(key: string, id: string): PlinthError {
  return new PlinthError("PLINTH_SESSION_ENTRY", `The session ${key} has no entry ${id}.`, { next: "Take one from its history." });
}
