import type { Context, Provider, SpeechModel, SpeechRequest, Voice } from "@plinth/sdk";
import {
  Exchange,
  endpointOf,
  failure,
  fieldsFor,
  knownVoices,
  listing,
  type OfferedSound,
  offeredSound,
  type PartToSay,
  PurposeCall,
  partsToSay,
  type SoundFormat,
  soundFormat,
  speaking,
  usualVoice,
  wellFormed,
} from "@plinth/sdk/kits/model-api";
import { localeOf, ssmlOf } from "./ssml.ts";

/** What is not said: whether it is left out is asked of each. */
const OPTIONAL = ["markup", "language", "instructions", "speed", "before", "after", "timings", "seed", "sampleRate", "bitRate"];
const APART = Object.fromEntries(["markup", "language", "speed", "sampleRate", "bitRate"].map((name) => [name, name]));
const USUAL: readonly SoundFormat[] = ["mp3", "opus", "wav", "pcm", "mulaw", "alaw"];
/** After ten minutes the server ends a recording without a word: this many characters are said in less, slowly too. */
const CHARACTERS = 3_500;
const MOST_BYTES = 256 * 1_048_576;
const MOST_VOICES = 1_000;

const mp3 = (kilohertz: number, kilobits: number): OfferedSound => ({
  ...{ name: `audio-${kilohertz}khz-${kilobits}kbitrate-mono-mp3`, hertz: kilohertz * 1_000, bits: kilobits * 1_000 },
});
const rates = (make: (rate: string) => string, ...all: readonly [string, number][]): OfferedSound[] =>
  all.map(([word, hertz]) => ({ name: make(word), hertz }));
const PCM: readonly [string, number][] = [
  ["24khz", 24_000],
  ["8khz", 8_000],
  ["16khz", 16_000],
  ["22050hz", 22_050],
  ["44100hz", 44_100],
  ["48khz", 48_000],
];

/** The values of `X-Microsoft-OutputFormat` that are ours, the usual first (https://learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech). */
const OFFERED: { readonly [format in SoundFormat]?: readonly OfferedSound[] } = {
  mp3: [mp3(24, 96), mp3(24, 48), mp3(24, 160), mp3(16, 32), mp3(16, 64), mp3(16, 128), mp3(48, 96), mp3(48, 192)],
  opus: rates((rate) => `ogg-${rate}-16bit-mono-opus`, ["24khz", 24_000], ["16khz", 16_000], ["48khz", 48_000]),
  wav: rates((rate) => `riff-${rate}-16bit-mono-pcm`, ...PCM.filter(([, hertz]) => hertz !== 16_000)),
  pcm: rates((rate) => `raw-${rate}-16bit-mono-pcm`, ...PCM),
  mulaw: [{ name: "raw-8khz-8bit-mono-mulaw", hertz: 8_000 }],
  alaw: [{ name: "raw-8khz-8bit-mono-alaw", hertz: 8_000 }],
};

/** `POST /cognitiveservices/v1` with SSML. */
export function speech(ctx: Context): Provider<"plinth.speech"> {
  return {
    status: listing.status,
    models: (input) => listing.models<SpeechModel>(input),
    async voices({ language, ...input }, { signal }) {
      const { title, baseUrl, headers } = endpointOf(input);
      const exchange = new Exchange({ fetch: (url, options) => ctx.fetch(url, options), title, signal });
      const rows = await exchange.json(`${baseUrl}/cognitiveservices/voices/list`, headers);
      if (!Array.isArray(rows)) throw failure("STREAM", `${title} answered without voices.`, { details: { retryable: false } });
      const base = language?.split("-")[0]?.toLowerCase();
      const speaks = ({ languages = [] }: Voice) => base === undefined || languages.some((one) => one.toLowerCase().split("-")[0] === base);
      const voices = new Map(
        rows
          .flatMap(voiceOf)
          .filter(speaks)
          .map((voice) => [voice.id, voice]),
      );
      return { voices: [...voices.values()].slice(0, MOST_VOICES) };
    },
    async *speak(request, { signal }) {
      const { server, unsupported, exchange } = new PurposeCall<SpeechModel>(ctx, request, signal);
      const { title } = server;
      const format = soundFormat(server, request, USUAL);
      const { speed, language, sampleRate, bitRate, style } = fieldsFor(server, request, unsupported, { names: OPTIONAL, fields: APART }) as Wishes;
      const output = offeredSound(OFFERED[format] ?? OFFERED.mp3!, { sampleRate, bitRate }, unsupported);
      const marked = request.markup === "ssml";
      const usual = voiceFor(language) ?? usualVoice(server, request);
      const documents = marked
        ? request.lines.map(({ text, voice = usual }) => [{ text: wellFormed(text), voice }])
        : documentsOf(request.lines, usual);
      const headers = {
        ...server.endpoint.headers,
        ...{ "content-type": "application/ssml+xml", "user-agent": "Plinth", "x-microsoft-outputformat": output.name },
      };
      yield* speaking({
        ...{ exchange, title, format, unsupported, sampleRate: output.hertz },
        parts: documents.map((all) => ({ text: all.map(({ text }) => text).join("\n"), voice: "" })),
        ask(_part, at) {
          const body = ssmlOf(documents[at]!, { speed, language, style, marked });
          return exchange.ask(server.url("/cognitiveservices/v1"), { method: "POST", headers, body, maxBytes: MOST_BYTES });
        },
      });

      /** One whose language it is, where it is known; a voice of several languages can be told any. */
      function voiceFor(wanted: string | undefined): string | undefined {
        const all = knownVoices(server.endpoint, {});
        if (wanted === undefined) return undefined;
        return (all.find(({ id }) => localeOf(id) === wanted) ?? all.find(({ languages }) => languages === undefined))?.id;
      }
    },
  };
}

interface Wishes {
  speed?: number;
  language?: string;
  sampleRate?: number;
  bitRate?: number;
  /** The vendor's own. */
  style?: string;
}

/** Voices change within a document, so that most conversations are one recording in any format. */
function documentsOf(lines: SpeechRequest["lines"], usual: string): PartToSay[][] {
  const documents: PartToSay[][] = [];
  let left = 0;
  for (const part of partsToSay(lines, CHARACTERS, usual)) {
    if (part.text.length > left) {
      documents.push([]);
      left = CHARACTERS;
    }
    documents.at(-1)!.push(part);
    left -= part.text.length;
  }
  return documents;
}

function voiceOf(row: any): Voice[] {
  const { ShortName: id, DisplayName: title, Locale: locale, SecondaryLocaleList: others, Gender: gender, VoiceType: type } = row ?? {};
  if (typeof id !== "string" || id === "" || id.length > 256) return [];
  const languages = [locale, ...(Array.isArray(others) ? others : [])].filter(
    (one): one is string => typeof one === "string" && one.length >= 2 && one.length <= 35,
  );
  const labels = Object.entries({ gender, type }).filter((pair): pair is [string, string] => typeof pair[1] === "string");
  return [
    {
      ...{ id, title: (typeof title === "string" && title !== "" ? title : id).slice(0, 200) },
      ...(languages.length === 0 ? {} : { languages: languages.slice(0, 500) }),
      ...(labels.length === 0 ? {} : { labels: Object.fromEntries(labels.map(([name, value]) => [name, value.slice(0, 200)])) }),
    },
  ];
}
