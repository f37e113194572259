import type { Context, Provider, TranscriptionItem, TranscriptionModel, TranscriptionRequest } from "@plinth/sdk";
import { fieldsFor, form, listing, PurposeCall, type PurposeServer, ticking, type Unsupported } from "@plinth/sdk/kits/model-api";
import { transcriptIn } from "./transcript.ts";

const OPTIONAL = ["prompt", "terms", "timings", "speakers", "channels", "redact", "translateTo", "temperature"];
const FIELDS = { terms: "keyterms", timings: "timestamps_granularity", channels: "use_multi_channel", temperature: "temperature" };
/** What is told by several fields, or by other values. */
const APART = { speakers: "speakers", redact: "redact" };
/** The server takes 5 GB; this is what is held at once here. */
const MOST_BYTES = 25 * 1_048_576;
const ASK_MS = 115_000;

/** `POST /v1/speech-to-text`, as https://elevenlabs.io/docs/api-reference/speech-to-text/convert has it. */
export function transcription(ctx: Context): Provider<"plinth.transcription"> {
  return {
    status: listing.status,
    models: (input) => listing.models<TranscriptionModel>(input),
    async *transcribe(request, { signal }): AsyncGenerator<TranscriptionItem> {
      const call = new PurposeCall<TranscriptionModel>(ctx, request, signal);
      const { server, unsupported, exchange } = call;
      const fields = wishesOf(server, request, unsupported);
      yield* unsupported.warnings;
      const bytes = await call.read(request.audio, "audio", MOST_BYTES);
      const { body, type } = await form(fields, [{ field: "file", bytes, part: request.audio }]);
      const headers = { ...server.endpoint.headers, accept: "application/json", "content-type": type };
      const progress: TranscriptionItem = { type: "progress" };
      const asking = exchange.ask(server.url("/v1/speech-to-text"), { method: "POST", headers, body, timeoutMs: ASK_MS });
      const response = yield* ticking(ctx.clock, asking, progress, signal);
      yield* transcriptIn(yield* ticking(ctx.clock, exchange.read(response), progress, signal), server.title);
    },
  };
}

/** What is wanted, in the server's words. */
function wishesOf(server: PurposeServer<TranscriptionModel>, request: TranscriptionRequest, unsupported: Unsupported): Record<string, unknown> {
  const { languages = [], verbatim } = request;
  const { speakers, redact, timestamps_granularity, ...fields } = fieldsFor(server, request, unsupported, {
    names: OPTIONAL,
    fields: { ...FIELDS, ...APART },
  }) as { speakers?: { max?: number }; redact?: string[]; timestamps_granularity?: string };
  if (languages.length > 1) unsupported.leave("languages", "more than one language at once");
  const language = languages.length === 1 ? languages[0]!.split("-")[0]!.toLowerCase() : undefined;
  const cleans = server.known?.takes === undefined || server.known.takes.includes("verbatim");
  if (verbatim === false && !cleans) unsupported.leave("verbatim", `a transcript without every um with ${server.model}`);
  return {
    model_id: server.model,
    ...(language === undefined ? {} : { language_code: language }),
    ...(speakers === undefined ? {} : { diarize: true, ...(speakers.max === undefined ? {} : { num_speakers: speakers.max }) }),
    // Segments are made of words, so that the time of each is always asked for.
    timestamps_granularity: "word",
    ...(verbatim === false && cleans ? { no_verbatim: true } : {}),
    ...(redact === undefined ? {} : { entity_detection: redact, entity_redaction: redact }),
    ...fields,
  };
}
