import type { Context, GenerationItem, MusicModel, MusicRequest, Provider } from "@plinth/sdk";
import {
  failure,
  fieldsFor,
  listing,
  mediaTypeOf,
  PurposeCall,
  type SoundFormat,
  soundFormat,
  soundType,
  ticking,
  wellFormed,
} from "@plinth/sdk/kits/model-api";
import { answerOf, bytesOf } from "./answer.ts";

/** What is not said: whether it is left out is asked of each. */
const OPTIONAL = [
  ...["negativePrompt", "seed", "guidance", "steps", "moderation", "lyrics", "instrumental", "seconds", "reference", "extend"],
  ...["sampleRate", "bitRate"],
];
const FIELDS = { lyrics: "lyrics", instrumental: "is_instrumental", sampleRate: "sampleRate", bitRate: "bitRate" };
const FORMATS: readonly SoundFormat[] = ["mp3", "wav", "pcm"];
const ASK_MS = 175_000;
const MOST_ANSWER = 256 * 1_048_576;

/** `POST /v1/music_generation`, as https://platform.minimax.io/docs/api-reference/music-generation has it. */
export function music(ctx: Context): Provider<"plinth.music-generation"> {
  return {
    status: listing.status,
    models: (input) => listing.models<MusicModel>(input),
    async *generate(request, { signal }): AsyncGenerator<GenerationItem> {
      const call = new PurposeCall<MusicModel>(ctx, request, signal);
      const { exchange, server, unsupported } = call;
      const { title } = server;
      const format = soundFormat(server, request, FORMATS);
      const body = JSON.stringify(bodyOf(call, request, format));
      yield* unsupported.warnings;
      const headers = { accept: "application/json", "content-type": "application/json", ...server.endpoint.headers };
      const asking = exchange
        .ask(server.url("/music_generation"), { method: "POST", headers, body, timeoutMs: ASK_MS, maxBytes: MOST_ANSWER })
        .then((response) => answerOf(exchange, response, title));
      const answer = yield* ticking(ctx.clock, asking, { type: "progress", state: "running" }, signal);
      const hex = answer?.data?.audio;
      if (hex === undefined || hex === null || hex === "") throw failure("STREAM", `${title} sent no music.`, { details: { retryable: false } });
      const bytes = bytesOf(hex, title);
      // Samples without a head can be told by nothing.
      const mimeType = format === "pcm" ? soundType(format) : mediaTypeOf("audio", bytes, title);
      const { lyrics } = request;
      const part = await call.made("audio", mimeType, bytes);
      yield { type: "part", part: lyrics === undefined || request.instrumental === true ? part : { ...part, transcript: lyrics } };
      const ms = answer.extra_info?.music_duration ?? answer.extra_info?.audio_length;
      if (Number.isFinite(ms) && ms > 0) yield { type: "usage", usage: { seconds: ms / 1_000 } };
      yield { type: "end", reason: "done" };
    },
  };
}

function bodyOf({ server, unsupported }: PurposeCall<MusicModel>, request: MusicRequest, format: SoundFormat): object {
  if ((request.count ?? 1) > 1) unsupported.leave("count", "more than one piece at once");
  const { sampleRate, bitRate, audio_setting, ...fields } = fieldsFor(server, request as never, unsupported, {
    names: OPTIONAL,
    fields: FIELDS,
  }) as { sampleRate?: number; bitRate?: number; audio_setting?: object; lyrics?: string; is_instrumental?: boolean };
  const silent = fields.lyrics === undefined && fields.is_instrumental === undefined;
  return {
    ...{ model: server.model, prompt: wellFormed(request.prompt), output_format: "hex", stream: false },
    audio_setting: {
      format,
      ...(sampleRate === undefined ? {} : { sample_rate: sampleRate }),
      ...(bitRate === undefined ? {} : { bitrate: bitRate }),
      ...audio_setting,
    },
    // A song needs words, and where there are none it writes them.
    ...(silent ? { lyrics_optimizer: true } : {}),
    ...fields,
  };
}
