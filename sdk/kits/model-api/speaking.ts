import { fromBase64, toBase64 } from "@plinth/manifests/wire/bytes.ts";
import type { FetchResponse, MeteredUsage, PurposeEndpoint, SpeechItem, SpeechModel, SpeechRequest, Voice } from "../../extension/index.ts";
import type { Exchange } from "./exchange.ts";
import { failure } from "./failure.ts";
import type { PurposeServer } from "./purpose-server.ts";
import type { PartToSay } from "./speech-text.ts";
import type { Unsupported } from "./support.ts";

export type SoundFormat = NonNullable<SpeechRequest["format"]>;
export type SpokenTiming = Extract<SpeechItem, { type: "timing" }>;

const TYPES: Readonly<Record<SoundFormat, string>> = {
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
const JOINED: readonly SoundFormat[] = ["mp3", "aac", "pcm", "mulaw", "alaw"];
/** Bytes of a sample, where there is nothing else. */
const SAMPLE: { readonly [format in SoundFormat]?: number } = { pcm: 2, mulaw: 1, alaw: 1 };
/** `OggS` */
const OGG = [0x4f, 0x67, 0x67, 0x53];
/** Bytes of one item. */
const PIECE = 786_432;

/** What kind of sound it is, as MIME has it. */
export const soundType = (format: SoundFormat): string => TYPES[format];

export const voicesOf = ({ voices = [] }: PurposeEndpoint): Voice[] => voices as Voice[];

const canSpeak = ({ models }: Voice, model: string | undefined): boolean => models === undefined || model === undefined || models.includes(model);

/** The voices of the vendor's data that can speak with a model, and a language. */
export const knownVoices = (endpoint: PurposeEndpoint, { model, language }: { model?: string; language?: string }): Voice[] =>
  voicesOf(endpoint).filter((voice) => canSpeak(voice, model) && (language === undefined || (voice.languages?.includes(language) ?? true)));

/** Whose voice speaks where a line names none: the first of the data. Empty where each names one. */
export function usualVoice({ endpoint, model, title }: PurposeServer<SpeechModel>, { lines }: Pick<SpeechRequest, "lines">): string {
  const first = knownVoices(endpoint, { model })[0]?.id;
  if (first !== undefined) return first;
  if (lines.every(({ voice }) => voice !== undefined)) return "";
  throw failure("REQUEST", `${title} needs the name of a voice.`, { next: "Name one.", details: { param: "lines" } });
}

/** The format that is asked for, or the usual one. Another one would be no use to whoever asked for this. */
export function soundFormat(
  { known, model, title }: PurposeServer<SpeechModel>,
  { format }: Pick<SpeechRequest, "format">,
  usual: readonly SoundFormat[],
): SoundFormat {
  const formats = known?.formats ?? usual;
  if (format === undefined) return formats.includes("mp3") ? "mp3" : (formats[0] ?? "mp3");
  if (formats.includes(format)) return format;
  throw failure("UNSUPPORTED", `${title} cannot make the format ${format} with ${model}.`, {
    next: `Ask for one of: ${formats.join(", ")}.`,
    details: { param: "format", retryable: false },
  });
}

export interface Speaking {
  exchange: Exchange;
  /** As errors name the server. */
  title: string;
  format: SoundFormat;
  /** In hertz; needed for pcm, mulaw and alaw. */
  sampleRate?: number;
  /** What is said. Of a format that cannot be joined only the first is, and the rest is left out. */
  parts: readonly PartToSay[];
  unsupported: Unsupported;
  /** Resolves to a good answer. */
  ask(part: PartToSay, at: number, parts: readonly PartToSay[]): Promise<FetchResponse>;
  /** What is in an answer. Default: sound, as it is. */
  read?(response: FetchResponse, at: number): AsyncIterable<Uint8Array | SpokenTiming>;
  /** What an answer says that it took, beside the characters. */
  took?(response: FetchResponse): MeteredUsage;
}

/** Says one part after the other, as one recording. */
export async function* speaking(way: Speaking): AsyncGenerator<SpeechItem> {
  const { exchange, title, format, sampleRate, unsupported, ask, took } = way;
  if (way.parts.length > 1 && !JOINED.includes(format)) unsupported.leave("lines", `lines of several voices, or so many characters, as ${format}`);
  const parts = JOINED.includes(format) ? way.parts : way.parts.slice(0, 1);
  const read = way.read ?? ((response: FetchResponse) => soundOf(exchange, response, title));
  const usage: MeteredUsage = { characters: parts.reduce((sum, { text }) => sum + text.length, 0) };
  let bytes = 0;
  for (const [at, part] of parts.entries()) {
    const response = await ask(part, at, parts);
    const items = read(response, at);
    if (at === 0) {
      yield { type: "start", mimeType: TYPES[format], format, ...(sampleRate === undefined ? {} : { sampleRate }) };
      yield* unsupported.warnings;
    }
    for await (const item of items) {
      if (!(item instanceof Uint8Array)) yield item;
      else {
        if (bytes === 0) assertIs(format, item, title);
        bytes += item.length;
        for (let from = 0; from < item.length; from += PIECE) yield { type: "audio", base64: toBase64(item.subarray(from, from + PIECE)) };
      }
    }
    for (const [name, value] of Object.entries(took?.(response) ?? {})) usage[name as "credits"] = (usage[name as "credits"] ?? 0) + value;
  }
  if (bytes === 0) throw failure("STREAM", `${title} sent no sound.`);
  yield { type: "usage", usage };
  const size = SAMPLE[format];
  yield { type: "end", ...(size === undefined || sampleRate === undefined ? {} : { seconds: bytes / size / sampleRate }) };
}

/** Sound of a server that tells it as text. */
export function soundBytes(base64: unknown, title: string): Uint8Array {
  try {
    return fromBase64(String(base64));
  } catch (cause) {
    throw failure("STREAM", `${title} sent sound that is not base64.`, { cause });
  }
}

function soundOf(exchange: Exchange, response: FetchResponse, title: string): AsyncIterable<Uint8Array> {
  if (/^(application\/json|text\/)/.test(response.headers["content-type"] ?? ""))
    throw failure("STREAM", `${title} answered without sound.`, { details: { retryable: false } });
  return exchange.pieces(response);
}

/** Opus in another container than Ogg is no use to whoever is told that it is in Ogg. */
function assertIs(format: SoundFormat, first: Uint8Array, title: string): void {
  if (format !== "opus" || first.length < OGG.length || OGG.every((byte, at) => first[at] === byte)) return;
  throw failure("STREAM", `${title} sent opus that is not in Ogg.`, { details: { retryable: false } });
}
