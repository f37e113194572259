import type { Context, Provider, SpeechModel, SpeechRequest, Voice } from "@plinth/sdk";
import {
  Exchange,
  endpointOf,
  failure,
  fieldsFor,
  listing,
  PurposeCall,
  partsToSay,
  type SoundFormat,
  soundFormat,
  speaking,
  usualVoice,
} from "@plinth/sdk/kits/model-api";
import { checked } from "./answer.ts";
import { languageName, languageOf } from "./languages.ts";
import { soundIn } from "./speech-stream.ts";

/** What is not said: whether it is left out is asked of each. */
const OPTIONAL = ["markup", "language", "instructions", "speed", "before", "after", "timings", "seed", "sampleRate", "bitRate"];
/** What the server has, in fields of fields. */
const APART = { language: "language", speed: "speed", sampleRate: "sampleRate", bitRate: "bitRate" };
const FORMATS: readonly SoundFormat[] = ["mp3", "pcm", "flac", "wav", "mulaw"];
/** The server's words, where they are others than ours. */
const WORDS: { readonly [format in SoundFormat]?: string } = { mulaw: "pcmu_raw" };
const CHARACTERS = 9_999;
const RATE = 32_000;
const MOST_ANSWER = 256 * 1_048_576;

/** `POST /v1/t2a_v2`, as https://platform.minimax.io/docs/api-reference/speech-t2a-http has it: sound comes while it is made. */
export function speech(ctx: Context): Provider<"plinth.speech"> {
  return {
    status: listing.status,
    models: (input) => listing.models<SpeechModel>(input),
    async voices({ language, ...input }, { signal }) {
      const { title, baseUrl, headers } = endpointOf(input);
      const exchange = new Exchange({ fetch: (url, options) => ctx.fetch(url, options), title, signal });
      const answer = checked(await exchange.json(`${baseUrl}/get_voice`, headers, JSON.stringify({ voice_type: "all" })), title);
      const rows = ["system_voice", "voice_cloning", "voice_generation"].flatMap((name) => (Array.isArray(answer?.[name]) ? answer[name] : []));
      if (!Array.isArray(answer?.system_voice)) throw failure("STREAM", `${title} answered without voices.`, { details: { retryable: false } });
      const wanted = language?.toLowerCase().replace(/-.*/, "");
      return {
        voices: rows
          .slice(0, 1_000)
          .flatMap(voiceOf)
          .filter(({ languages }) => wanted === undefined || (languages?.includes(wanted) ?? true)),
      };
    },
    async *speak(request, { signal }) {
      const call = new PurposeCall<SpeechModel>(ctx, request, signal);
      const { server, unsupported, exchange } = call;
      const { title, known } = server;
      const format = soundFormat(server, request, FORMATS);
      const { body, sampleRate } = wishesOf(call, request, format);
      const parts = partsToSay(request.lines, known?.maxCharacters ?? CHARACTERS, usualVoice(server, request));
      const headers = {
        accept: body.stream ? "text/event-stream" : "application/json",
        "content-type": "application/json",
        ...server.endpoint.headers,
      };
      yield* speaking({
        ...{ exchange, title, format, parts, unsupported },
        ...(sampleRate === undefined ? {} : { sampleRate }),
        ask({ text, voice }) {
          const asked = JSON.stringify({ ...body, text, voice_setting: { voice_id: voice, ...body.voice_setting } });
          return exchange.ask(server.url("/t2a_v2"), { method: "POST", headers, body: asked, maxBytes: MOST_ANSWER });
        },
        read: (response) => soundIn(exchange, response, title),
      });
    },
  };
}

interface Wishes {
  language?: string;
  speed?: number;
  sampleRate?: number;
  bitRate?: number;
  voice_setting?: object;
  audio_setting?: object;
}

/** What is wanted, in the server's words, without the text and its voice. */
function wishesOf({ server, unsupported }: PurposeCall<SpeechModel>, request: SpeechRequest, format: SoundFormat) {
  const { language, speed, sampleRate, bitRate, voice_setting, audio_setting, ...more } = fieldsFor(server, request as never, unsupported, {
    names: OPTIONAL,
    fields: APART,
  }) as Wishes;
  const name = language === undefined ? undefined : languageName(language);
  if (language !== undefined && name === undefined) unsupported.leave("language", `the language ${language}`);
  const usual = format === "mulaw" ? 8_000 : format === "pcm" ? RATE : undefined;
  if (format === "mulaw" && sampleRate !== undefined && sampleRate !== 8_000) unsupported.leave("sampleRate", `${sampleRate} hertz as ${format}`);
  const hertz = format === "mulaw" ? usual : (sampleRate ?? usual);
  if (bitRate !== undefined && format !== "mp3") unsupported.leave("bitRate", `a bit rate as ${format}`);
  // A WAV says in its head how long it is, and is not streamed.
  const stream = format !== "wav";
  const body = {
    model: server.model,
    stream,
    ...(stream ? { stream_options: { exclude_aggregated_audio: true } } : { output_format: "hex" }),
    voice_setting: { ...(speed === undefined ? {} : { speed }), ...voice_setting },
    audio_setting: {
      format: WORDS[format] ?? format,
      ...(hertz === undefined ? {} : { sample_rate: hertz }),
      ...(bitRate === undefined || format !== "mp3" ? {} : { bitrate: bitRate }),
      channel: 1,
      ...audio_setting,
    },
    ...(name === undefined ? {} : { language_boost: name }),
    ...more,
  };
  return { body, sampleRate: hertz };
}

function voiceOf(row: any): Voice[] {
  const { voice_id: id, voice_name: name, description } = row ?? {};
  if (typeof id !== "string" || id === "" || id.length > 256) return [];
  const said = (Array.isArray(description) ? description : [description]).filter((one) => typeof one === "string" && one !== "").join(" ");
  const language = languageOf(id);
  return [
    {
      ...{ id, title: (typeof name === "string" && name !== "" ? name : id).slice(0, 200) },
      ...(said === "" ? {} : { description: said.slice(0, 2_000) }),
      ...(language === undefined ? {} : { languages: [language] }),
    },
  ];
}
