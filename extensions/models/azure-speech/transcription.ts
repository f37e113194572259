import type { Context, Provider, Segment, TranscriptionItem, TranscriptionModel, TranscriptionRequest } from "@plinth/sdk";
import { failure, fieldsFor, form, listing, PurposeCall, type PurposeServer, ticking, type Unsupported } from "@plinth/sdk/kits/model-api";

const VERSION = "2025-10-15";
const OPTIONAL = ["prompt", "temperature", "terms", "timings", "speakers", "channels", "verbatim", "redact", "translateTo"];
const APART = Object.fromEntries(["terms", "timings", "speakers", "channels", "verbatim", "redact"].map((name) => [name, name]));
/** The server takes 250 MB; this is what is held at once here. */
const MOST_BYTES = 25 * 1_048_576;
const ASK_MS = 115_000;
const MOST = 100_000;

/** `POST /speechtotext/transcriptions:transcribe`, as https://learn.microsoft.com/azure/ai-services/speech-service/fast-transcription-create has it. */
export function transcription(ctx: Context): Provider<"plinth.transcription"> {
  return {
    status: listing.status,
    models: (input) => listing.models<TranscriptionModel>(input),
    async *transcribe(request, { signal }): AsyncGenerator<TranscriptionItem> {
      const call = new PurposeCall<TranscriptionModel>(ctx, request, signal);
      const { server, unsupported, exchange } = call;
      const definition = definitionOf(server, request, unsupported);
      yield* unsupported.warnings;
      const bytes = await call.read(request.audio, "audio", MOST_BYTES);
      const { body, type } = await form({ definition }, [{ field: "audio", bytes, part: request.audio }]);
      const headers = { ...server.endpoint.headers, accept: "application/json", "content-type": type };
      const url = server.url(`/speechtotext/transcriptions:transcribe?api-version=${VERSION}`);
      const progress: TranscriptionItem = { type: "progress" };
      const response = yield* ticking(ctx.clock, exchange.ask(url, { method: "POST", headers, body, timeoutMs: ASK_MS }), progress, signal);
      yield* transcriptIn(yield* ticking(ctx.clock, exchange.read(response), progress, signal), server.title);
    },
  };
}

interface Wishes {
  terms?: string[];
  speakers?: { max?: number };
  channels?: boolean;
  verbatim?: boolean;
  redact?: string[];
}

/** What is wanted, in the server's words. Without a language it finds out which is spoken. */
function definitionOf(server: PurposeServer<TranscriptionModel>, request: TranscriptionRequest, unsupported: Unsupported): object {
  const { terms, speakers, channels, verbatim, redact } = fieldsFor(server, request, unsupported, { names: OPTIONAL, fields: APART }) as Wishes;
  const locales = (request.languages ?? []).filter((one) => one.includes("-"));
  const bare = request.languages?.find((one) => !one.includes("-"));
  if (bare !== undefined) unsupported.leave("languages", `the language ${bare} without a country, such as en-US`);
  const others = redact?.find((one) => one !== "profanity");
  if (others !== undefined) unsupported.leave("redact", `"${others}" to leave out`);
  const profanity = redact?.includes("profanity") === true ? "Removed" : verbatim === true ? "None" : undefined;
  return {
    ...(locales.length === 0 ? {} : { locales }),
    ...(speakers === undefined ? {} : { diarization: { enabled: true, ...(speakers.max === undefined ? {} : { maxSpeakers: speakers.max }) } }),
    ...(channels === undefined ? {} : { channels: [0, 1] }),
    ...(profanity === undefined ? {} : { profanityFilterMode: profanity }),
    ...(terms === undefined ? {} : { phraseList: { phrases: terms } }),
  };
}

const rowsOf = (value: unknown): any[] => (Array.isArray(value) ? value.slice(0, MOST) : []);
const isTime = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value) && value >= 0;

function* transcriptIn(answer: any, title: string): Generator<TranscriptionItem> {
  const whole = rowsOf(answer?.combinedPhrases);
  const phrases = rowsOf(answer?.phrases);
  if (!Array.isArray(answer?.combinedPhrases) || whole.some((one) => typeof one?.text !== "string"))
    throw failure("STREAM", `${title} answered without a transcript.`, { details: { retryable: false } });
  const segments = phrases.flatMap(segmentOf).sort((a, b) => (a.start ?? 0) - (b.start ?? 0));
  for (const segment of segments) yield { type: "segment", segment };
  const seconds = isTime(answer.durationMilliseconds) ? answer.durationMilliseconds / 1_000 : undefined;
  if (seconds !== undefined) yield { type: "usage", usage: { seconds } };
  const language = phrases[0]?.locale;
  yield {
    type: "end",
    text: whole.map(({ text }) => text.trim()).join("\n"),
    ...(typeof language === "string" && /^[A-Za-z]{2,3}(-\w+)*$/.test(language) ? { language } : {}),
    ...(seconds === undefined ? {} : { seconds }),
  };
}

function segmentOf(row: any): Segment[] {
  if (typeof row?.text !== "string") return [];
  const { text, channel, speaker, locale, confidence, words } = row;
  return [
    {
      text: text.trim(),
      ...times(row),
      ...(Number.isInteger(channel) && channel >= 0 ? { channel } : {}),
      ...(Number.isInteger(speaker) ? { speaker: String(speaker) } : {}),
      ...(typeof locale === "string" && locale.length >= 2 && locale.length <= 35 ? { language: locale } : {}),
      ...(isTime(confidence) && confidence <= 1 ? { confidence } : {}),
      words: rowsOf(words).flatMap((word) => {
        const { start, end } = times(word);
        return typeof word?.text === "string" && start !== undefined && end !== undefined ? [{ text: word.text, start, end }] : [];
      }),
    },
  ];
}

const times = ({ offsetMilliseconds: from, durationMilliseconds: long }: any): { start?: number; end?: number } =>
  isTime(from) && isTime(long) ? { start: from / 1_000, end: (from + long) / 1_000 } : {};
