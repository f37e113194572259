import type { HookUse } from "@plinth/manifests";
import { orderSubscribers } from "@plinth/manifests/hooks/order.ts";
import { Pipeline, type Tap } from "@plinth/manifests/hooks/pipeline.ts";
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
  const planned = subscribers.map((subscriber) => ({
    extension: subscriber.extension,
    stage: subscriber.use.stage ?? ("normal" as const),
    before: subscriber.use.before ?? [],
    after: subscriber.use.after ?? [],
    subscriber,
  }));
  const { order, problem } = orderSubscribers(planned);
  const rest = planned.filter((one) => !order.includes(one));
  // As in the host: those of a cycle still run, after the others, by their ids.
  if (problem !== null) rest[0]?.subscriber.failed(problem);
  const taps = [...order, ...rest].map(({ subscriber, stage }) => tapOf(hook, subscriber, stage, works));
  const deadlineMs = Math.min(hook.deadlineMs, options.deadlineMs ?? hook.deadlineMs);
  // Everybody here is trusted: nobody leaves a mark on the work.
  return new Pipeline({ ...hook, deadlineMs }, taps).fire(caller, payload, undefined, options);
}

function tapOf(hook: KnownHook, subscriber: Subscriber, stage: Tap["stage"], works: WorkScope): Tap {
  const { extension, use } = subscriber;
  let handler: ((payload: unknown, call: Call) => unknown) | undefined;
  const sync = hook.mode.endsWith("-sync");
  return {
    extension,
    trusted: true,
    stage,
    deadlineMs: Math.min(use.deadlineMs ?? hook.deadlineMs, hook.deadlineMs),
    closed: hook.failure === "closed" || use.failure === "closed",
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
