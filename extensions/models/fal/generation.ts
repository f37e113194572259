import type { Context, GenerationItem, MeteredUsage, Provider, VendorPurpose } from "@plinth/sdk";
import { failure, followJob, listing, type Medium, PurposeCall, resultPart, ticking } from "@plinth/sdk/kits/model-api";
import { type Call, inputOf } from "./input.ts";
import { filesIn, hostsOf } from "./made.ts";
import { type Made, Queue } from "./queue.ts";

export type Generation = "plinth.image-generation" | "plinth.video-generation" | "plinth.music-generation";

const MINUTE = 60_000;
/** What it makes, how much of it is taken in bytes, and how long it is waited for. */
const OF: { readonly [P in Generation & VendorPurpose]: { medium: Medium; max: number; mostMs: number } } = {
  "plinth.image-generation": { medium: "image", max: 32 * 1_048_576, mostMs: 20 * MINUTE },
  "plinth.video-generation": { medium: "video", max: 512 * 1_048_576, mostMs: 90 * MINUTE },
  "plinth.music-generation": { medium: "audio", max: 128 * 1_048_576, mostMs: 20 * MINUTE },
};
const RUNNING: GenerationItem = { type: "progress", state: "running" };

/** Pictures, films and music of whatever model of fal's makes them. */
export function generation(ctx: Context, contract: Generation): Provider<"plinth.video-generation"> {
  return {
    status: listing.status,
    models: (input) => listing.models(input),
    async *generate(request, { signal }): AsyncGenerator<GenerationItem> {
      const call: Call = new PurposeCall(ctx, request, signal);
      const { path, body } = await inputOf(call, request);
      const queue = new Queue(call);
      const job = yield* ticking<string, GenerationItem>(ctx.clock, queue.submit(path, body), { type: "progress", state: "queued" }, signal);
      yield { type: "job", job };
      yield* call.unsupported.warnings;
      yield* followed(ctx, contract, call, queue, job, request);
    },
    async *resume({ job, endpoint }, { signal }): AsyncGenerator<GenerationItem> {
      const call = callFor(ctx, endpoint, signal);
      const queue = new Queue(call);
      yield* followed(ctx, contract, call, queue, job, undefined);
    },
    async cancel({ job, endpoint }, { signal }) {
      return { cancelled: await new Queue(callFor(ctx, endpoint, signal)).cancel(job) };
    },
  };
}

/** For work whose model is known by its handle alone. */
function callFor(ctx: Context, endpoint: ConstructorParameters<typeof PurposeCall>[1]["endpoint"], signal: AbortSignal): Call {
  return new PurposeCall(ctx, { ...(endpoint === undefined ? {} : { endpoint }), model: "" }, signal);
}

type Asked = { prompt: string; count?: number; seconds?: number } | undefined;

async function* followed(ctx: Context, contract: Generation, call: Call, queue: Queue, job: string, asked: Asked): AsyncGenerator<GenerationItem> {
  const { title, quirks } = call.server;
  const { medium, max, mostMs } = OF[contract];
  const outcome = yield* followJob(() => queue.look(job), { clock: ctx.clock, signal: call.signal, title, mostMs });
  if (outcome === "cancelled") return yield { type: "end", reason: "cancelled" };
  if ("failed" in outcome) throw outcome.failed;
  const { files, withheld } = filesIn(outcome.result, medium);
  if (files.length === 0 && withheld === 0) throw failure("STREAM", `${title} made nothing.`, { details: { retryable: false } });
  const { prompt, seed, lyrics } = outcome.result;
  for (const url of files) {
    const made = resultPart(medium, url, call.results({ hosts: hostsOf(quirks), max }));
    const part = yield* ticking(ctx.clock, made, RUNNING, call.signal);
    yield {
      type: "part",
      part: typeof lyrics === "string" && part.type === "audio" && lyrics !== "" ? { ...part, transcript: lyrics } : part,
      ...(asked !== undefined && typeof prompt === "string" && prompt !== "" && prompt !== asked.prompt ? { prompt } : {}),
      ...(Number.isSafeInteger(seed) ? { seed } : {}),
    };
  }
  yield { type: "usage", usage: usageOf(call, contract, outcome, files.length, asked) };
  const less = Math.max(withheld, medium === "image" ? (asked?.count ?? 0) - files.length : 0);
  yield { type: "end", reason: files.length === 0 ? "filter" : "done", ...(less > 0 ? { withheld: less } : {}) };
}

/** What it costs follows from the price for one, or for a second, and from what fal counts, where it says that. */
function usageOf({ server }: Call, contract: Generation, { units, computeSeconds }: Made, made: number, asked: Asked): MeteredUsage {
  const seconds = asked?.seconds;
  const count = contract === "plinth.image-generation" ? made : seconds;
  const { price } = (server.known ?? {}) as { price?: number };
  const billed = units ?? count;
  return {
    ...(contract === "plinth.image-generation" ? { images: made } : seconds === undefined ? {} : { seconds }),
    ...(computeSeconds === undefined ? {} : { computeSeconds }),
    ...(price === undefined || billed === undefined ? {} : { cost: Number((price * billed).toPrecision(10)) }),
  };
}
