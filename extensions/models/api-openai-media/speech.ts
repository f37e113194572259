import type { Context, Provider, SpeechModel } from "@plinth/sdk";
import {
  endpointOf,
  fieldsFor,
  knownVoices,
  listing,
  PurposeCall,
  partsToSay,
  type SoundFormat,
  soundFormat,
  speaking,
  usualVoice,
} from "@plinth/sdk/kits/model-api";

/** What is not said: whether it is left out is asked of each. */
const OPTIONAL = ["markup", "language", "instructions", "speed", "before", "after", "timings", "seed", "sampleRate", "bitRate"];
const FIELDS = { instructions: "instructions", speed: "speed" };
const FORMATS: readonly SoundFormat[] = ["mp3", "opus", "aac", "flac", "wav", "pcm"];
const PCM_RATE = 24_000;
const MOST_BYTES = 256 * 1_048_576;

/** `POST …/audio/speech`, as https://platform.openai.com/docs/api-reference/audio/createSpeech has it. */
export function speech(ctx: Context): Provider<"plinth.speech"> {
  return {
    status: listing.status,
    models: (input) => listing.models<SpeechModel>(input),
    voices: (input) => ({ voices: knownVoices(endpointOf(input), input) }),
    async *speak(request, { signal }) {
      const { server, unsupported, exchange } = new PurposeCall<SpeechModel>(ctx, request, signal);
      const { title, model, quirks } = server;
      const format = soundFormat(server, request, FORMATS);
      const formats = quirks.formats as Record<string, string> | undefined;
      const asked = { ...fieldsFor(server, request, unsupported, { names: OPTIONAL, fields: FIELDS }), response_format: formats?.[format] ?? format };
      const parts = partsToSay(request.lines, server.known?.maxCharacters, usualVoice(server, request));
      const rate = format === "pcm" ? Number(request.sampleRate ?? quirks.pcmRate ?? PCM_RATE) : request.sampleRate;
      const voiceField = String(quirks.voiceField ?? "voice");
      const headers = { "content-type": "application/json", ...server.endpoint.headers };
      yield* speaking({
        ...{ exchange, title, format, parts, unsupported },
        ...(rate === undefined ? {} : { sampleRate: rate }),
        ask: ({ text, voice }) =>
          exchange.ask(server.url("/audio/speech"), {
            ...{ method: "POST", headers, maxBytes: MOST_BYTES },
            body: JSON.stringify({ model, input: text, [voiceField]: voice, ...asked }),
          }),
      });
    },
  };
}
