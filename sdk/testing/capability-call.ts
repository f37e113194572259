import type { MethodDef } from "@plinth/manifests";
import { errors } from "@plinth/manifests/errors.ts";
import { followStream, Call as HostCall, settle } from "@plinth/manifests/wire/call.ts";
import { PlinthError } from "../extension/errors.ts";
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

/** A call as the host makes it: its own cancelling, deadlines and owners of errors, around what the contract says. */
export async function callMethod(
  target: CallTarget,
  name: string,
  definition: MethodDef,
  input: unknown,
  options: CallOptions,
  caller: string,
  rules: CallRules,
): Promise<unknown> {
  const { call, parent, deadlineMs } = begin(rules.works.current(), target, definition, options, caller);
  const run = async (): Promise<unknown> => {
    const method = await prepare(target, name, definition, input, caller, rules);
    const result = await method(input, call as unknown as Call);
    await check(target, name, definition, "output", result, target.extension, rules);
    return result;
  };
  return settle(target.extension, `${target.contract}.${name}`, call, parent, deadlineMs, run);
}

/** The work is that of the call, wherever the stream is read later. */
export function callStream(
  target: CallTarget,
  name: string,
  definition: MethodDef,
  input: unknown,
  options: CallOptions,
  caller: string,
  rules: CallRules,
): AsyncIterableIterator<unknown> {
  const work = rules.works.current();
  const { call, parent, deadlineMs } = begin(work, target, definition, options, caller);
  const open = async function* (): AsyncGenerator<unknown> {
    const method = await prepare(target, name, definition, input, caller, rules);
    for await (const item of method(input, call as unknown as Call) as AsyncIterable<unknown>) {
      await check(target, name, definition, "item", item, target.extension, rules);
      yield item;
    }
  };
  const enter = <T>(body: () => T): T => rules.works.within(work, body);
  return followStream(target.extension, `${target.contract}.${name}`, call, parent, deadlineMs, open, enter, () => {});
}

function begin(work: Work | undefined, target: CallTarget, definition: MethodDef, options: CallOptions, caller: string) {
  const parent = options.signal === undefined ? target.stopped : AbortSignal.any([target.stopped, options.signal]);
  const limit = Math.min(definition.deadlineMs || Number.POSITIVE_INFINITY, options.deadlineMs ?? Number.POSITIVE_INFINITY);
  return { call: new HostCall(caller, work, parent), parent, deadlineMs: Number.isFinite(limit) ? limit : 0 };
}

async function prepare(target: CallTarget, name: string, definition: MethodDef, input: unknown, caller: string, rules: CallRules) {
  await check(target, name, definition, "input", input, caller, rules);
  const implementation = await target.implementation();
  const method = implementation[name];
  if (method) return method.bind(implementation);
  throw errors.unsupported(target.extension, `${target.contract}.${name}`);
}

async function check(
  target: CallTarget,
  name: string,
  definition: MethodDef,
  part: "input" | "output" | "item",
  value: unknown,
  sender: string,
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
    extension: sender,
    next: "Compare it with the contract's schema.",
    details: { problems, value },
  });
}
