import { type Call, type Context, errorInfo, type MeteredUsage, PlinthError, type VendorPurpose } from "@plinth/sdk";
import { type Again, type Asker, askerOf, chainOf } from "./proofs.ts";
import { PurposeMeter } from "./purpose-meter.ts";
import { METHODS } from "./purpose-methods.ts";
import { type PurposeClient, stateOf } from "./purpose-sources.ts";
import type { PurposeChoice, Purposes } from "./purposes.ts";

const RETRIES = 2;
const RETRY_BASE_MS = 500;
/** A server that wants a longer wait is not waited for: the call has an end. */
const MAX_WAIT_MS = 20_000;

/** What callers say; which server it is, they do not. */
type Asked = { model?: string; endpoint?: unknown } & Record<string, unknown>;
type Item = { type: string; job?: string; usage?: MeteredUsage };

/** One request: whom, what, and for whom. */
interface Asking {
  readonly choice: Pick<PurposeChoice, "source">;
  readonly input: object;
  readonly by: Asker & { readonly model?: string };
  /** Another credential is about to be used. */
  noted(again: Again): void;
}
interface Begun extends Asking {
  readonly choice: PurposeChoice;
}

/** What is behind `models` for one purpose: all vendors and all other providers, whose models are `provider/model`. */
export function providerOf(ctx: Context, purposes: Purposes, purpose: VendorPurpose): object {
  const { once, stream, voices, jobs } = METHODS[purpose];
  const noted = ({ code, message }: Again): void => ctx.log.warn("another credential is used", { code, why: message });
  /** Whom to ask and for whom, by the same rules as completions. */
  const begun = async ({ model, endpoint: _, ...input }: Asked, { signal, caller, work }: Call): Promise<Begun> => {
    const names = model === undefined ? [] : [model];
    const by = byOf(names, caller, work);
    const { pinned, ...choice } = await purposes.choose(purpose, chainOf(names, work)[0], signal);
    return { choice, input, by: { ...by, ...(pinned === undefined ? {} : { pinned }), model: choice.model }, noted };
  };
  return {
    async status(_input: object, { signal }: Call) {
      try {
        return { ready: true, defaultModel: (await purposes.choose(purpose, undefined, signal)).name };
      } catch (thrown) {
        return { ready: false, reason: errorInfo(thrown).message };
      }
    },
    async models(_input: object, { signal }: Call) {
      const all = [];
      for (const source of (await purposes.sources(purpose)).values()) {
        const models = (await stateOf(source, signal)).ready ? await source.models(signal).catch(() => []) : [];
        for (const model of models) all.push({ ...model, id: `${source.data.id}/${model.id}` });
      }
      return { models: all };
    },
    ...(once === undefined
      ? {}
      : {
          async [once](input: Asked, call: Call) {
            const one = await begun(input, call);
            const meter = new PurposeMeter(ctx, call.caller, purpose);
            const answer = await again(ctx, call.signal, () => measured(meter, one, once, call.signal));
            return { ...answer, model: `${one.choice.source.data.id}/${answer.model}` };
          },
        }),
    ...(stream === undefined
      ? {}
      : {
          async *[stream](input: Asked, call: Call): AsyncGenerator<Item> {
            const one = await begun(input, call);
            const meter = new PurposeMeter(ctx, call.caller, purpose);
            const prefix = `${one.choice.source.data.id}/`;
            for await (const item of told(meter, one, stream, call.signal)) yield item.type === "job" ? { ...item, job: prefix + item.job } : item;
          },
        }),
    ...(voices === undefined
      ? {}
      : {
          async voices(input: Asked, call: Call) {
            return answered(await begun(input, call), "voices", call.signal);
          },
        }),
    ...(jobs === undefined ? {} : followed(purposes, purpose, noted)),
  };
}

