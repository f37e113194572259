import type { Context, Provider, SpeechItem, SpeechModel, SpeechRequest, Voice } from "@plinth/sdk";
import { endpointOf, failure, fieldsFor, listing, PurposeCall, type PurposeServer, partsToSay } from "@plinth/sdk/kits/model-api";
import { toBase64 } from "@plinth/sdk/wire";

type Format = NonNullable<SpeechRequest["format"]>;

/** What is not said: whether it is left out is asked of each. */
const OPTIONAL = ["markup", "language", "instructions", "speed", "before", "after", "timings", "seed", "sampleRate", "bitRate"];
const FIELDS = { instructions: "instructions", speed: "speed" };
const TYPES: Readonly<Record<Format, string>> = {
  mp3: "audio/mpeg",
  opus: "audio/ogg",
  aac: "audio/aac",
  flac: "audio/flac",
  wav: "audio/wav",
  pcm: "audio/pcm",
  mulaw: "audio/basic",
  alaw: "audio/x-alaw-basic",
};
/** Recordings of these one after the other are one. */
const JOINED: readonly Format[] = ["mp3", "aac", "pcm", "mulaw", "alaw"];
const PCM_RATE = 24_000;
/** Bytes of one item. */
const PIECE = 786_432;
const MOST_BYTES = 256 * 1_048_576;

/** `POST …/audio/speech`, as https://platform.openai.com/docs/api-reference/audio/createSpeech has it. */
export function speech(ctx: Context): Provider<"plinth.speech"> {
  return {
    status: listing.status,
    models: (input) => listing.models<SpeechModel>(input),
    voices(input) {
      const all = voicesOf(input);
      const spoken = (voice: Voice) => input.language === undefined || voice.languages === undefined || voice.languages.includes(input.language);
      return { voices: all.filter((voice) => spoken(voice) && canSpeak(voice, input.model)) };
    },
    async *speak(request, { signal }): AsyncGenerator<SpeechItem> {
      const { server, unsupported, exchange } = new PurposeCall<SpeechModel>(ctx, request, signal);
      const format = formatOf(server, request);
      const asked = { ...fieldsFor(server, request, unsupported, { names: OPTIONAL, fields: FIELDS }), ...formatField(server, format) };
      const voice = defaultVoice(server, request);
      const parts = partsToSay(request.lines, server.known?.maxCharacters, voice);
      if (parts.length > 1 && !JOINED.includes(format)) unsupported.leave("lines", `lines of several voices, or so many characters, as ${format}`);
      const said = JOINED.includes(format) ? parts : parts.slice(0, 1);
      const rate = format === "pcm" ? Number(request.sampleRate ?? server.quirks.pcmRate ?? PCM_RATE) : request.sampleRate;
      let bytes = 0;
      for (const [at, part] of said.entries()) {
        const body = JSON.stringify({ model: server.model, input: part.text, [String(server.quirks.voiceField ?? "voice")]: part.voice, ...asked });
        const headers = { "content-type": "application/json", ...server.endpoint.headers };
        const response = await exchange.ask(server.url("/audio/speech"), { method: "POST", headers, body, maxBytes: MOST_BYTES });
        if (/^(application\/json|text\/)/.test(response.headers["content-type"] ?? ""))
          throw failure("STREAM", `${server.title} answered without sound.`, { details: { retryable: false } });
        if (at === 0) {
          yield { type: "start", mimeType: TYPES[format], format, ...(rate === undefined ? {} : { sampleRate: rate }) };
          yield* unsupported.warnings;
        }
        for await (const piece of exchange.pieces(response)) {
          bytes += piece.length;
          for (let from = 0; from < piece.length; from += PIECE) yield { type: "audio", base64: toBase64(piece.subarray(from, from + PIECE)) };
        }
      }
      if (bytes === 0) throw failure("STREAM", `${server.title} sent no sound.`);
      yield { type: "usage", usage: { characters: said.reduce((sum, { text }) => sum + text.length, 0) } };
      yield { type: "end", ...(format === "pcm" ? { seconds: bytes / 2 / Number(rate) } : {}) };
    },
  };
}

const voicesOf = (input: Parameters<typeof endpointOf>[0]): Voice[] => (endpointOf(input).voices ?? []) as Voice[];
const canSpeak = ({ models }: Voice, model: string | undefined): boolean => models === undefined || model === undefined || models.includes(model);

function defaultVoice({ endpoint, model, title }: PurposeServer<SpeechModel>, { lines }: SpeechRequest): string {
  const first = voicesOf({ endpoint }).find((voice) => canSpeak(voice, model))?.id;
  if (first !== undefined) return first;
  if (lines.every(({ voice }) => voice !== undefined)) return "";
  throw failure("REQUEST", `${title} needs the name of a voice.`, { next: "Name one.", details: { param: "lines" } });
}

/** Another one would be no use to whoever asked for this. */
function formatOf({ known, model, title }: PurposeServer<SpeechModel>, { format }: SpeechRequest): Format {
  const formats = known?.formats ?? (["mp3", "opus", "aac", "flac", "wav", "pcm"] satisfies Format[]);
  if (format === undefined) return formats.includes("mp3") ? "mp3" : (formats[0] ?? "mp3");
  if (formats.includes(format)) return format;
  throw failure("UNSUPPORTED", `${title} cannot make the format ${format} with ${model}.`, {
    next: `Ask for one of: ${formats.join(", ")}.`,
    details: { param: "format", retryable: false },
  });
}

const formatField = ({ quirks }: PurposeServer<SpeechModel>, format: Format) => ({
  response_format: (quirks.formats as Record<string, string> | undefined)?.[format] ?? format,
});
