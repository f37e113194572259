import { type ModelMessage, type ModelOptions, PlinthError, partsFor, type ToolCallPart, textOf } from "@plinth/sdk";
import { askWithin } from "./ask-within.ts";
import type { Limits, LoopInput, LoopItem, LoopParts } from "./loop.ts";
import { runTools } from "./tool-round.ts";
import { TurnUsage } from "./turn-usage.ts";

/** Why a turn ended, where it is not just done. */
const WHY = { length: "length", refusal: "refusal", filter: "filter", pause: "rounds" } as const;

/** One turn: ask the model, run what it calls, tell it the results, until it answers without a call. */
export async function* runLoop(input: LoopInput, parts: LoopParts, own: Limits, signal: AbortSignal): AsyncGenerator<LoopItem, void> {
  try {
    yield* rounds(input, parts, own, signal);
  } finally {
    parts.words.close();
  }
}

async function* rounds(input: LoopInput, parts: LoopParts, own: Limits, signal: AbortSignal): AsyncGenerator<LoopItem, void> {
  const limits = {
    ...own,
    maxRounds: Math.min(own.maxRounds, input.limits?.rounds ?? own.maxRounds),
    maxToolCalls: Math.min(own.maxToolCalls, input.limits?.toolCalls ?? own.maxToolCalls),
  };
  const messages = [...input.history];
  parts.room.begin(input.long);
  const usage = new TurnUsage();
  const callIds = new Set<string>();
  const { system, warnings } = await parts.instructions(signal);
  yield* warnings;
  const theirs = input.tools ?? [];
  const isTheirs = ({ name }: ToolCallPart): boolean => theirs.some((tool) => tool.name === name);

  for (let round = 1; ; round++) {
    signal.throwIfAborted();
    // Listed each time: a tool that was installed a moment ago is there in the next model call.
    const own = await parts.tools(theirs.length, signal);
    const tools = new Map(own.all);
    // The word of whoever asks: of two tools of one name, the one that was handed over is meant.
    for (const { name } of theirs) tools.delete(name);
    const offered = [...own.offered.map(({ spec }) => spec).filter(({ name }) => tools.has(name)), ...theirs];
    const choice = choiceIn(round, input.options?.toolChoice);
    const request = { system, messages, tools: offered, ...(choice === undefined ? {} : { toolChoice: choice }) };
    const answer = yield* askWithin(input.model, request, parts, callIds, signal);
    usage.add(answer.usage);

    const { content, calls, model } = answer;
    const message: ModelMessage = { role: "assistant", content, model };
    if (content.length > 0) yield { type: "message", message };
    const mayGoOn = round < limits.maxRounds;
    const paused = answer.reason === "pause" && content.length > 0 && mayGoOn;
    // What was said while it answered is answered in the same turn.
    const said = calls.length === 0 && mayGoOn ? parts.words.take() : [];
    if (calls.length === 0 && !paused && said.length === 0) {
      parts.words.close();
      const more = content.some(({ type }) => type !== "text") ? { content: partsFor(content, undefined) } : {};
      const reason = WHY[answer.reason as keyof typeof WHY];
      yield { type: "done", text: textOf(content), ...more, model, ...usage.said, ...(reason === undefined ? {} : { reason }) };
      return;
    }

    messages.push(message);
    if (calls.length === 0) {
      yield* heard(said, messages);
      continue;
    }
    const handedOut = calls.filter(isTheirs);
    const run = calls.filter((call) => !isTheirs(call));
    const exhausted = round >= limits.maxRounds ? `the turn's limit of ${limits.maxRounds} model calls is reached` : undefined;
    const allowed = limits.maxToolCalls - (callIds.size - calls.length);
    const budget = { allowed, exhausted, maxToolCalls: limits.maxToolCalls, withheld: own.withheld, words: parts.words };
    for await (const item of runTools(run, tools, parts, budget, signal)) {
      if (item.type === "message") messages.push(item.message);
      yield item;
    }
    signal.throwIfAborted();
    if (handedOut.length > 0) {
      parts.words.close();
      const plain = partsFor(handedOut, undefined) as ToolCallPart[];
      yield { type: "done", text: textOf(content), calls: plain, model, ...usage.said, reason: "tool-calls" };
      return;
    }
    if (exhausted !== undefined) throw endless(limits.maxRounds);
    yield* heard(parts.words.take(), messages);
  }
}

/** What has to be called is called once; a loop in which it had to be called each time would have no end. */
const choiceIn = (round: number, choice: ModelOptions["toolChoice"]): ModelOptions["toolChoice"] =>
  round === 1 || choice === "none" ? choice : undefined;

/** Told where it stands, so that it is kept there. */
function* heard(said: readonly ModelMessage[], messages: ModelMessage[]): Generator<LoopItem> {
  for (const message of said) {
    messages.push(message);
    yield { type: "message", message };
  }
}

function endless(rounds: number): PlinthError {
  return new PlinthError("PLINTH_TURN_LIMIT", `The model was still calling tools after ${rounds} rounds, so the turn was stopped.`, {
    next: 'Ask for a smaller step, or raise extensions["plinth.native"].config.maxRounds.',
  });
}
