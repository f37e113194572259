import type { MethodDef } from "@plinth/manifests";
import { hasLeft } from "@plinth/manifests/wire/call.ts";
import { errorInfo, PlinthError } from "../extension/errors.ts";
import type { Call, CallOptions, Work } from "../extension/index.ts";
import { partOf } from "./contract-table.ts";
import { schemaProblems } from "./json-schema.ts";
import type { WorkScope } from "./work.ts";

export type Implementation = { [method: string]: ((input: any, call: Call) => unknown) | undefined };

/** One callable capability: where its implementation comes from and who owns it. */
export interface CallTarget {
  readonly contract: string;
  readonly id: string;
  readonly extension: string;
  /** Aborted when the owner stops. */
  readonly stopped: AbortSignal;
  /** Activates the owner on first use. */
  implementation(): Promise<Implementation>;
}

export interface CallRules {
  readonly works: WorkScope;
  /** Check inputs, results and stream items against the contract. */
  readonly validate: boolean;
}

interface Pending {
  readonly call: Call;
  readonly work: Work | undefined;
  readonly controller: AbortController;
  /** Rejects when the call is over because of its signal. */
  readonly aborted: Promise<never>;
  /** (Re)start the deadline. */
  arm(): void;
  release(): void;
}

export async function callMethod(
  target: CallTarget,
  name: string,
  definition: MethodDef,
  input: unknown,
  options: CallOptions,
  caller: string,
  rules: CallRules,
): Promise<unknown> {
  const pending = begin(rules.works.current(), target, name, definition, options, caller);
  try {
    pending.arm();
    const method = await Promise.race([prepare(target, name, definition, input, rules), pending.aborted]);
    const result = await Promise.race([rules.works.within(pending.work, async () => method(input, pending.call)), pending.aborted]);
    await check(target, name, definition, "output", result, rules);
    return result;
  } catch (error) {
    throw owned(error, target);
  } finally {
    pending.release();
  }
}

export function callStream(
  target: CallTarget,
  name: string,
  definition: MethodDef,
  input: unknown,
  options: CallOptions,
  caller: string,
  rules: CallRules,
): AsyncIterableIterator<unknown> {
  let leaving: Promise<unknown> | undefined;
  const left = (done: Promise<unknown>): void => {
    leaving = done;
  };
  // The work is that of the call, wherever the stream is read later.
  const items = follow(rules.works.current(), target, name, definition, input, options, caller, rules, left);
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => items.next(),
    async return(value) {
      if (leaving !== undefined) await hasLeft(leaving);
      return items.return(value);
    },
  };
}

async function* follow(
  work: Work | undefined,
  target: CallTarget,
  name: string,
  definition: MethodDef,
  input: unknown,
  options: CallOptions,
  caller: string,
  rules: CallRules,
  left: (done: Promise<unknown>) => void,
): AsyncGenerator<unknown> {
  const pending = begin(work, target, name, definition, options, caller);
  let iterator: AsyncIterator<unknown> | undefined;
  let finished = false;
  try {
    pending.arm();
    const method = await Promise.race([prepare(target, name, definition, input, rules), pending.aborted]);
    const step = <T>(body: () => T) => rules.works.within(pending.work, body);
    iterator = step(() => (method(input, pending.call) as AsyncIterable<unknown>)[Symbol.asyncIterator]());
    while (true) {
      pending.arm();
      const next = await Promise.race([step(() => iterator!.next()), pending.aborted]);
      if (next.done) {
        finished = true;
        return;
      }
      await check(target, name, definition, "item", next.value, rules);
      yield next.value;
    }
  } catch (error) {
    throw owned(error, target);
  } finally {
    // A consumer that stops early cancels: the provider's signal fires before its generator is told to return.
    pending.controller.abort(new PlinthError("PLINTH_ABORTED", "The caller stopped reading."));
    pending.release();
    if (!finished) left(Promise.resolve(iterator?.return?.()).catch(() => {}));
  }
}

