import { PlinthError, type SessionInfo, type TranscriptEntry, toolCallsOf, toolResultsOf } from "@plinth/sdk";

export type Body = TranscriptEntry["body"];

/** One conversation: a tree of entries, and the place in it that the next one hangs from. */
export interface Session {
  key: string;
  head: string | null;
  /** The run that holds it, until then. */
  running?: { runId: string; expiresAt: number };
  /** Rises with each claim: an older one writes nothing any more. */
  fence: number;
  /** Rises with each change and each entry of the whole store. */
  changed: number;
  createdAt: number;
  updatedAt: number;
  entries: TranscriptEntry[];
  /** What was appended under an idempotency key, by its head. */
  appended: Record<string, string>;
}

/** From the head, or from what `before` hangs below, towards the root; oldest first. */
export function chainOf({ key, head, entries }: Session, limit = Number.POSITIVE_INFINITY, before?: string): TranscriptEntry[] {
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const chain: TranscriptEntry[] = [];
  let at = head;
  if (before !== undefined) {
    const entry = byId.get(before);
    if (entry === undefined) throw unknownEntry(key, before);
    at = entry.parent;
  }
  while (at !== null && chain.length < limit) {
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
    session.changed++;
    session.entries.push({ id, parent: session.head, seq: session.changed, at, body, ...(runId === undefined ? {} : { runId }) });
    session.head = id;
  }
  session.updatedAt = at;
}

/** Hold the session for a run. A claim that has expired is another host's that died: its run is ended first. */
export function claim(session: Session, runId: string, expiresAt: number, now: number): void {
  closeExpired(session, now);
  if (ended(session, runId)) {
    throw new PlinthError("PLINTH_SESSION_RAN", `The run ${runId} of the session ${session.key} has ended before.`, { next: "Use a new run id." });
  }
  session.running = { runId, expiresAt };
  session.fence++;
}

/** The claim, or an error where the run does not hold the session any more. */
export function held(session: Session, runId: string, fence: number | undefined): NonNullable<Session["running"]> {
  const { running } = session;
  if (running !== undefined && running.runId === runId && session.fence === fence) return running;
  throw new PlinthError("PLINTH_SESSION_FENCED", `The run ${runId} does not hold the session ${session.key}.`, { next: "Start a new run." });
}

type End = Extract<Body, { kind: "run-end" }>;

/** The last that a run says, and its end. A run ends once; who asks again gets the same answer. */
export function release(session: Session, runId: string, fence: number, bodies: readonly Body[], end: End, now: number): void {
  if (session.running?.runId !== runId && ended(session, runId)) return;
  held(session, runId, fence);
  append(session, bodies, now, runId);
  endRun(session, end, now);
}

export function closeExpired(session: Session, now: number): void {
  if (session.running === undefined) return;
  if (session.running.expiresAt > now) {
    throw new PlinthError("PLINTH_SESSION_BUSY", `Another run holds the session ${session.key}.`, { next: "Wait for it, or abort it.", details: { retryable: true } });
  }
  endRun(session, { kind: "run-end", status: "interrupted" }, now);
}

export function checkHead({ key, head }: Session, expected: string | null | undefined): void {
  if (expected === undefined || expected === head) return;
  throw new PlinthError("PLINTH_SESSION_MOVED", `The session ${key} went on.`, { next: "Read its history and decide again." });
}

/** What a list shows of it. */
export function summary({ key, head, createdAt, updatedAt, entries, running }: Session, now: number): SessionInfo {
  const runs = running !== undefined && running.expiresAt > now ? { running: running.runId } : {};
  return { key, head, createdAt, updatedAt, entries: entries.length, ...runs };
}

export function unknownEntry(key: string, id: string): PlinthError {
  return new PlinthError("PLINTH_SESSION_ENTRY", `The session ${key} has no entry ${id}.`, { next: "Take one from its history." });
}

/** End the run that holds the session: tool calls without a result get one, so that no model sees an open call. */
function endRun(session: Session, end: End, at: number): void {
  const runId = session.running?.runId;
  const open = new Map<string, string>();
  for (const { body } of chainOf(session)) {
    if (body.kind !== "message") continue;
    for (const { id, name } of toolCallsOf(body.message.content)) open.set(id, name);
    for (const { callId } of toolResultsOf(body.message.content)) open.delete(callId);
  }
  const closings = [...open].map(
    ([callId, name]): Body => ({
      kind: "message",
      message: {
        role: "tool",
        content: [{ type: "tool-result", callId, name, content: [{ type: "text", text: "The run ended before this call did." }], isError: true }],
      },
    }),
  );
  append(session, [...closings, end], at, runId);
  delete session.running;
}

function ended({ entries }: Session, runId: string): boolean {
  return entries.some((entry) => entry.runId === runId && entry.body.kind === "run-end");
}
