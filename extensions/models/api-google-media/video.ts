import type { Context, GenerationItem, Provider, PurposeEndpoint, VideoModel } from "@plinth/sdk";
import { beginJob, failure, followJob, type JobState, listing, noJob, PurposeCall } from "@plinth/sdk/kits/model-api";
import { methodUrl } from "./content.ts";
import { nameOf, type Operation, operationOf } from "./operations.ts";
import { bodyOf } from "./video-request.ts";
import { filmsOf } from "./video-result.ts";

type Call = PurposeCall<VideoModel>;

const ASK_MS = 60_000;
/** Google says that a film takes six minutes at most; a queue may be before it. */
const MOST_MS = 30 * 60_000;
const EVERY_MS = 10_000;

/** `…:predictLongRunning` of Veo, and what becomes of it: https://ai.google.dev/gemini-api/docs/veo */
export function video(ctx: Context): Provider<"plinth.video-generation"> {
  return {
    status: listing.status,
    models: (input) => listing.models<VideoModel>(input),
    async *generate(request, { signal }): AsyncGenerator<GenerationItem> {
      const call = new PurposeCall<VideoModel>(ctx, request, signal);
      const body = JSON.stringify(await bodyOf(call, request));
      yield* call.unsupported.warnings;
      const name = await begun(call, body, signal);
      yield { type: "job", job: name };
      yield* followed(ctx, call, name, request.seconds);
    },
    async *resume({ endpoint, job }, { signal }): AsyncGenerator<GenerationItem> {
      const call = callOf(ctx, { endpoint, job }, signal);
      yield* followed(ctx, call, job, undefined);
    },
    /** There is no end to it before its own: it is only looked at. */
    async cancel({ endpoint, job }, { signal }) {
      await operationOf(callOf(ctx, { endpoint, job }, signal), job);
      return { cancelled: false };
    },
  };
}

interface Named {
  endpoint?: PurposeEndpoint | undefined;
  job: string;
}

/** @throws PLINTH_MODEL_JOB where the handle is none */
function callOf(ctx: Context, { endpoint, job }: Named, signal: AbortSignal): Call {
  const model = /(?:^|\/)models\/([^/]+)\/operations\//.exec(job)?.[1];
  const call = new PurposeCall<VideoModel>(ctx, { ...(endpoint === undefined ? {} : { endpoint }), model: model ?? "none" }, signal);
  if (model === undefined) throw noJob(call.server.title);
  return call;
}

async function begun(call: Call, body: string, signal: AbortSignal): Promise<string> {
  const { server } = call;
  const lasting = call.lasting();
  const begin = async () => nameOf(await lasting.json(methodUrl(server, "predictLongRunning"), server.endpoint.headers, body, ASK_MS), server);
  // What has begun cannot be ended: it is paid for, and made for nobody.
  return beginJob(begin, async () => {}, signal);
}

async function* followed(ctx: Context, call: Call, name: string, seconds: number | undefined): AsyncGenerator<GenerationItem> {
  const { server, signal } = call;
  const look = async (): Promise<JobState<Operation>> => {
    const operation = await operationOf(call, name);
    return operation.done === true ? { done: operation } : { state: "running" };
  };
  const done = yield* followJob(look, { clock: ctx.clock, signal, title: server.title, mostMs: MOST_MS, everyMs: EVERY_MS });
  const { films, withheld } = filmsOf(done, server.title);
  for (const film of films) yield { type: "part", part: await film.part(call) };
  const { price } = server.known ?? {};
  const made = seconds === undefined ? undefined : seconds * films.length;
  if (made !== undefined)
    yield { type: "usage", usage: { seconds: made, ...(price === undefined ? {} : { cost: Number((made * price).toPrecision(10)) }) } };
  if (films.length === 0 && withheld === 0) throw failure("STREAM", `${server.title} made no film.`, { details: { retryable: false } });
  yield { type: "end", reason: films.length === 0 ? "filter" : "done", ...(withheld > 0 ? { withheld } : {}) };
}