function begin(work: Work | undefined, target: CallTarget, name: string, definition: MethodDef, options: CallOptions, caller: string): Pending {
  const controller = new AbortController();
  const sources = [target.stopped, ...(options.signal ? [options.signal] : [])];
  const listeners = sources.map((source) => {
    const listener = () => controller.abort(source.reason);
    if (source.aborted) listener();
    else source.addEventListener("abort", listener, { once: true });
    return () => source.removeEventListener("abort", listener);
  });
  const aborted = new Promise<never>((_, reject) => {
    const fail = () => reject(abortError(controller.signal.reason, target, name));
    if (controller.signal.aborted) fail();
    else controller.signal.addEventListener("abort", fail, { once: true });
  });
  aborted.catch(() => {});
  const limit = Math.min(definition.deadlineMs || Number.POSITIVE_INFINITY, options.deadlineMs ?? Number.POSITIVE_INFINITY);
  let timer: NodeJS.Timeout | undefined;
  return {
    call: { signal: controller.signal, caller, work },
    work,
    controller,
    aborted,
    arm() {
      clearTimeout(timer);
      if (Number.isFinite(limit)) timer = setTimeout(() => controller.abort(deadlineError(target, name, limit)), limit);
    },
    release() {
      clearTimeout(timer);
      for (const remove of listeners) remove();
    },
  };
}

async function prepare(target: CallTarget, name: string, definition: MethodDef, input: unknown, rules: CallRules) {
  await check(target, name, definition, "input", input, rules);
  const implementation = await target.implementation();
  const method = implementation[name];
  if (method) return method.bind(implementation);
  throw new PlinthError("PLINTH_UNSUPPORTED", `"${target.id}" of ${target.contract} does not support "${name}".`, {
    extension: target.extension,
    next: "Use another provider, or do without this optional method.",
  });
}

async function check(
  target: CallTarget,
  name: string,
  definition: MethodDef,
  part: "input" | "output" | "item",
  value: unknown,
  rules: CallRules,
): Promise<void> {
  if (!rules.validate) return;
  const problems = await schemaProblems(partOf(definition, part), value);
  if (problems.length === 0) return;
  const list = problems
    .slice(0, 4)
    .map(({ path, message }) => `${path || "/"} ${message}`)
    .join("; ");
  throw new PlinthError("PLINTH_PAYLOAD", `The ${part} of ${target.contract} ${target.id}.${name} does not fit the contract: ${list}.`, {
    extension: part === "input" ? undefined : target.extension,
    next: "Compare it with the contract's schema.",
    details: { problems, value },
  });
}

function owned(error: unknown, target: CallTarget): unknown {
  if (error instanceof Error && error.name === "PlinthError" && (error as PlinthError).extension) return error;
  const { code: raw, message, extension = target.extension, next } = errorInfo(error);
  const code = raw === "PLINTH_FAILED" ? "PLINTH_EXTENSION_FAILED" : raw;
  const details = (error as { details?: unknown } | null)?.details;
  return new PlinthError(code, message, {
    extension,
    cause: error,
    ...(next ? { next } : {}),
    ...(details === undefined ? {} : { details }),
  });
}

function abortError(reason: unknown, target: CallTarget, name: string): unknown {
  if (typeof (reason as { code?: unknown } | undefined)?.code === "string") return reason;
  return new PlinthError("PLINTH_ABORTED", `The call of ${target.contract} ${target.id}.${name} was cancelled.`, {
    extension: target.extension,
    cause: reason,
  });
}

function deadlineError(target: CallTarget, name: string, ms: number): PlinthError {
  return new PlinthError("PLINTH_DEADLINE", `${target.contract} ${target.id}.${name} did not answer within ${ms} ms.`, {
    extension: target.extension,
    next: "Try again, or look at what the extension waits for.",
  });
}
