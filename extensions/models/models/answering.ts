import { type Call, errorInfo, type ModelEvent, type ModelRequest, type ModelsEvent, type ModelTool, PlinthError } from "@plinth/sdk";
import { blamesTools } from "@plinth/sdk/kits/model-api";
import type { Chosen } from "./choice.ts";
import { culprit, MOST_TRIES } from "./culprit.ts";
import { messagesFor } from "./messages.ts";
import type { Meter } from "./meter.ts";
import type { Asker } from "./proofs.ts";
import { lessonKey, type ToolLessons } from "./tool-lessons.ts";

/** A server that wants a longer wait is not waited for. */
const MAX_WAIT_MS = 60_000;
/** Asked again also where a provider does not say so. */
const RETRIED = new Set(["PLINTH_MODEL_RATE", "PLINTH_MODEL_OVERLOADED", "PLINTH_MODEL_SERVER", "PLINTH_MODEL_NETWORK"]);
/** What another model would meet in the same way: the request itself is at fault, or nobody waits any more. */
const FINAL = new Set(["PLINTH_MODEL_REQUEST", "PLINTH_MODEL_FILTER", "PLINTH_SPENDING_LIMIT", "PLINTH_ABORTED", "PLINTH_STOPPING"]);

/** Of one answer: more than any model makes at once. */
const MOST_CALLS = 1_024;

/** The least that every server takes. */
const TRIAL_TOKENS = 16;

/** What is no part of an answer. */
const BESIDE = new Set(["usage", "limits", "warning", "end"]);

export interface Asking {
  /** Who is asked, first to last: names as the caller gave them. */
  readonly chain: readonly string[];
  readonly request: Omit<ModelRequest, "model">;
  /** For whom. */
  readonly asker: Asker;
  readonly retries: number;
  readonly retryBaseMs: number;
}

export interface AskingParts {
  choose(name: string, signal: AbortSignal): Promise<Chosen>;
  /** A model call failed. */
  failed(): void;
  readonly lessons: ToolLessons;
  /** A tool was refused: whose it is, for the log. */
  refused(tool: { name: string; extension?: string | undefined }, model: string, why: string): void;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  readonly meter: Meter;
}

/**
 * One answer: the first of the chain that gives one. Whoever has said something is not asked again, and nobody else is: what
 * was said stands.
 */
export async function* answering(
  { chain, request, asker, retries, retryBaseMs }: Asking,
  parts: AskingParts,
  { signal }: Pick<Call, "signal">,
): AsyncGenerator<ModelsEvent> {
  const failures: string[] = [];
  for (const [place, name] of chain.entries()) {
    const last = place === chain.length - 1;
    for (let attempt = 0; ; attempt++) {
      const progress = { spoke: false, asked: name };
      try {
        yield* fitting(await parts.choose(name, signal), { request, asker }, failures, progress, parts, signal);
        return;
      } catch (thrown) {
        parts.failed();
        const { code, message, retryable = RETRIED.has(code), retryAfterMs = 0 } = errorInfo(thrown);
        if (progress.spoke || signal.aborted) throw thrown;
        const again = attempt < retries && retryable && code.startsWith("PLINTH_MODEL_") && retryAfterMs <= MAX_WAIT_MS;
        if (again) {
          // Half of the wait is chance, so that many that failed together do not come back together.
          const afterMs = Math.round(Math.max(retryBaseMs * 2 ** attempt * (0.5 + Math.random() / 2), retryAfterMs));
          yield { type: "again", code, message, afterMs };
          await parts.sleep(afterMs, signal);
          continue;
        }
        if (last || FINAL.has(code)) throw failures.length === 0 ? thrown : afterOthers(thrown, failures);
        failures.push(`${progress.asked}: ${message}`);
        yield { type: "again", code, message, afterMs: 0 };
        break;
      }
    }
  }
}

/** Asked again at once without the tools that its server refuses, as long as it names another one: a tool is no reason to say nothing. */
async function* fitting(
  asked: Chosen,
  { request, asker }: Pick<Asking, "request" | "asker">,
  failures: readonly string[],
  progress: { spoke: boolean; asked: string },
  { lessons, refused, meter }: Pick<AskingParts, "lessons" | "refused" | "meter">,
  signal: AbortSignal,
): AsyncGenerator<ModelsEvent> {
  const { name } = asked.choice;
  const key = lessonKey(asked.choice);
  let left = MOST_TRIES;
  for (let again = false; ; again = true) {
    const sent = lessons.fitted(key, request);
    if (!again) yield* leftOut(name, request, sent);
    try {
      yield* once(asked, { request: sent, asker }, failures, progress, meter, signal);
      return;
    } catch (thrown) {
      if (progress.spoke || signal.aborted) throw thrown;
      const learned = lessons.learn(key, name, sent, thrown);
      if (learned.length === 0 && left > 0 && sent.onUnsupported === "drop" && (sent.tools?.length ?? 0) > 0 && blamesTools(thrown)) {
        const { tool, used } = await searched(asked, { request: sent, asker }, meter, left, signal);
        left -= used;
        if (tool !== undefined) learned.push(lessons.found(key, name, tool, thrown));
      }
      if (learned.length === 0) throw thrown;
      for (const { message, tool } of learned) {
        if (tool !== undefined) refused(tool, name, errorInfo(thrown).message);
        yield {
          type: "warning",
          code: "PLINTH_MODEL_TOOLS",
          message: message.slice(0, 1_000),
          param: tool === undefined ? "tools" : `tools[${tool.name}]`,
        };
      }
    }
  }
}

