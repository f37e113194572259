import { type ModelMessage, type ToolCallPart, type ToolResultPart, toolCallsOf } from "../../extension/index.ts";
import { type CallIdForm, CallIds } from "./call-ids.ts";
import { named, type Placed, type Repair, repair } from "./repair.ts";

const UNANSWERED = "The call has no result: it was interrupted, or its result was lost. It may have had its effect.";

interface Found {
  result: ToolResultPart;
  from: number;
}

/** Calls of one id in one message, and how many of them have a result. */
interface Open {
  readonly at: number;
  readonly calls: number[];
  answered: number;
}

/**
 * Each message with calls, and right behind it one message with their results, in the order of the calls, under ids that the
 * server takes. Calls that nobody answered get a result that says so; results of no call are left out.
 */
export function pairedCalls(messages: readonly ModelMessage[], form: CallIdForm, repairs: Repair[]): Placed[] {
  const results = resultsOf(messages, repairs);
  const ids = new CallIds(form);
  const placed: Placed[] = [];
  for (const [from, message] of messages.entries()) {
    const kept = withoutResults(message);
    if (kept === undefined) continue;
    const calls = message.role === "assistant" ? toolCallsOf(message.content) : [];
    if (calls.length === 0) {
      placed.push({ message: kept, from });
      continue;
    }
    const wire = calls.map(({ id }) => ids.next(id));
    placed.push({ message: withIds(kept, wire, from, repairs), from });
    placed.push({ message: answers(calls, wire, results.get(from), messages[from + 1], from, repairs), from: from + 1 });
  }
  return placed;
}

/** By message and call, its result: the first one behind it, before another call of the same id is made elsewhere. */
function resultsOf(messages: readonly ModelMessage[], repairs: Repair[]): Map<number, (Found | undefined)[]> {
  const found = new Map<number, (Found | undefined)[]>();
  const open = new Map<string, Open>();
  for (const [at, { role, content }] of messages.entries()) {
    for (const part of content) {
      if (part.type !== "tool-result") continue;
      const one = open.get(part.callId);
      const call = one?.calls[one.answered++];
      if (one !== undefined && call !== undefined) found.get(one.at)![call] = { result: part, from: at };
      else repairs.push(repair("orphan-result", at, `A result of ${named(part.name)} that belongs to no call before it was left out.`));
    }
    const calls = role === "assistant" ? toolCallsOf(content) : [];
    for (const { id } of calls) open.set(id, { at, calls: [], answered: 0 });
    for (const [call, { id }] of calls.entries()) open.get(id)!.calls.push(call);
    if (calls.length > 0) found.set(at, []);
  }
  return found;
}

/** undefined: nothing of it is left. Calls are the assistant's alone. */
function withoutResults(message: ModelMessage): ModelMessage | undefined {
  if (message.role === "tool") return undefined;
  const content = message.content.filter(({ type }) => type !== "tool-result" && (message.role === "assistant" || type !== "tool-call"));
  return content.length === message.content.length ? message : { ...message, content };
}

function withIds(message: ModelMessage, wire: readonly string[], from: number, repairs: Repair[]): ModelMessage {
  let call = 0;
  let changed = false;
  const content = message.content.map((part) => {
    if (part.type !== "tool-call") return part;
    const id = wire[call++]!;
    if (id === part.id) return part;
    changed = true;
    repairs.push(repair("call-id", from, `The id of a call of ${named(part.name)} was replaced by one that the server takes.`));
    return { ...part, id };
  });
  return changed ? { ...message, content } : message;
}

function answers(
  calls: readonly ToolCallPart[],
  wire: readonly string[],
  found: readonly (Found | undefined)[] = [],
  next: ModelMessage | undefined,
  from: number,
  repairs: Repair[],
): ModelMessage {
  const content = calls.map(({ name }, call): ToolResultPart => {
    const callId = wire[call]!;
    const one = found[call];
    if (one === undefined) {
      repairs.push(repair("unanswered-call", from, `A call of ${named(name)} without a result was given one that says so.`));
      return { type: "tool-result", callId, name, isError: true, content: [{ type: "text", text: UNANSWERED }] };
    }
    return one.result.callId === callId ? one.result : { ...one.result, callId };
  });
  const moved = found.some((one, call) => one !== undefined && one.from > from + 1 + call);
  if (moved) repairs.push(repair("order", from, "Results that stood further back were put right behind their calls."));
  const isSame = next?.role === "tool" && next.content.length === content.length && content.every((part, at) => part === next.content[at]);
  return isSame ? next : { role: "tool", content };
}
