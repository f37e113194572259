import type { HookUse } from "@plinth/manifests";
import { errorInfo, PlinthError } from "../extension/errors.ts";
import type { Call, CallOptions } from "../extension/index.ts";
import type { KnownHook } from "./contract-table.ts";
import { schemaProblems } from "./json-schema.ts";
import type { WorkScope } from "./work.ts";

/** One extension's subscription, in the order in which it runs. */
export interface Subscriber {
  readonly extension: string;
  readonly use: HookUse;
  readonly stopped: AbortSignal;
  /** Activates the extension on first use. */
  handler(): Promise<(payload: unknown, call: Call) => unknown>;
  failed(error: PlinthError): void;
}

/** Run a hook by its mode: the answer is nothing, the payload, a verdict or a claim. */
export async function fireHook(
  hook: KnownHook,
  subscribers: readonly Subscriber[],
  payload: unknown,
  caller: string,
  options: CallOptions,
  works: WorkScope,
): Promise<unknown> {
  const ask = (subscriber: Subscriber, value: unknown) => run(hook, subscriber, value, caller, options, works);
  const closed = (subscriber: Subscriber) => hook.failure === "closed" || subscriber.use.failure === "closed";
  const ordered = orderSubscribers(subscribers);
  if (hook.mode.startsWith("observe")) {
    await Promise.all(ordered.map((subscriber) => ask(subscriber, payload)));
    return undefined;
  }
  let current = payload;
  for (const subscriber of ordered) {
    const { answer, error } = await ask(subscriber, current);
    if (options.signal?.aborted) throw new PlinthError("PLINTH_ABORTED", `${hook.name} was cancelled.`);
    if (hook.mode === "gate") {
      const deny = error && closed(subscriber) ? `${error.code}: ${error.message}` : (answer as { deny?: string } | undefined)?.deny;
      if (deny !== undefined) return { allowed: false, reason: deny, by: subscriber.extension };
    } else if (error) {
      if (closed(subscriber)) throw error;
    } else if (answer !== undefined && answer !== null) {
      if (hook.mode === "claim") return { by: subscriber.extension, answer };
      current = answer;
    }
  }
  if (hook.mode === "gate") return { allowed: true };
  return hook.mode === "claim" ? undefined : current;
}

async function run(
  hook: KnownHook,
  subscriber: Subscriber,
  payload: unknown,
  caller: string,
  options: CallOptions,
  works: WorkScope,
): Promise<{ answer?: unknown; error?: PlinthError }> {
  const limit = Math.min(hook.deadlineMs, subscriber.use.deadlineMs ?? hook.deadlineMs, options.deadlineMs ?? hook.deadlineMs);
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(fault("PLINTH_DEADLINE", `${subscriber.extension} did not finish ${hook.name} within ${limit} ms.`));
  }, limit);
  const fault = (code: string, message: string) => new PlinthError(code, message, { extension: subscriber.extension });
  const signal = AbortSignal.any([controller.signal, subscriber.stopped, ...(options.signal ? [options.signal] : [])]);
  const aborted = new Promise<never>((_, reject) => {
    const fail = () => reject(signal.reason);
    if (signal.aborted) fail();
    else signal.addEventListener("abort", fail, { once: true });
  });
  aborted.catch(() => {});
  try {
    const handler = await Promise.race([subscriber.handler(), aborted]);
    const answer = await Promise.race([(async () => handler(payload, { signal, caller, work: works.current() }))(), aborted]);
    if (answer === undefined || answer === null) return {};
    if (hook.mode === "gate" && typeof (answer as { deny?: unknown }).deny !== "string") {
      throw fault("PLINTH_PAYLOAD", `${subscriber.extension} answered ${hook.name} with something else than nothing or { deny: reason }.`);
    }
    if (hook.mode.startsWith("transform")) {
      const [problem] = await schemaProblems(hook.payload, answer);
      if (problem)
        throw fault(
          "PLINTH_PAYLOAD",
          `${subscriber.extension} answered ${hook.name} with a wrong payload: ${problem.path || "/"} ${problem.message}.`,
        );
    }
    return { answer };
  } catch (thrown) {
    const { code, message, next } = errorInfo(thrown);
    const known = code === "PLINTH_FAILED" ? "PLINTH_EXTENSION_FAILED" : code;
    const error = new PlinthError(known, message, {
      extension: subscriber.extension,
      cause: thrown,
      ...(next ? { next } : {}),
    });
    subscriber.failed(error);
    return { error };
  } finally {
    clearTimeout(timer);
  }
}

const STAGES = ["early", "normal", "late"];

/** Stage first, then before/after, then the extension's id; never the order of loading. */
export function orderSubscribers(subscribers: readonly Subscriber[]): Subscriber[] {
  const stage = (subscriber: Subscriber) => STAGES.indexOf(subscriber.use.stage ?? "normal");
  const waiting = [...subscribers].sort((a, b) => stage(a) - stage(b) || (a.extension < b.extension ? -1 : 1));
  const ordered: Subscriber[] = [];
  while (waiting.length > 0) {
    const free = waiting.findIndex((one) => !waiting.some((other) => other !== one && mustPrecede(other, one)));
    if (free < 0) {
      throw new PlinthError("PLINTH_CYCLE", `The order of ${waiting.map((one) => one.extension).join(", ")} is a cycle.`, {
        next: "Remove one of their before/after edges.",
      });
    }
    ordered.push(...waiting.splice(free, 1));
  }
  return ordered;
}

function mustPrecede(first: Subscriber, second: Subscriber): boolean {
  return Boolean(first.use.before?.includes(second.extension) || second.use.after?.includes(first.extension));
}
