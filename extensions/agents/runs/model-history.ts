import { type ModelMessage, type ToolResultPart, type TranscriptEntry, toolCallsOf, toolResultsOf } from "@plinth/sdk";
import { leftOutMessage, summaryMessage } from "@plinth/sdk/kits/conversation";
import { mended } from "./mended.ts";
import { partiesOf, storedOrigin } from "./origin-note.ts";

type MessageBody = Extract<TranscriptEntry["body"], { kind: "message" }>;

/** A message as models are shown it, with what decides whether they are. */
interface Shown {
  /** Of its entry; a result that was put in has none. */
  id?: string;
  message: ModelMessage;
  /** Who had a hand in it. */
  parties: string[];
  /** Its calls: id and tool. */
  calls: [id: string, name: string][];
  /** An answer of thoughts alone, or of nothing, is none. */
  empty: boolean;
  /** In characters; counted when it is first asked for. */
  size: number | undefined;
}

export interface ModelHistory {
  messages: ModelMessage[];
  /** Who had a hand in them. */
  parties: Set<string>;
  /** Of each message's entry. */
  ids: (string | undefined)[];
  /** true: it will soon be cut, time to make it short. false: it is its sender's own. */
  long: boolean | undefined;
}

/** So much of what a model may be shown is there before it is made short. */
const LONG = 0.75;

/** Of entries, which never change: each is looked at once, not in every turn of its session. */
const known = new WeakMap<TranscriptEntry, Shown>();

/**
 * The messages of a transcript as a model is shown them: each tool call with its one result right behind it, whatever
 * was cut or damaged, and no more than `maxChars`, cut at a message of the user. The newest message always stays. Where
 * something was left out, the first one says so.
 *
 * @param maxEntries so many were asked for
 */
export function modelHistory(entries: readonly TranscriptEntry[], maxChars: number, maxEntries = Number.POSITIVE_INFINITY): ModelHistory {
  const all: Shown[] = [];
  const open = new Map<string, string>();
  const close = (): void => {
    for (const [callId, name] of open) all.push(unanswered(callId, name));
    open.clear();
  };
  const { summary, kept, hidden, gap } = compacted(mended(entries));
  for (const entry of kept) {
    if (entry.body.kind !== "message") continue;
    const one = shownOf(entry, entry.body);
    if (one.message.role === "tool") {
      const results = toolResultsOf(one.message.content).filter(({ callId }) => open.delete(callId));
      if (results.length > 0) all.push(one);
      continue;
    }
    if (open.size > 0) close();
    if (one.empty) continue;
    for (const [id, name] of one.calls) open.set(id, name);
    all.push(one);
  }
  close();
  const { first, total } = firstShown(all, maxChars, summary !== undefined);
  const shown = all.slice(first);
  const left = gap || (first > 0 && total > maxChars) ? [leftOutMessage()] : [];
  const before = [...(summary === undefined ? [] : [summaryMessage(summary)]), ...left];
  const messages = [...before, ...shown.map(({ message }) => message)];
  const ids = [...before.map(() => undefined), ...shown.map(({ id }) => id)];
  const parties = new Set<string>();
  for (const one of shown) for (const party of one.parties) parties.add(party);
  // Whoever had a hand in what was summed up has one in the sum.
  for (const entry of hidden) for (const party of partiesOf(storedOrigin(entry) ?? { by: "owner" })) parties.add(party);
  return { messages, parties, ids, long: total > maxChars * LONG || kept.length > maxEntries * LONG || undefined };
}

function shownOf(entry: TranscriptEntry, body: MessageBody): Shown {
  let one = known.get(entry);
  if (one === undefined) {
    const origin = storedOrigin(entry);
    const message = told(quoting(body), body.message.role === "user" ? origin : undefined);
    const calls = message.role === "assistant" ? toolCallsOf(message.content).map(({ id, name }): [string, string] => [id, name]) : [];
    const empty = message.role === "assistant" && !message.content.some(saysSomething);
    one = { id: entry.id, message, parties: origin === undefined ? [] : partiesOf(origin), calls, empty, size: undefined };
    known.set(entry, one);
  }
  return one;
}

interface Kept {
  summary?: string;
  kept: readonly TranscriptEntry[];
  hidden: readonly TranscriptEntry[];
  /** There were entries that nothing stands for. */
  gap: boolean;
}

/** What a compaction leaves to be shown: its summary, and the entries from the first one that it kept. */
function compacted(entries: readonly TranscriptEntry[]): Kept {
  let at = entries.length - 1;
  while (at >= 0 && entries[at]?.body.kind !== "compaction") at--;
  const body = entries[at]?.body;
  if (body?.kind !== "compaction") return { kept: entries, hidden: [], gap: (entries[0]?.parent ?? null) !== null };
  const first = body.firstKept === null ? -1 : entries.findIndex(({ id }) => id === body.firstKept);
  const from = first < 0 || first > at ? at : first;
  return {
    summary: body.summary,
    kept: entries.slice(from),
    hidden: [...entries.slice(0, from), entries[at] as TranscriptEntry],
    gap: first < 0 && body.firstKept !== null,
  };
}

/** What a message answers stands before it, as a quotation. */
function quoting({ message, replyTo }: MessageBody): ModelMessage {
  if (replyTo?.text === undefined) return message;
  const text = `(In reply to ${replyTo.sender ?? "an earlier message"}, who is only quoted here: ${JSON.stringify(replyTo.text)})`;
  return { ...message, content: [{ type: "text", text }, ...message.content] };
}

/** Thoughts that nobody wants back are no answer; a text may be empty. */
const saysSomething = (part: ModelMessage["content"][number]): boolean =>
  part.opaque !== undefined || (part.type === "text" ? part.text !== "" : part.type !== "reasoning");

/** A message of a user says itself whose it is; what stands in it about that is not believed. */
function told(message: ModelMessage, origin: ReturnType<typeof storedOrigin>): ModelMessage {
  if (origin === undefined && message.origin === undefined) return message;
  const { origin: _, ...rest } = message;
  return { ...rest, ...(origin === undefined ? {} : { origin }) };
}

/**
 * Where to begin: at the oldest message of the user with which all that follows fits.
 *
 * @param summed something stands before it, so that it may begin with anybody's message
 */
function firstShown(all: readonly Shown[], maxChars: number, summed: boolean): { first: number; total: number } {
  let first = all.findLastIndex(({ message }) => message.role === "user");
  let total = 0;
  for (let at = all.length - 1; at >= 0; at--) {
    const one = all[at]!;
    one.size ??= JSON.stringify(one.message).length;
    total += one.size;
    if (total > maxChars) return { first: Math.max(first, 0), total };
    if (one.message.role === "user" && at < first) first = at;
  }
  return { first: summed ? 0 : Math.max(first, 0), total };
}

function unanswered(callId: string, name: string): Shown {
  const content: ToolResultPart["content"] = [{ type: "text", text: "The result of this call is not known." }];
  const message: ModelMessage = { role: "tool", content: [{ type: "tool-result", callId, name, content, isError: true }] };
  return { message, parties: [], calls: [], empty: false, size: undefined };
}
