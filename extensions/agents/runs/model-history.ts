import { type ModelMessage, type ToolResultPart, type TranscriptEntry, toolCallsOf, toolResultsOf } from "@plinth/sdk";
import { partiesOf, storedOrigin } from "./origin-note.ts";

const sizes = new WeakMap<ModelMessage, number>();

/**
 * The messages of a transcript as a model is shown them: each tool call with its one result right behind it, whatever
 * was cut or damaged, and no more than `maxChars`, cut at a message of the user. The newest message always stays. With
 * them the parties that had a hand in what is shown.
 */
export function modelHistory(entries: readonly TranscriptEntry[], maxChars: number): { messages: ModelMessage[]; parties: Set<string> } {
  const messages: ModelMessage[] = [];
  const origins = new Map<ModelMessage, string[]>();
  const open = new Map<string, string>();
  const close = (): void => {
    for (const [callId, name] of open) messages.push(unanswered(callId, name));
    open.clear();
  };
  const { summary, kept, hidden } = compacted(entries);
  for (const entry of kept) {
    const { body } = entry;
    if (body.kind !== "message") continue;
    const origin = storedOrigin(entry);
    const message = told(quoting(body), body.message.role === "user" ? origin : undefined);
    if (origin !== undefined) origins.set(message, partiesOf(origin));
    if (message.role === "tool") {
      const results = toolResultsOf(message.content).filter(({ callId }) => open.delete(callId));
      if (results.length > 0) messages.push(message);
      continue;
    }
    close();
    if (message.role === "assistant" && !message.content.some(saysSomething)) continue;
    for (const { id, name } of toolCallsOf(message.content)) open.set(id, name);
    messages.push(message);
  }
  close();
  const shown = messages.slice(firstShown(messages, maxChars));
  const parties = new Set(shown.flatMap((message) => origins.get(message) ?? []));
  if (summary === undefined) return { messages: shown, parties };
  // Whoever had a hand in what was summed up has one in the sum.
  for (const entry of hidden) for (const party of partiesOf(storedOrigin(entry) ?? { by: "owner" })) parties.add(party);
  return { messages: [{ role: "user", content: [{ type: "text", text: `The conversation so far, summed up:\n\n${summary}` }] }, ...shown], parties };
}

/** What a compaction leaves to be shown: its summary, and the entries from the first one that it kept. */
function compacted(entries: readonly TranscriptEntry[]): { summary?: string; kept: readonly TranscriptEntry[]; hidden: readonly TranscriptEntry[] } {
  const at = entries.findLastIndex(({ body }) => body.kind === "compaction");
  const body = entries[at]?.body;
  if (body?.kind !== "compaction") return { kept: entries, hidden: [] };
  const first = body.firstKept === null ? -1 : entries.findIndex(({ id }) => id === body.firstKept);
  const from = first < 0 || first > at ? at : first;
  return { summary: body.summary, kept: entries.slice(from), hidden: [...entries.slice(0, from), entries[at] as TranscriptEntry] };
}

const quotes = new WeakMap<ModelMessage, ModelMessage>();

/** What a message answers stands before it, as a quotation. One object, so that its size is counted once. */
function quoting({ message, replyTo }: Extract<TranscriptEntry["body"], { kind: "message" }>): ModelMessage {
  if (replyTo?.text === undefined) return message;
  const known = quotes.get(message);
  if (known !== undefined) return known;
  const text = `(In reply to ${replyTo.sender ?? "an earlier message"}, who is only quoted here: ${JSON.stringify(replyTo.text)})`;
  const fresh: ModelMessage = { ...message, content: [{ type: "text", text }, ...message.content] };
  quotes.set(message, fresh);
  return fresh;
}

const marked = new WeakMap<ModelMessage, ModelMessage>();

/** Thoughts that nobody wants back are no answer; a text may be empty. */
const saysSomething = (part: ModelMessage["content"][number]): boolean =>
  part.opaque !== undefined || (part.type === "text" ? part.text !== "" : part.type !== "reasoning");

/** A message of a user says itself whose it is; what stands in it about that is not believed. One object, so that its size is counted once. */
function told(message: ModelMessage, origin: ReturnType<typeof storedOrigin>): ModelMessage {
  if (origin === undefined && message.origin === undefined) return message;
  const known = marked.get(message);
  if (known !== undefined) return known;
  const { origin: _, ...rest } = message;
  const fresh: ModelMessage = { ...rest, ...(origin === undefined ? {} : { origin }) };
  marked.set(message, fresh);
  return fresh;
}

/** Where to begin: at the oldest message of the user with which all that follows fits. */
function firstShown(messages: readonly ModelMessage[], maxChars: number): number {
  let first = messages.findLastIndex(({ role }) => role === "user");
  let total = 0;
  for (let at = messages.length - 1; at >= 0; at--) {
    total += sizeOf(messages[at]!);
    if (total > maxChars) break;
    if (messages[at]!.role === "user" && at < first) first = at;
  }
  return Math.max(first, 0);
}

function sizeOf(message: ModelMessage): number {
  let size = sizes.get(message);
  if (size === undefined) {
    size = JSON.stringify(message).length;
    sizes.set(message, size);
  }
  return size;
}

function unanswered(callId: string, name: string): ModelMessage {
  const content: ToolResultPart["content"] = [{ type: "text", text: "The result of this call is not known." }];
  return { role: "tool", content: [{ type: "tool-result", callId, name, content, isError: true }] };
}
