import type { Context, Provider, SpeechModel, SpeechRequest } from "@plinth/sdk";
import {
  endpointOf,
  fieldsFor,
  listing,
  type OfferedSound,
  offeredSound,
  PurposeCall,
  type PurposeServer,
  partsToSay,
  type SoundFormat,
  type SpokenTiming,
  SpokenWords,
  soundBytes,
  soundFormat,
  speaking,
  type Unsupported,
  usualVoice,
  voicesOf,
} from "@plinth/sdk/kits/model-api";
import { messagesIn } from "./messages.ts";

/** What is not said: whether it is left out is asked of each. */
const OPTIONAL = ["markup", "instructions", "speed", "before", "after", "timings", "seed", "sampleRate", "bitRate"];
const APART = { timings: "timings", sampleRate: "sampleRate" };
/** A recording has 300 seconds at most; of a free account's, 1,500 characters are said. */
const CHARACTERS = 1_500;
const MOST_BYTES = 128 * 1_048_576;
const USUAL: readonly SoundFormat[] = ["wav", "opus", "pcm", "mulaw", "alaw"];

/** The values of `output_format`, the usual first. */
const OFFERED: { readonly [format in SoundFormat]?: readonly OfferedSound[] } = {
  wav: [{ name: "wav", hertz: 48_000 }],
  opus: [{ name: "opus", hertz: 48_000 }],
  pcm: [24_000, 8_000, 16_000, 22_050, 44_100, 48_000].map((hertz) => ({ name: `pcm_${hertz}`, hertz })),
  mulaw: [{ name: "ulaw_8000", hertz: 8_000 }],
  alaw: [{ name: "alaw_8000", hertz: 8_000 }],
};

/** `POST /post/speech/tts`, as https://github.com/gradium-ai/gradium-py/blob/main/docs/post_tts_description.md has it. */
export function speech(ctx: Context): Provider<"plinth.speech"> {
  return {
    status: listing.status,
    models: (input) => listing.models<SpeechModel>(input),
    voices: ({ language, ...input }) => ({
      voices: voicesOf(endpointOf(input)).filter((voice) => language === undefined || speaks(voice, language)),
    }),
    async *speak(request, { signal }) {
      const { server, unsupported, exchange } = new PurposeCall<SpeechModel>(ctx, request, signal);
      const { title, model } = server;
      const format = soundFormat(server, request, USUAL);
      const { timings, sampleRate, ...more } = fieldsFor(server, request, unsupported, { names: OPTIONAL, fields: APART }) as Wishes;
      const output = offeredSound(OFFERED[format] ?? OFFERED.wav!, { sampleRate }, unsupported);
      const timed = timings === true;
      const words = new SpokenWords(request.lines);
      const headers = { "content-type": "application/json", ...server.endpoint.headers };
      /** What was heard before this answer, in seconds. */
      let earlier = 0;
      yield* speaking({
        ...{ exchange, title, format, unsupported, sampleRate: output.hertz },
        parts: partsToSay(request.lines, server.known?.maxCharacters ?? CHARACTERS, voiceFor(server, request, unsupported)),
        ask({ text, voice }) {
          const body = JSON.stringify({ text, voice_id: voice, model_name: model, output_format: output.name, only_audio: !timed, ...more });
          return exchange.ask(server.url("/post/speech/tts"), { method: "POST", headers, body, maxBytes: MOST_BYTES });
        },
        ...(timed
          ? {
              async *read(response) {
                let last = earlier;
                for await (const { type, audio, text, start_s: start, stop_s: stop } of messagesIn(exchange, response, title)) {
                  if (type === "audio") yield soundBytes(audio, title);
                  if (type !== "text" || typeof text !== "string") continue;
                  last = Math.max(last, earlier + Number(stop) || 0);
                  const timing: SpokenTiming | undefined = words.place(text, earlier + Number(start), earlier + Number(stop));
                  if (timing !== undefined) yield timing;
                }
                earlier = last;
              },
            }
          : {}),
      });
    },
  };
}

interface Wishes {
  timings?: boolean;
  sampleRate?: number;
}

const base = (language: string): string => language.split("-")[0]!.toLowerCase();
const speaks = ({ languages = [] }: { languages?: string[] }, wanted: string): boolean => languages.some((one) => base(one) === base(wanted));

/** Each voice has one language. */
function voiceFor(server: PurposeServer<SpeechModel>, request: SpeechRequest, unsupported: Unsupported): string {
  const { language } = request;
  const all = voicesOf(server.endpoint);
  const spoken =
    language === undefined ? undefined : (all.find(({ languages }) => languages?.includes(language)) ?? all.find((one) => speaks(one, language)));
  if (language !== undefined && spoken === undefined) unsupported.leave("language", `the language ${language}`);
  return spoken?.id ?? usualVoice(server, request);
}
