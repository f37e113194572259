import type { Context, Provider, SpeechModel, SpeechRequest } from "@plinth/sdk";
import {
  endpointOf,
  fieldsFor,
  knownVoices,
  listing,
  PurposeCall,
  type PurposeServer,
  partsToSay,
  type SoundFormat,
  soundFormat,
  speaking,
  type Unsupported,
  usualVoice,
  voicesOf,
} from "@plinth/sdk/kits/model-api";

/** What is not said: whether it is left out is asked of each. */
const OPTIONAL = ["markup", "instructions", "speed", "before", "after", "timings", "seed", "sampleRate", "bitRate"];
const FIELDS = { speed: "speed", sampleRate: "sample_rate", bitRate: "bit_rate" };
const CHARACTERS = 2_000;
const MOST_BYTES = 256 * 1_048_576;

/** How each is asked for, its usual rate, and which of the two can be chosen (https://developers.deepgram.com/docs/tts-media-output-settings). */
const FORMATS: Readonly<Record<SoundFormat, { encoding: string; container?: string; hertz?: number; minds: "sampleRate" | "bitRate" }>> = {
  mp3: { encoding: "mp3", minds: "bitRate" },
  opus: { encoding: "opus", container: "ogg", minds: "bitRate" },
  aac: { encoding: "aac", minds: "bitRate" },
  flac: { encoding: "flac", minds: "sampleRate" },
  wav: { encoding: "linear16", container: "wav", minds: "sampleRate" },
  pcm: { encoding: "linear16", container: "none", hertz: 24_000, minds: "sampleRate" },
  mulaw: { encoding: "mulaw", container: "none", hertz: 8_000, minds: "sampleRate" },
  alaw: { encoding: "alaw", container: "none", hertz: 8_000, minds: "sampleRate" },
};
const USUAL = Object.keys(FORMATS) as SoundFormat[];

/** `POST /v1/speak`, as https://developers.deepgram.com/reference/text-to-speech/speak-request has it. There a voice is called a model. */
export function speech(ctx: Context): Provider<"plinth.speech"> {
  return {
    status: listing.status,
    models: (input) => listing.models<SpeechModel>(input),
    voices: (input) => ({ voices: knownVoices(endpointOf(input), input) }),
    async *speak(request, { signal }) {
      const { server, unsupported, exchange } = new PurposeCall<SpeechModel>(ctx, request, signal);
      const { title } = server;
      const format = soundFormat(server, request, USUAL);
      const { encoding, container, hertz, minds } = FORMATS[format];
      const asked = { ...request };
      const other = minds === "bitRate" ? "sampleRate" : "bitRate";
      if (request[other] !== undefined) {
        unsupported.leave(other, `"${other}" of ${format}`);
        delete asked[other];
      }
      const fields = fieldsFor(server, asked, unsupported, { names: OPTIONAL, fields: FIELDS });
      const rate = asked.sampleRate ?? hertz;
      const query = new URLSearchParams({ encoding, ...(container === undefined ? {} : { container }) });
      if (hertz !== undefined) query.set("sample_rate", String(rate));
      for (const [name, value] of Object.entries(fields)) query.set(name, String(value));
      const parts = partsToSay(request.lines, server.known?.maxCharacters ?? CHARACTERS, voiceFor(server, request, unsupported));
      const headers = { "content-type": "application/json", ...server.endpoint.headers };
      yield* speaking({
        ...{ exchange, title, format, parts, unsupported },
        ...(rate === undefined ? {} : { sampleRate: rate }),
        ask({ text, voice }) {
          const url = server.url(`/v1/speak?model=${encodeURIComponent(voice)}&${query}`);
          return exchange.ask(url, { method: "POST", headers, body: JSON.stringify({ text }), maxBytes: MOST_BYTES });
        },
      });
    },
  };
}

/** The one that is named as the model, or the first of the model that speaks the language. */
function voiceFor(server: PurposeServer<SpeechModel>, request: SpeechRequest, unsupported: Unsupported): string {
  const { endpoint, model, known } = server;
  const { language } = request;
  if (known === undefined) {
    const named = voicesOf(endpoint).find(({ id }) => id === model)?.id ?? (/^aura-.+-[a-z]{2}$/.test(model) ? model : undefined);
    if (named !== undefined) return named;
  }
  const spoken = language === undefined ? undefined : knownVoices(endpoint, { model, language: language.split("-")[0]!.toLowerCase() })[0]?.id;
  if (language !== undefined && spoken === undefined) unsupported.leave("language", `the language ${language}`);
  return spoken ?? usualVoice(server, request);
}
