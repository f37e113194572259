import type { HookUse } from "@plinth/manifests";
import { Pipeline, type Tap } from "@plinth/manifests/hooks/pipeline.ts";
import { type PlannedSubscriber, planHook } from "@plinth/manifests/plan/hooks.ts";
import { Breaker } from "@plinth/manifests/wire/breaker.ts";
import { PlinthError } from "../extension/errors.ts";
import type { Call, CallOptions } from "../extension/index.ts";
import type { KnownHook } from "./contract-table.ts";
import { schemaProblems } from "./json-schema.ts";
import type { WorkScope } from "./work.ts";

/** One extension's subscription. */
export interface Subscriber {
  readonly extension: string;
  readonly use: HookUse;
  readonly stopped: AbortSignal;
  /** Activates the extension on first use. */
  handler(): Promise<(payload: unknown, call: Call) => unknown>;
  failed(error: PlinthError): void;
}

/** Run a hook as the host does: its order, its pipeline, its deadlines. Answers are checked as those of a guest. */
export async function fireHook(
  hook: KnownHook,
  subscribers: readonly Subscriber[],
  payload: unknown,
  caller: string,
  options: CallOptions,
  works: WorkScope,
): Promise<unknown> {
  const problems: PlinthError[] = [];
  const uses = subscribers.map(({ extension, use }) => [extension, use] as const);
  const planned = planHook(hook.name, hook.contract, hook, uses, problems);
  const taps = planned.subscribers.map((one) => tapOf(hook, one, subscribers.find(({ extension }) => extension === one.extension)!, works));
  for (const problem of problems) subscribers.find(({ extension }) => extension === problem.extension)?.failed(problem);
  const deadlineMs = Math.min(hook.deadlineMs, options.deadlineMs ?? hook.deadlineMs);
  // Everybody here is trusted: nobody leaves a mark on the work.
  return new Pipeline({ ...hook, deadlineMs }, taps).fire(caller, payload, undefined, options);
}

function tapOf(hook: KnownHook, { extension, stage, deadlineMs, closed }: PlannedSubscriber, subscriber: Subscriber, works: WorkScope): Tap {
  let handler: ((payload: unknown, call: Call) => unknown) | undefined;
  const sync = hook.mode.endsWith("-sync");
  return {
    extension,
    trusted: true,
    stage,
    deadlineMs,
    closed,
    breaker: new Breaker(),
    counts: { calls: 0, errors: 0 },
    ready: async () => {
      handler = await subscriber.handler();
    },
    run: (payload, call) => {
      const told: Call = { signal: AbortSignal.any([call.signal, subscriber.stopped]), caller: call.caller, work: works.current() };
      if (sync) return handler?.(payload, told);
      return subscriber.handler().then((run) => Promise.resolve(run(payload, told)).then((answer) => checked(hook, extension, answer)));
    },
    failed: subscriber.failed,
  };
}

/** What it answers must be what the hook is about; whether a denial is one, the pipeline sees. */
async function checked(hook: KnownHook, extension: string, answer: unknown): Promise<unknown> {
  if (hook.mode !== "transform" || answer === undefined || answer === null) return answer;
  const [problem] = await schemaProblems(hook.payload, answer);
  if (problem === undefined) return answer;
  const message = `${extension} answered ${hook.name} with a wrong payload: ${problem.path || "/"} ${problem.message}.`;
  throw new PlinthError("PLINTH_PAYLOAD", message, { extension });
}
