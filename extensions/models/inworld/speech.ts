import type { Context, FetchResponse, Provider, SpeechModel, Voice } from "@plinth/sdk";
import {
  Exchange,
  endpointOf,
  failure,
  fault,
  fieldsFor,
  jsonLines,
  listing,
  PurposeCall,
  partsToSay,
  type SoundFormat,
  type SpokenTiming,
  SpokenWords,
  soundBytes,
  soundFormat,
  speaking,
  usualVoice,
} from "@plinth/sdk/kits/model-api";

/** What is not said: whether it is left out is asked of each. */
const OPTIONAL = ["markup", "language", "instructions", "speed", "before", "after", "timings", "seed", "sampleRate", "bitRate"];
const APART = Object.fromEntries(["language", "instructions", "speed", "before", "timings", "sampleRate", "bitRate"].map((name) => [name, name]));
const CHARACTERS = 2_000;
const MOST_BYTES = 64 * 1_048_576;
const VOICES_AT_ONCE = 500;

/** How each is called, the rate of what has no head, and whether it comes in pieces: what has one head for all of it comes whole. */
const FORMATS: { readonly [format in SoundFormat]?: { encoding: string; hertz?: number; streamed?: true; packed?: true } } = {
  mp3: { encoding: "MP3", streamed: true, packed: true },
  pcm: { encoding: "PCM", hertz: 24_000, streamed: true },
  mulaw: { encoding: "MULAW", hertz: 8_000, streamed: true },
  alaw: { encoding: "ALAW", hertz: 8_000, streamed: true },
  opus: { encoding: "OGG_OPUS", packed: true },
  flac: { encoding: "FLAC" },
  wav: { encoding: "WAV" },
};
const USUAL = Object.keys(FORMATS) as SoundFormat[];
/** Of a head that a piece of samples may have: where its samples begin. */
const WAV_HEAD = 44;
const RIFF = [0x52, 0x49, 0x46, 0x46];

/** `POST /tts/v1/voice:stream` and `/tts/v1/voice`, as https://docs.inworld.ai/api-reference/ttsAPI/texttospeech/synthesize-speech-stream and its neighbour have them. */
export function speech(ctx: Context): Provider<"plinth.speech"> {
  return {
    status: listing.status,
    models: (input) => listing.models<SpeechModel>(input),
    async voices({ cursor, language, ...input }, { signal }) {
      const { title, baseUrl, headers } = endpointOf(input);
      const query = new URLSearchParams({ pageSize: String(VOICES_AT_ONCE), ...(cursor === undefined ? {} : { pageToken: cursor }) });
      const exchange = new Exchange({ fetch: (url, options) => ctx.fetch(url, options), title, signal });
      const answer: any = await exchange.json(`${baseUrl}/voices/v1/voices?${query}`, headers);
      if (!Array.isArray(answer?.voices)) throw failure("STREAM", `${title} answered without voices.`, { details: { retryable: false } });
      const base = language?.split("-")[0]?.toLowerCase();
      const voices = (answer.voices as any[]).slice(0, 1_000).flatMap(voiceOf);
      const next: unknown = answer.nextPageToken;
      return {
        voices: voices.filter(({ languages }) => base === undefined || (languages?.some((one) => one.split("-")[0] === base) ?? true)),
        ...(typeof next === "string" && next !== "" && next !== cursor && next.length <= 512 ? { next } : {}),
      };
    },
    async *speak(request, { signal }) {
      const { server, unsupported, exchange } = new PurposeCall<SpeechModel>(ctx, request, signal);
      const { title, model } = server;
      const format = soundFormat(server, request, USUAL);
      const { encoding, hertz, streamed, packed } = FORMATS[format] ?? FORMATS.mp3!;
      const asked = { ...request };
      if (request.bitRate !== undefined && packed !== true) {
        unsupported.leave("bitRate", `"bitRate" of ${format}`);
        delete asked.bitRate;
      }
      const { language, instructions, speed, before, timings, sampleRate, bitRate, ...more } = fieldsFor(server, asked, unsupported, {
        names: OPTIONAL,
        fields: APART,
      }) as Wishes;
      const rate = sampleRate ?? hertz;
      const audioConfig = { audioEncoding: encoding, sampleRateHertz: rate, bitRate, speakingRate: speed };
      const words = new SpokenWords(request.lines);
      const minds = server.known?.takes?.includes("before") === true;
      const headers = { "content-type": "application/json", ...server.endpoint.headers };
      const parts = partsToSay(request.lines, server.known?.maxCharacters ?? CHARACTERS, usualVoice(server, request));
      const url = server.url(streamed === true ? "/tts/v1/voice:stream" : "/tts/v1/voice");
      /** What was heard before this answer, in seconds. */
      let earlier = 0;
      yield* speaking({
        ...{ exchange, title, format, parts, unsupported },
        ...(rate === undefined ? {} : { sampleRate: rate }),
        ask({ text, voice }, at, said) {
          const earlierText = at === 0 ? before : minds && said[at - 1]?.voice === voice ? said[at - 1]?.text : undefined;
          const body = {
            ...{ text, voiceId: voice, modelId: model, audioConfig, language, instruction: instructions },
            ...(timings === true ? { timestampType: "WORD" } : {}),
            ...(earlierText === undefined ? {} : { synthesisContext: { previousRequests: [{ text: earlierText }] } }),
            ...more,
          };
          return exchange.ask(url, { method: "POST", headers, body: JSON.stringify(body), maxBytes: MOST_BYTES });
        },
        async *read(response) {
          let last = earlier;
          for await (const result of resultsIn(exchange, response, title, streamed === true)) {
            if (typeof result.audioContent === "string" && result.audioContent !== "") {
              const bytes = soundBytes(result.audioContent, title);
              yield hertz === undefined ? bytes : headless(bytes);
            }
            for (const [word, start, end] of timesIn(result.timestampInfo)) {
              last = Math.max(last, earlier + end);
              const timing: SpokenTiming | undefined = words.place(word, earlier + start, earlier + end);
              if (timing !== undefined) yield timing;
            }
          }
          earlier = last;
        },
      });
    },
  };
}

