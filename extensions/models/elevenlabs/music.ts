import type { Context, GenerationItem, MusicModel, MusicRequest, Provider } from "@plinth/sdk";
import {
  failure,
  fieldsFor,
  listing,
  PurposeCall,
  type PurposeServer,
  type SoundFormat,
  soundFormat,
  soundType,
  ticking,
  type Unsupported,
} from "@plinth/sdk/kits/model-api";
import { outputFormat } from "./output-format.ts";
import { costOf } from "./speech.ts";

const OPTIONAL = [
  ...["negativePrompt", "seed", "guidance", "steps", "moderation", "lyrics", "instrumental", "seconds", "reference", "extend"],
  ...["sampleRate", "bitRate"],
];
/** Sent under other names and in other units by each of the two endpoints. */
const APART = Object.fromEntries(["lyrics", "instrumental", "seconds", "guidance", "sampleRate", "bitRate"].map((name) => [name, name]));
const FORMATS: readonly SoundFormat[] = ["mp3", "opus"];
const MOST_BYTES = 64 * 1_048_576;
const ASK_MS = 175_000;

/** `POST /v1/music` and `/v1/sound-generation`, as https://elevenlabs.io/docs/api-reference/music/compose and its neighbour have them. */
export function music(ctx: Context): Provider<"plinth.music-generation"> {
  return {
    status: listing.status,
    models: (input) => listing.models<MusicModel>(input),
    async *generate(request, { signal }): AsyncGenerator<GenerationItem> {
      const call = new PurposeCall<MusicModel>(ctx, request, signal);
      const { server, unsupported, exchange } = call;
      const { title } = server;
      const format = soundFormat(server, request, FORMATS);
      const { path, body } = wishesOf(server, request, format, unsupported);
      yield* unsupported.warnings;
      const headers = { "content-type": "application/json", ...server.endpoint.headers };
      const progress: GenerationItem = { type: "progress", state: "running" };
      const asking = exchange.ask(server.url(path), { method: "POST", headers, body: JSON.stringify(body), timeoutMs: ASK_MS, maxBytes: MOST_BYTES });
      const response = yield* ticking(ctx.clock, asking, progress, signal);
      if (/^(application\/json|text\/)/.test(response.headers["content-type"] ?? ""))
        throw failure("STREAM", `${title} answered without sound.`, { details: { retryable: false } });
      const bytes = yield* ticking(ctx.clock, whole(exchange.pieces(response)), progress, signal);
      if (bytes.length === 0) throw failure("STREAM", `${title} sent no sound.`);
      yield { type: "part", part: await call.made("audio", soundType(format), bytes) };
      const usage = { ...costOf(response), ...(request.seconds === undefined ? {} : { seconds: request.seconds }) };
      if (Object.keys(usage).length > 0) yield { type: "usage", usage };
      yield { type: "end", reason: "done" };
    },
  };
}

async function whole(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return new Uint8Array(Buffer.concat(all));
}

interface Wishes {
  lyrics?: string;
  instrumental?: boolean;
  seconds?: number;
  guidance?: number;
  sampleRate?: number;
  bitRate?: number;
}

/** What is wanted, in the words of the endpoint that makes it. */
function wishesOf(server: PurposeServer<MusicModel>, request: MusicRequest, format: SoundFormat, unsupported: Unsupported) {
  const { model, known } = server;
  const wishes = fieldsFor(server, request as never, unsupported, { names: OPTIONAL, fields: APART }) as Wishes & Record<string, unknown>;
  const { lyrics, instrumental, seconds, guidance, sampleRate, bitRate, ...more } = wishes;
  if ((request.count ?? 1) > 1) unsupported.leave("count", "more than one piece at once");
  const tooLong = seconds !== undefined && known?.maxSeconds !== undefined && seconds > known.maxSeconds;
  if (tooLong) unsupported.leave("seconds", `more than ${known.maxSeconds} seconds with ${model}`);
  const length = seconds === undefined || tooLong ? undefined : seconds;
  const sounds = /sound/.test(model);
  // The best that a model of music makes has a name of its own.
  const usual = !sounds && format === "mp3" && sampleRate === undefined && bitRate === undefined;
  const output = usual ? "auto" : outputFormat(format, { sampleRate, bitRate }, unsupported, !sounds).name;
  if (sounds) {
    const asked = { text: request.prompt, model_id: model, duration_seconds: length, prompt_influence: guidance, ...more };
    return { path: `/v1/sound-generation?output_format=${output}`, body: asked };
  }
  // As the guide has it, words to sing stand with what is wanted of the music.
  const prompt = lyrics === undefined ? request.prompt : `${request.prompt}\n\nLyrics:\n${lyrics}`;
  const ms = length === undefined ? undefined : Math.round(length * 1_000);
  const asked = { prompt, model_id: model, music_length_ms: ms, force_instrumental: instrumental, ...more };
  return { path: `/v1/music?output_format=${output}`, body: asked };
}