/** Work that was begun is whose name its handle begins with. */
function followed(purposes: Purposes, purpose: VendorPurpose, noted: Begun["noted"]): object {
  const found = async ({ job: given, endpoint: _, ...input }: Asked & { job: string }, { caller, work }: Call) => {
    const slash = given.indexOf("/");
    const source = slash < 0 ? undefined : (await purposes.sources(purpose)).get(given.slice(0, slash));
    if (source === undefined) throw new PlinthError("PLINTH_MODEL_JOB", "There is no such work.", { details: { retryable: false } });
    const one = { choice: { source }, input: { ...input, job: given.slice(slash + 1) }, by: byOf([], caller, work), noted };
    return { one, prefix: given.slice(0, slash + 1) };
  };
  return {
    async *resume(input: Asked & { job: string }, call: Call): AsyncGenerator<Item> {
      const { one, prefix } = await found(input, call);
      for await (const item of streamed(one, "resume", call.signal)) yield item.type === "job" ? { ...item, job: prefix + item.job } : item;
    },
    async cancel(input: Asked & { job: string }, call: Call) {
      return answered((await found(input, call)).one, "cancel", call.signal);
    },
  };
}

/** One answer, on record. */
async function measured(meter: PurposeMeter, one: Begun, method: string, signal: AbortSignal): Promise<any> {
  const reading = await meter.admitted(one.choice, one.input, signal);
  try {
    const answer = await answered(one, method, signal);
    if (answer?.usage !== undefined) reading.take({ type: "usage", usage: meter.usageOf(answer.usage) });
    await reading.settle("ok");
    return answer;
  } catch (thrown) {
    await reading.settle(signal.aborted ? "aborted" : "error");
    throw thrown;
  }
}

async function* told(meter: PurposeMeter, one: Begun, method: string, signal: AbortSignal): AsyncGenerator<Item> {
  const reading = await meter.admitted(one.choice, one.input, signal);
  let spoke = false;
  try {
    for await (const item of streamed(one, method, signal)) {
      if (item.usage !== undefined) reading.take({ type: "usage", usage: meter.usageOf(item.usage) });
      else spoke = true;
      if (item.type === "end") await reading.settle("ok");
      yield item;
    }
    await reading.settle("ok");
  } catch (thrown) {
    await reading.settle(signal.aborted || spoke ? "aborted" : "error");
    throw thrown;
  } finally {
    await reading.settle("aborted");
  }
}

/** The items of whichever credential is taken; which those were is for the log. */
async function* streamed({ choice, input, by, noted }: Asking, method: string, signal: AbortSignal): AsyncGenerator<Item> {
  const ask = (client: PurposeClient, endpoint?: object): AsyncIterable<Item> => client[method]!(requestOf(input, by, endpoint), { signal });
  for await (const item of choice.source.asked(by, ask, signal)) {
    if (isAgain(item)) noted(item);
    else yield item;
  }
}

/** The same where all of the answer comes at once. */
async function answered({ choice, input, by, noted }: Asking, method: string, signal: AbortSignal): Promise<any> {
  const ask = async function* (client: PurposeClient, endpoint?: object) {
    yield { type: "end" as const, answer: await client[method]!(requestOf(input, by, endpoint), { signal }) };
  };
  let answer: unknown;
  for await (const item of choice.source.asked(by, ask, signal)) {
    if (isAgain(item)) noted(item);
    else answer = item.answer;
  }
  return answer;
}

const isAgain = (item: { readonly type: string }): item is Again => item.type === "again";

const requestOf = (input: object, { model }: Asking["by"], endpoint: object | undefined): object => ({
  ...input,
  ...(model === undefined ? {} : { model }),
  ...(endpoint === undefined ? {} : { endpoint }),
});

/** Whose credentials these are: those of the agent and the session that the work is for. */
function byOf(names: readonly string[], caller: string, work: Call["work"]): Asker {
  const { agent, session: sessionKey } = work?.principal.scope ?? {};
  return askerOf(names, { agent, sessionKey }, caller);
}

/** What may help to be asked again is, a few times: nothing of an answer was seen yet. */
async function again<T>(ctx: Context, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await ask();
    } catch (thrown) {
      const { code, retryable = false, retryAfterMs = 0 } = errorInfo(thrown);
      const worth = retryable && code.startsWith("PLINTH_MODEL_") && retryAfterMs <= MAX_WAIT_MS;
      if (!worth || attempt >= RETRIES || signal.aborted) throw thrown;
      // Half of the wait is chance, so that many that failed together do not come back together.
      await ctx.clock.sleep(Math.max(RETRY_BASE_MS * 2 ** attempt * (0.5 + Math.random() / 2), retryAfterMs), signal);
    }
  }
}
