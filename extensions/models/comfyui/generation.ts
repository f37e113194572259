import type { Context, GenerationItem, Provider } from "@plinth/sdk";
import { errorInfo } from "@plinth/sdk";
import {
  Exchange,
  failure,
  followJob,
  type JobProgress,
  type Medium,
  partBytes,
  type ResultOptions,
  resultPart,
  ticking,
  Unsupported,
} from "@plinth/sdk/kits/model-api";
import { filled } from "./fill.ts";
import { ComfyServer, isAway, TITLE } from "./server.ts";
import { type Config, type Workflow, workflowNamed, workflowsIn } from "./workflows.ts";

export type Generation = "plinth.image-generation" | "plinth.video-generation" | "plinth.music-generation";

const MEDIA: Readonly<Record<Generation, Medium>> = {
  "plinth.image-generation": "image",
  "plinth.video-generation": "video",
  "plinth.music-generation": "audio",
};
const ENDINGS: Readonly<Record<Medium, RegExp>> = {
  image: /\.(png|jpe?g|webp|gif)$/i,
  video: /\.(mp4|webm|mov|mkv)$/i,
  audio: /\.(mp3|wav|flac|opus|ogg|m4a)$/i,
};
const MOST_BYTES = 64 * 1_048_576;
const MOST_MADE = 512 * 1_048_576;
/** A machine of one's own may be slow. */
const MOST_MS = 6 * 3_600_000;

/** What the workflows of one kind make, on the server of this machine. */
export function generation(ctx: Context, config: Config, contract: Generation): Provider<"plinth.video-generation"> {
  const medium = MEDIA[contract];
  const mine = async (): Promise<Workflow[]> => (await workflowsIn(ctx, config)).filter(({ makes }) => makes === medium);
  const exchange = (signal: AbortSignal) => new Exchange({ fetch: (url, options) => ctx.fetch(url, options), title: TITLE, signal });
  const serverFor = (signal: AbortSignal) => new ComfyServer(config.baseUrl, exchange(signal), exchange(new AbortController().signal));
  const artifacts = () => ctx.use("plinth.artifacts").one();

  async function* followed(server: ComfyServer, job: string, signal: AbortSignal, seed?: number): AsyncGenerator<GenerationItem> {
    const outcome = yield* followJob(() => server.look(job), { clock: ctx.clock, signal, title: TITLE, mostMs: MOST_MS, everyMs: 2_000 });
    if (outcome === "cancelled") return yield { type: "end", reason: "cancelled" };
    if ("failed" in outcome) throw outcome.failed;
    const files = outcome.files.filter(({ filename }) => ENDINGS[medium].test(filename)).slice(0, 16);
    if (files.length === 0) throw failure("STREAM", `${TITLE} made nothing of that kind.`, { details: { retryable: false } });
    for (const file of files) {
      const options: ResultOptions = {
        exchange: exchange(signal),
        title: TITLE,
        server: config.baseUrl,
        hosts: [],
        max: MOST_MADE,
        artifacts,
        signal,
      };
      const running: JobProgress = { type: "progress", state: "running" };
      const part = yield* ticking(ctx.clock, resultPart(medium, server.address(file), options), running, signal);
      yield { type: "part", part, ...(seed === undefined ? {} : { seed }) };
    }
    if (medium === "image") yield { type: "usage", usage: { images: files.length } };
    yield { type: "end", reason: "done" };
  }

  return {
    async status(_input, { signal }) {
      try {
        const [first] = await mine();
        if (first === undefined) return { ready: false, reason: "It has no workflow for that in state/plinth.comfyui." };
        await serverFor(signal).version();
        return { ready: true, defaultModel: first.name };
      } catch (thrown) {
        return { ready: false, reason: (isAway(thrown) ? `No server answers at ${config.baseUrl}.` : errorInfo(thrown).message).slice(0, 500) };
      }
    },
    models: async () => ({ models: (await mine()).map(({ name, title, places }) => ({ id: name, title, takes: takesOf(places) })) }),
    async *generate(request, { signal }): AsyncGenerator<GenerationItem> {
      const workflow = workflowNamed(await mine(), request.model);
      const unsupported = new Unsupported(TITLE, request);
      const server = serverFor(signal);
      const { graph, seed } = await filled(workflow, request, unsupported, async (part, field) =>
        server.upload(await partBytes(part, { title: TITLE, param: field, max: MOST_BYTES, artifacts, signal }), part),
      );
      const job = await server.queue(graph, signal);
      yield { type: "job", job };
      yield* unsupported.warnings;
      yield* followed(server, job, signal, seed);
    },
    async *resume({ job }, { signal }): AsyncGenerator<GenerationItem> {
      yield* followed(serverFor(signal), job, signal);
    },
    cancel: async ({ job }, { signal }) => ({ cancelled: await serverFor(signal).cancel(job) }),
  };
}

const takesOf = (places: Workflow["places"]): string[] => [
  ...Object.keys(places).filter((name) => !["width", "height"].includes(name)),
  ...("width" in places && "height" in places ? ["size"] : []),
];