/** Small requests with some of the tools each: as soon as one is answered it is let go. */
async function searched(
  asked: Chosen,
  { request, asker }: Pick<Asking, "request" | "asker">,
  meter: Meter,
  left: number,
  signal: AbortSignal,
): Promise<{ tool: ModelTool | undefined; used: number }> {
  const messages: ModelRequest["messages"] = [{ role: "user", content: [{ type: "text", text: "Say: ok" }] }];
  const tries = async (tools: readonly ModelTool[]): Promise<void> => {
    const small = { messages, tools: [...tools], maxOutputTokens: TRIAL_TOKENS, onUnsupported: "drop" as const };
    for await (const event of once(asked, { request: small, asker }, [], { spoke: false, asked: "" }, meter, signal))
      if (event.type !== "model" && says(event as ModelEvent)) return;
  };
  try {
    return await culprit(request.tools ?? [], tries, left);
  } catch (thrown) {
    signal.throwIfAborted();
    if (!errorInfo(thrown).code.startsWith("PLINTH_MODEL_")) throw thrown;
    return { tool: undefined, used: left };
  }
}

/** Whoever hands over tools of their own is told each time which of them are not there; the host's are named when they are refused. */
function* leftOut(model: string, { tools = [] }: Asking["request"], sent: Asking["request"]): Generator<ModelsEvent> {
  for (const tool of tools) {
    if (tool.extension !== undefined || sent.tools?.includes(tool)) continue;
    const message = `The tool "${tool.name}" is left out, because the server of ${model} refused it before.`;
    yield { type: "warning", code: "PLINTH_MODEL_TOOLS", message: message.slice(0, 1_000), param: `tools[${tool.name}]` };
  }
}

async function* once(
  { source, choice, pinned }: Chosen,
  { request: given, asker }: Pick<Asking, "request" | "asker">,
  failures: readonly string[],
  progress: { spoke: boolean; asked: string },
  meter: Meter,
  signal: AbortSignal,
): AsyncGenerator<ModelsEvent> {
  progress.asked = choice.name;
  yield { type: "model", ...choice };
  if (failures.length > 0)
    yield { type: "warning", code: "PLINTH_MODEL_FALLBACK", message: `${choice.name} answers, because ${failures.join("; ")}`.slice(0, 1_000) };
  const request = { ...given, model: choice.model, messages: messagesFor(given.messages, choice.maker) };
  let calls = 0;
  const reading = yield* meter.admit(source, choice, request, signal);
  try {
    for await (const event of source.stream(request, signal, pinned === undefined ? asker : { ...asker, pinned })) {
      if (event.type === "again") {
        yield event;
        continue;
      }
      progress.spoke ||= says(event);
      if (event.type === "tool-call" && ++calls > MOST_CALLS) throw tooManyCalls(choice.name, source.data.extension);
      reading.take(event);
      // On record before anybody goes on from here.
      if (event.type === "end") await reading.settle("ok");
      yield event;
      if (event.type === "end") return;
    }
    await reading.settle("error");
  } catch (thrown) {
    await reading.settle(signal.aborted ? "aborted" : "error");
    throw thrown;
  } finally {
    // Whoever wanted the answer left.
    await reading.settle("aborted");
  }
  throw new PlinthError("PLINTH_MODEL_STREAM", `The answer of ${choice.name} stopped before its end.`, {
    extension: source.data.extension,
    next: "Send the message again.",
    details: { retryable: true },
  });
}

/** Something of the answer is out, so that asking again would say it twice. */
const says = ({ type }: ModelEvent): boolean => !BESIDE.has(type);

function afterOthers(thrown: unknown, failures: readonly string[]): PlinthError {
  const { code, message, next, extension, retryable, retryAfterMs } = errorInfo(thrown);
  return new PlinthError(code, `${message} Before it: ${failures.join("; ")}`.slice(0, 2_000), {
    ...{ extension, next, cause: thrown },
    details: { ...(retryable === undefined ? {} : { retryable }), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
  });
}

const tooManyCalls = (name: string, extension: string): PlinthError =>
  new PlinthError("PLINTH_MODEL_STREAM", `${name} called more than ${MOST_CALLS} tools at once.`, {
    extension,
    next: "Use another model.",
    details: { retryable: false },
  });
