import { type Context, type GenerationItem, isPlinthError, type Provider, type PurposeEndpoint, type VideoModel } from "@plinth/sdk";
import {
  beginJob,
  failure,
  fault,
  followJob,
  form,
  isAmount,
  type JobProgress,
  type JobState,
  listing,
  noJob,
  PurposeCall,
  resultPart,
  ticking,
  urlOf,
} from "@plinth/sdk/kits/model-api";
import { toBase64 } from "@plinth/sdk/wire";
import { type Asked, bodyOf, type Files, fieldOf, MOST_FILE } from "./video-request.ts";

type Call = PurposeCall<VideoModel>;

const ID = /^[\w-]{1,128}$/;
const ASK_MS = 50_000;
const MOST_BYTES = 512 * 1_048_576;
const MOST_MS = 90 * 60_000;
/** Of xAI, which tells costs in them. */
const TICKS = 1e10;

interface Made {
  readonly address: string;
  readonly seconds?: number;
  readonly cost?: number;
}
type Outcome = Made | "filter" | { readonly failed: Error };

/**
 * `POST …/videos` with its content, as https://platform.openai.com/docs/api-reference/videos had it and servers after it have, or
 * `…/videos/generations`, as https://docs.x.ai has it: the quirk `style` says which. Neither ends work that has begun.
 */
export function videos(ctx: Context): Provider<"plinth.video-generation"> {
  const callFor = (endpoint: PurposeEndpoint | undefined, signal: AbortSignal): Call =>
    new PurposeCall(ctx, { ...(endpoint === undefined ? {} : { endpoint }), model: "" }, signal);
  return {
    status: listing.status,
    models: (input) => listing.models<VideoModel>(input),
    async *generate(request, { signal }): AsyncGenerator<GenerationItem> {
      const call: Call = new PurposeCall(ctx, request, signal);
      const { server } = call;
      const { fields, files } = bodyOf(call, request);
      const { path, body, type } = await sent(call, fields, files);
      const lasting = call.lasting();
      const begin = async () => {
        const headers = { ...server.endpoint.headers, "content-type": type };
        const answer: any = await lasting.json(server.url(path), headers, body, ASK_MS);
        const id = answer?.request_id ?? answer?.id;
        if (typeof id === "string" && ID.test(id)) return id;
        throw failure("STREAM", `${server.title} took the work and gave it no name.`, { details: { retryable: false } });
      };
      const queued: JobProgress = { type: "progress", state: "queued" };
      // What has begun cannot be ended there: it is left alone.
      const job = yield* ticking(
        ctx.clock,
        beginJob(begin, async () => {}, signal),
        queued,
        signal,
      );
      yield { type: "job", job };
      yield* call.unsupported.warnings;
      yield* followed(ctx, call, job, request);
    },
    async *resume({ job, endpoint }, { signal }): AsyncGenerator<GenerationItem> {
      yield* followed(ctx, callFor(endpoint, signal), job);
    },
    async cancel({ job, endpoint }, { signal }) {
      await look(callFor(endpoint, signal), job);
      return { cancelled: false };
    },
  };
}

/** Pictures are files of a form, or addresses in JSON. */
async function sent(call: Call, fields: Record<string, unknown>, files: Files): Promise<{ path: string; body: string | Uint8Array; type: string }> {
  const isOpenai = call.server.quirks.style !== "generations";
  const path = isOpenai ? "/videos" : "/videos/generations";
  if (!isOpenai) {
    for (const [name, parts] of Object.entries(files)) {
      const urls: { url: string }[] = [];
      for (const part of parts) {
        const { url: _, artifact: __, ...plain } = part;
        urls.push({ url: urlOf({ ...plain, base64: toBase64(await call.read(part, fieldOf(name), MOST_FILE)) })! });
      }
      fields[name] = name === "image" ? urls[0] : urls;
    }
    return { path, body: JSON.stringify(fields), type: "application/json" };
  }
  const given = [];
  for (const [field, parts] of Object.entries(files))
    for (const part of parts) given.push({ field, bytes: await call.read(part, fieldOf(field), MOST_FILE), part });
  return given.length === 0 ? { path, body: JSON.stringify(fields), type: "application/json" } : { path, ...(await form(fields, given)) };
}

async function* followed(ctx: Context, call: Call, job: string, asked?: Asked): AsyncGenerator<GenerationItem> {
  const { server, signal } = call;
  const outcome = yield* followJob(() => look(call, job), { clock: ctx.clock, signal, title: server.title, mostMs: MOST_MS });
  if (outcome === "filter") return yield { type: "end", reason: "filter", withheld: 1 };
  if ("failed" in outcome) throw outcome.failed;
  const hosts = Array.isArray(server.quirks.hosts) ? (server.quirks.hosts as string[]) : [];
  const running: JobProgress = { type: "progress", state: "running" };
  const result = resultPart("video", outcome.address, call.results({ hosts, max: MOST_BYTES, headers: server.endpoint.headers }));
  yield { type: "part", part: yield* ticking(ctx.clock, result, running, signal) };
  const seconds = outcome.seconds ?? asked?.seconds;
  const price = server.known?.price;
  const cost = outcome.cost ?? (price === undefined || seconds === undefined ? undefined : Number((price * seconds).toPrecision(10)));
  yield { type: "usage", usage: { ...(seconds === undefined ? {} : { seconds }), ...(cost === undefined ? {} : { cost }) } };
  yield { type: "end", reason: "done" };
}

/** Handles come back from anybody: one is a name below the server's address, and nothing else. */
async function look({ server, exchange }: Call, job: string): Promise<JobState<Outcome>> {
  if (!ID.test(job)) throw noJob(server.title);
  const at = server.url(`/videos/${job}`);
  let answer: any;
  try {
    answer = await exchange.json(at, server.endpoint.headers);
  } catch (thrown) {
    throw isPlinthError(thrown) && (thrown.details as { status?: unknown } | undefined)?.status === 404 ? noJob(server.title) : thrown;
  }
  const { status, progress, error, video, usage, seconds } = answer ?? {};
  const percent = typeof progress === "number" && progress >= 0 && progress <= 100 ? { percent: progress } : {};
  switch (status) {
    case "queued":
      return { state: "queued" };
    case "in_progress":
    case "pending":
      return { state: "running", ...percent };
    case "failed":
    case "expired":
      return { done: { failed: fault(server.title, error ?? { message: `the work ${status}.` }) } };
    case "completed":
      return { done: { address: `${at}/content`, ...secondsOf(seconds) } };
  }
  if (video?.respect_moderation === false) return { done: "filter" };
  if (typeof video?.url !== "string") throw failure("STREAM", `${server.title} does not say how the work stands.`, { details: { retryable: false } });
  const ticks = usage?.cost_in_usd_ticks;
  return { done: { address: video.url, ...secondsOf(video.duration), ...(isAmount(ticks) ? { cost: ticks / TICKS } : {}) } };
}

function secondsOf(value: unknown): { seconds?: number } {
  const seconds = Number(value);
  return value !== null && value !== undefined && seconds > 0 ? { seconds } : {};
}
