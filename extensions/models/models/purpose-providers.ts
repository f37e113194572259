import { type Call, type Context, errorInfo, type MeteredUsage, PlinthError, type VendorPurpose } from "@plinth/sdk";
import { PurposeMeter } from "./purpose-meter.ts";
import { stateOf } from "./purpose-sources.ts";
import { PURPOSES, type PurposeChoice, type Purposes } from "./purposes.ts";

const RETRIES = 2;
const RETRY_BASE_MS = 500;
/** A server that wants a longer wait is not waited for: the call has an end. */
const MAX_WAIT_MS = 20_000;

/** What callers say; which server it is, they do not. */
type Asked = { model?: string; endpoint?: unknown } & Record<string, unknown>;
type Item = { type: string; job?: string; usage?: MeteredUsage };

/** Which methods each contract has besides `status` and `models`, by how they are asked. */
const METHODS: { readonly [P in VendorPurpose]: { once?: string; stream?: string; voices?: true; jobs?: true } } = {
  "plinth.embedding": { once: "embed" },
  "plinth.rerank": { once: "rerank" },
  "plinth.speech": { stream: "speak", voices: true },
  "plinth.transcription": { stream: "transcribe" },
  "plinth.image-generation": { stream: "generate", jobs: true },
  "plinth.video-generation": { stream: "generate", jobs: true },
  "plinth.music-generation": { stream: "generate", jobs: true },
};

/** For every purpose a provider `models`, behind which are all vendors and all other providers: its models are `provider/model`. */
export function providePurposes(ctx: Context, purposes: Purposes): void {
  for (const purpose of PURPOSES) ctx.provide(purpose, "models", providerOf(ctx, purposes, purpose) as never);
}

function providerOf(ctx: Context, purposes: Purposes, purpose: VendorPurpose): object {
  const { once, stream, voices, jobs } = METHODS[purpose];
  const choose = (input: Asked, signal: AbortSignal) => purposes.choose(purpose, input.model, signal);
  return {
    async status(_input: object, { signal }: Call) {
      try {
        return { ready: true, defaultModel: (await choose({}, signal)).name };
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
          async [once](input: Asked, { signal, caller }: Call) {
            const choice = await choose(input, signal);
            const meter = new PurposeMeter(ctx, caller, purpose);
            const answer = await again(ctx, signal, () => measured(meter, choice, input, once, signal));
            return { ...answer, model: `${choice.source.data.id}/${answer.model}` };
          },
        }),
    ...(stream === undefined
      ? {}
      : {
          async *[stream](input: Asked, { signal, caller }: Call): AsyncGenerator<Item> {
            const choice = await choose(input, signal);
            const meter = new PurposeMeter(ctx, caller, purpose);
            const prefix = `${choice.source.data.id}/`;
            for await (const item of told(meter, choice, input, stream, signal))
              yield item.type === "job" ? { ...item, job: prefix + item.job } : item;
          },
        }),
    ...(voices === undefined
      ? {}
      : {
          async voices(input: Asked, { signal }: Call) {
            const { client, request } = await asking(await choose(input, signal), input);
            return client.voices!(request, { signal });
          },
        }),
    ...(jobs === undefined ? {} : followed(purposes, purpose)),
  };
}

/** Work that was begun is whose name its handle begins with. */
function followed(purposes: Purposes, purpose: VendorPurpose): object {
  const found = async ({ job: given, endpoint: _, ...input }: Asked & { job: string }) => {
    const slash = given.indexOf("/");
    const source = slash < 0 ? undefined : (await purposes.sources(purpose)).get(given.slice(0, slash));
    if (source === undefined) throw new PlinthError("PLINTH_MODEL_JOB", "There is no such work.", { details: { retryable: false } });
    const { client, endpoint } = await source.reached();
    return {
      client,
      request: { ...input, job: given.slice(slash + 1), ...(endpoint === undefined ? {} : { endpoint }) },
      prefix: given.slice(0, slash + 1),
    };
  };
  return {
    async *resume(input: Asked & { job: string }, { signal }: Call): AsyncGenerator<Item> {
      const { client, request, prefix } = await found(input);
      for await (const item of client.resume!(request, { signal }) as AsyncIterable<Item>)
        yield item.type === "job" ? { ...item, job: prefix + item.job } : item;
    },
    async cancel(input: Asked & { job: string }, { signal }: Call) {
      const { client, request } = await found(input);
      return client.cancel!(request, { signal });
    },
  };
}

/** One answer, on record. */
async function measured(meter: PurposeMeter, choice: PurposeChoice, input: Asked, method: string, signal: AbortSignal): Promise<any> {
  const { client, request } = await asking(choice, input);
  const reading = await meter.admitted(choice, input, signal);
  try {
    const answer = await client[method]!(request, { signal });
    if (answer?.usage !== undefined) reading.take({ type: "usage", usage: meter.usageOf(answer.usage) });
    await reading.settle("ok");
    return answer;
  } catch (thrown) {
    await reading.settle(signal.aborted ? "aborted" : "error");
    throw thrown;
  }
}

async function* told(meter: PurposeMeter, choice: PurposeChoice, input: Asked, method: string, signal: AbortSignal): AsyncGenerator<Item> {
  const { client, request } = await asking(choice, input);
  const reading = await meter.admitted(choice, input, signal);
  let spoke = false;
  try {
    for await (const item of client[method]!(request, { signal }) as AsyncIterable<Item>) {
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

async function asking({ source, model }: PurposeChoice, { endpoint: _, ...input }: Asked) {
  const { client, endpoint } = await source.reached();
  return { client, request: { ...input, model, ...(endpoint === undefined ? {} : { endpoint }) } };
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
