import type { Context, GenerationItem, Provider, PurposeEndpoint } from "@plinth/sdk";
import { failure, followJob, type JobProgress, listing, PurposeCall, resultPart, ticking } from "@plinth/sdk/kits/model-api";
import { type Call, inputOf } from "./input.ts";
import { Tasks } from "./tasks.ts";

export type Generation = "plinth.image-generation" | "plinth.video-generation";

const MINUTE = 60_000;
const OF = {
  "plinth.image-generation": { medium: "image", max: 32 * 1_048_576, mostMs: 20 * MINUTE },
  "plinth.video-generation": { medium: "video", max: 512 * 1_048_576, mostMs: 90 * MINUTE },
} as const;

/** Films and pictures of Runway's models. */
export function generation(ctx: Context, contract: Generation): Provider<"plinth.video-generation"> {
  const { medium, max, mostMs } = OF[contract];
  const callFor = (endpoint: PurposeEndpoint | undefined, signal: AbortSignal): Call =>
    new PurposeCall(ctx, { ...(endpoint === undefined ? {} : { endpoint }), model: "" }, signal);

  async function* followed(call: Call, tasks: Tasks, job: string, asked?: { seconds?: number; count?: number }): AsyncGenerator<GenerationItem> {
    const { title, quirks } = call.server;
    const outcome = yield* followJob(() => tasks.look(job), { clock: ctx.clock, signal: call.signal, title, mostMs });
    if (outcome === "cancelled") return yield { type: "end", reason: "cancelled" };
    if ("failed" in outcome) throw outcome.failed;
    const { output, credits } = outcome;
    if (output.length === 0) throw failure("STREAM", `${title} made nothing.`, { details: { retryable: false } });
    const hosts = Array.isArray(quirks.hosts) ? (quirks.hosts as string[]) : [];
    const running: JobProgress = { type: "progress", state: "running" };
    for (const address of output) {
      const part = yield* ticking(ctx.clock, resultPart(medium, address, call.results({ hosts, max })), running, call.signal);
      yield { type: "part", part };
    }
    const made = medium === "image" ? { images: output.length } : asked?.seconds === undefined ? {} : { seconds: asked.seconds };
    yield { type: "usage", usage: { ...made, ...(credits === undefined ? {} : { credits }) } };
    const withheld = medium === "image" ? (asked?.count ?? 0) - output.length : 0;
    yield { type: "end", reason: "done", ...(withheld > 0 ? { withheld } : {}) };
  }

  return {
    status: listing.status,
    models: (input) => listing.models(input),
    async *generate(request, { signal }): AsyncGenerator<GenerationItem> {
      const call: Call = new PurposeCall(ctx, request, signal);
      const body = await inputOf(call, request);
      const path = medium === "image" ? "/text_to_image" : "promptImage" in body ? "/image_to_video" : "/text_to_video";
      const tasks = new Tasks(call);
      const queued: JobProgress = { type: "progress", state: "queued" };
      const job = yield* ticking(ctx.clock, tasks.begin(path, body), queued, signal);
      yield { type: "job", job };
      yield* call.unsupported.warnings;
      yield* followed(call, tasks, job, request);
    },
    async *resume({ job, endpoint }, { signal }): AsyncGenerator<GenerationItem> {
      const call = callFor(endpoint, signal);
      yield* followed(call, new Tasks(call), job);
    },
    cancel: async ({ job, endpoint }, { signal }) => ({ cancelled: await new Tasks(callFor(endpoint, signal)).cancel(job) }),
  };
}
