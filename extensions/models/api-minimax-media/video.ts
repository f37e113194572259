import type { Context, GenerationItem, Provider, PurposeEndpoint, VideoModel } from "@plinth/sdk";
import { beginJob, followJob, listing, PurposeCall, resultPart } from "@plinth/sdk/kits/model-api";
import { checked } from "./answer.ts";
import { dropped, ended, fileAddress, handleOf, idOf, secondUrl, stateOf } from "./tasks.ts";
import { bodyOf, isSecond } from "./video-request.ts";

type Call = PurposeCall<VideoModel>;

const ASK_MS = 60_000;
const MOST_MS = 30 * 60_000;
/** As its guide has it. */
const EVERY_MS = 10_000;
const MOST_BYTES = 512 * 1_048_576;

/** Films of both of its interfaces: a task is begun, looked at, and its film is fetched from where the server says that it is. */
export function video(ctx: Context): Provider<"plinth.video-generation"> {
  return {
    status: listing.status,
    models: (input) => listing.models<VideoModel>(input),
    async *generate(request, { signal }): AsyncGenerator<GenerationItem> {
      const call = new PurposeCall<VideoModel>(ctx, request, signal);
      const body = JSON.stringify(await bodyOf(call, request));
      yield* call.unsupported.warnings;
      const job = await begun(call, body, signal);
      yield { type: "job", job };
      yield* followed(ctx, call, job, request.seconds);
    },
    async *resume({ endpoint, job }, { signal }): AsyncGenerator<GenerationItem> {
      yield* followed(ctx, callOf(ctx, endpoint, signal), job, undefined);
    },
    async cancel({ endpoint, job }, { signal }) {
      return { cancelled: await ended(callOf(ctx, endpoint, signal), job) };
    },
  };
}

/** A handle says nothing of the model. */
const callOf = (ctx: Context, endpoint: PurposeEndpoint | undefined, signal: AbortSignal): Call =>
  new PurposeCall<VideoModel>(ctx, { ...(endpoint === undefined ? {} : { endpoint }), model: "none" }, signal);

async function begun(call: Call, body: string, signal: AbortSignal): Promise<string> {
  const { server } = call;
  const second = isSecond(server.model);
  const url = second ? secondUrl(call, "/video_generation") : server.url("/video_generation");
  const lasting = call.lasting();
  const begin = async () => idOf(checked(await lasting.json(url, server.endpoint.headers, body, ASK_MS), server.title), server.title);
  // The first interface has no way to end what it began.
  return handleOf(second, await beginJob(begin, async (id) => second && dropped(call, id), signal));
}

async function* followed(ctx: Context, call: Call, job: string, seconds: number | undefined): AsyncGenerator<GenerationItem> {
  const { server, signal } = call;
  const options = { clock: ctx.clock, signal, title: server.title, mostMs: MOST_MS, everyMs: EVERY_MS };
  const done = yield* followJob(() => stateOf(call, job), options);
  const address = done.address ?? (await fileAddress(call, done.file!));
  const hosts = Array.isArray(server.quirks.resultHosts) ? server.quirks.resultHosts.map(String) : [];
  yield { type: "part", part: await resultPart("video", address, call.results({ hosts, max: MOST_BYTES, headers: server.endpoint.headers })) };
  const length = done.seconds ?? seconds;
  const { price } = server.known ?? {};
  if (length !== undefined)
    yield { type: "usage", usage: { seconds: length, ...(price === undefined ? {} : { cost: Number((length * price).toPrecision(10)) }) } };
  yield { type: "end", reason: "done" };
}