interface Wishes {
  language?: string;
  instructions?: string;
  speed?: number;
  before?: string;
  timings?: boolean;
  sampleRate?: number;
  bitRate?: number;
}

/** One result a line; or the one of a whole answer. */
async function* resultsIn(exchange: Exchange, response: FetchResponse, title: string, streamed: boolean): AsyncGenerator<Record<string, any>> {
  if (!streamed) return yield (await exchange.read(response)) as Record<string, any>;
  for await (const { result, error } of jsonLines(exchange, response, title)) {
    if (error !== undefined) throw fault(title, error);
    if (typeof result === "object" && result !== null) yield result;
  }
}

function* timesIn(info: any): Generator<[word: string, start: number, end: number]> {
  const { words, wordStartTimeSeconds: starts, wordEndTimeSeconds: ends } = info?.wordAlignment ?? {};
  if (![words, starts, ends].every(Array.isArray)) return;
  for (const [at, word] of words.entries()) if (typeof word === "string") yield [word, Number(starts[at]), Number(ends[at])];
}

/** Each piece of samples may have a head of its own, which would be heard. */
const headless = (bytes: Uint8Array): Uint8Array =>
  bytes.length >= WAV_HEAD && RIFF.every((byte, at) => bytes[at] === byte) ? bytes.subarray(WAV_HEAD) : bytes;

function voiceOf(row: any): Voice[] {
  const { voiceId: id, displayName: title, description, langCode, gender } = row ?? {};
  if (typeof id !== "string" || id === "" || id.length > 256) return [];
  const [, base, country] = /^([A-Za-z]{2,3})(?:[_-]([A-Za-z]{2}))?$/.exec(typeof langCode === "string" ? langCode : "") ?? [];
  return [
    {
      ...{ id, title: (typeof title === "string" && title !== "" ? title : id).slice(0, 200) },
      ...(typeof description === "string" && description !== "" ? { description: description.slice(0, 2_000) } : {}),
      ...(base === undefined ? {} : { languages: [country === undefined ? base.toLowerCase() : `${base.toLowerCase()}-${country.toUpperCase()}`] }),
      ...(typeof gender === "string" && gender !== "" ? { labels: { gender: gender.toLowerCase().slice(0, 200) } } : {}),
    },
  ];
}
