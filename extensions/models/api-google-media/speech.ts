import type { Context, MeteredUsage, Provider, SpeechItem, SpeechModel, SpeechRequest } from "@plinth/sdk";
import {
  endpointOf,
  fieldsFor,
  knownVoices,
  listing,
  PurposeCall,
  type SoundFormat,
  soundFormat,
  soundType,
  usualVoice,
} from "@plinth/sdk/kits/model-api";
import { toBase64 } from "@plinth/sdk/wire";
import { methodUrl, vendorWishes } from "./content.ts";
import { type Talk, talksOf } from "./speech-lines.ts";
import { soundIn } from "./speech-stream.ts";
import { wavOf } from "./wav.ts";

/** What is not said: whether it is left out is asked of each. */
const OPTIONAL = ["markup", "speed", "before", "after", "timings", "seed", "bitRate"];
const FORMATS: readonly SoundFormat[] = ["wav", "pcm", "mulaw", "alaw"];
/** Sound without a head, by the names of https://ai.google.dev/gemini-api/docs/generate-content/speech-generation#audio-output-formats */
const HEADLESS: { readonly [format in SoundFormat]?: string } = { pcm: "AUDIO_L16", wav: "AUDIO_L16", mulaw: "AUDIO_MULAW", alaw: "AUDIO_ALAW" };
const RATES = [24_000, 16_000, 8_000];
const RATE = 24_000;
/** Bytes of one item. */
const PIECE = 786_432;
/** Of a recording whose head says how long it is: about twenty minutes. */
const MOST_WAV = 64 * 1_048_576;

/** `…:streamGenerateContent` of models that speak: sound comes as PCM while it is made, and a WAV is that with a head. */
export function speech(ctx: Context): Provider<"plinth.speech"> {
  return {
    status: listing.status,
    models: (input) => listing.models<SpeechModel>(input),
    voices: (input) => ({ voices: knownVoices(endpointOf(input), input) }),
    async *speak(request, { signal }): AsyncGenerator<SpeechItem> {
      const call = new PurposeCall<SpeechModel>(ctx, request, signal);
      const { server, unsupported } = call;
      const format = soundFormat(server, request, FORMATS);
      fieldsFor(server, { ...request, vendor: {} }, unsupported, { names: OPTIONAL, fields: {} });
      const sampleRate = rateOf(call, request, format);
      const talks = talksOf(request, usualVoice(server, request), server.known?.maxCharacters);
      const usage: MeteredUsage = { characters: request.lines.reduce((sum, { text }) => sum + text.length, 0) };
      const headless = heard(call, request, { talks, format, sampleRate, usage });
      const pieces = format === "wav" ? wavOf(headless, sampleRate, MOST_WAV, server.title) : headless;
      let begun = false;
      let bytes = 0;
      for await (const piece of pieces) {
        if (!begun) {
          yield { type: "start", mimeType: soundType(format), format, sampleRate };
          yield* unsupported.warnings;
          begun = true;
        }
        bytes += piece.length;
        for (let from = 0; from < piece.length; from += PIECE) yield { type: "audio", base64: toBase64(piece.subarray(from, from + PIECE)) };
      }
      yield { type: "usage", usage };
      const size = format === "mulaw" || format === "alaw" ? 1 : 2;
      yield { type: "end", seconds: Math.max(0, format === "wav" ? bytes - 44 : bytes) / size / sampleRate };
    },
  };
}

/** Eight thousand hertz are what telephones take; of the others it can be said. */
function rateOf({ server, unsupported }: PurposeCall<SpeechModel>, { sampleRate }: SpeechRequest, format: SoundFormat): number {
  const usual = format === "mulaw" || format === "alaw" ? 8_000 : RATE;
  if (sampleRate === undefined || RATES.includes(sampleRate)) return sampleRate ?? usual;
  unsupported.leave("sampleRate", `${sampleRate} hertz with ${server.model}`);
  return usual;
}

interface Wanted {
  talks: readonly Talk[];
  format: SoundFormat;
  sampleRate: number;
  /** What each answer took is added here. */
  usage: MeteredUsage;
}

/** Sound without a head, of one talk after the other. */
async function* heard(
  call: PurposeCall<SpeechModel>,
  request: SpeechRequest,
  { talks, format, sampleRate, usage }: Wanted,
): AsyncGenerator<Uint8Array> {
  const { exchange, server } = call;
  const { instructions, language } = request;
  const usual = HEADLESS[format] === "AUDIO_L16" && sampleRate === RATE;
  for (const { parts, speechConfig } of talks) {
    const styled = parts.map(({ text, speaker }) => {
      const metadata = { ...(speaker === undefined ? {} : { speaker }), ...(instructions === undefined ? {} : { style: instructions }) };
      return Object.keys(metadata).length === 0 ? { text } : { text, speechMetadata: metadata };
    });
    const body = JSON.stringify({
      contents: [{ role: "user", parts: styled }],
      generationConfig: {
        responseModalities: ["AUDIO"],
        speechConfig: { ...speechConfig, ...(language === undefined ? {} : { languageCode: language }) },
        ...(usual ? {} : { responseFormat: { audio: { mimeType: HEADLESS[format], sampleRate } } }),
        ...vendorWishes(request, server),
      },
    });
    const response = await exchange.post(`${methodUrl(server, "streamGenerateContent")}?alt=sse`, server.endpoint.headers, body);
    const took = yield* soundIn(exchange, response, server.title);
    for (const name of ["inputTokens", "outputTokens"] as const) if (took[name] !== undefined) usage[name] = (usage[name] ?? 0) + took[name];
  }
}
