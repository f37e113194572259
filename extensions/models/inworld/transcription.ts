import type { Context, Provider, TranscriptionItem, TranscriptionModel } from "@plinth/sdk";
import { failure, fieldsFor, isAmount, listing, PurposeCall, ticking } from "@plinth/sdk/kits/model-api";
import { toBase64 } from "@plinth/sdk/wire";

const OPTIONAL = ["prompt", "temperature", "terms", "timings", "speakers", "channels", "verbatim", "redact", "translateTo"];
/** In bytes; a third more goes out, because the server takes text. */
const MOST_BYTES = 8 * 1_048_576;
const ASK_MS = 115_000;
const MOST = 100_000;

/** `POST /stt/v1/transcribe`, as https://docs.inworld.ai and the vendor's own examples have it. */
export function transcription(ctx: Context): Provider<"plinth.transcription"> {
  return {
    status: listing.status,
    models: (input) => listing.models<TranscriptionModel>(input),
    async *transcribe(request, { signal }): AsyncGenerator<TranscriptionItem> {
      const call = new PurposeCall<TranscriptionModel>(ctx, request, signal);
      const { server, unsupported, exchange } = call;
      const { languages = [] } = request;
      const { timings, ...more } = fieldsFor(server, request, unsupported, { names: OPTIONAL, fields: { timings: "timings" } });
      if (languages.length > 1) unsupported.leave("languages", "more than one language at once");
      yield* unsupported.warnings;
      const bytes = await call.read(request.audio, "audio", MOST_BYTES);
      const transcribeConfig = {
        ...{ modelId: server.model, audioEncoding: "AUTO_DETECT" },
        ...(languages.length === 1 ? { language: languages[0] } : {}),
        ...(timings === undefined ? {} : { includeWordTimestamps: true }),
        ...more,
      };
      const body = JSON.stringify({ transcribeConfig, audioData: { content: toBase64(bytes) } });
      const headers = { accept: "application/json", "content-type": "application/json", ...server.endpoint.headers };
      const progress: TranscriptionItem = { type: "progress" };
      const asking = exchange.ask(server.url("/stt/v1/transcribe"), { method: "POST", headers, body, timeoutMs: ASK_MS });
      const response = yield* ticking(ctx.clock, asking, progress, signal);
      yield* transcriptIn(yield* ticking(ctx.clock, exchange.read(response), progress, signal), server.title);
    },
  };
}

function* transcriptIn(answer: any, title: string): Generator<TranscriptionItem> {
  const { transcript, wordTimestamps } = answer?.transcription ?? {};
  if (typeof transcript !== "string") throw failure("STREAM", `${title} answered without a transcript.`, { details: { retryable: false } });
  const text = transcript.trim();
  const words = (Array.isArray(wordTimestamps) ? wordTimestamps.slice(0, MOST) : []).flatMap((row: any) => {
    const [start, end] = [Number(row?.startTimeMs) / 1_000, Number(row?.endTimeMs) / 1_000];
    return typeof row?.word === "string" && start >= 0 && end >= start ? [{ text: row.word, start, end }] : [];
  });
  if (words.length > 0) yield { type: "segment", segment: { text, start: words[0]!.start, end: words.at(-1)!.end, words } };
  const ms: unknown = answer.usage?.transcribedAudioMs;
  const seconds = isAmount(ms) ? ms / 1_000 : undefined;
  if (seconds !== undefined) yield { type: "usage", usage: { seconds } };
  yield { type: "end", text, ...(seconds === undefined ? {} : { seconds }) };
}
