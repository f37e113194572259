import type { Context, Provider, TranscriptionItem, TranscriptionModel, TranscriptionRequest } from "@plinth/sdk";
import { fieldsFor, listing, PurposeCall, type PurposeServer, ticking, type Unsupported } from "@plinth/sdk/kits/model-api";
import { transcriptIn } from "./transcript.ts";

const OPTIONAL = ["prompt", "temperature", "terms", "timings", "speakers", "channels", "verbatim", "redact", "translateTo"];
const FIELDS = { terms: "keyterm", channels: "multichannel", verbatim: "filler_words" };
/** What is told by other values, or comes anyway. */
const APART = { timings: "timings", speakers: "speakers", redact: "redact" };
/** The server takes 2 GB; this is what is held at once here. */
const MOST_BYTES = 25 * 1_048_576;
const ASK_MS = 115_000;

/** `POST /v1/listen` with the recording as its body, as https://developers.deepgram.com/reference/speech-to-text/listen-pre-recorded has it. */
export function transcription(ctx: Context): Provider<"plinth.transcription"> {
  return {
    status: listing.status,
    models: (input) => listing.models<TranscriptionModel>(input),
    async *transcribe(request, { signal }): AsyncGenerator<TranscriptionItem> {
      const call = new PurposeCall<TranscriptionModel>(ctx, request, signal);
      const { server, unsupported, exchange } = call;
      const query = wishesOf(server, request, unsupported);
      yield* unsupported.warnings;
      const body = await call.read(request.audio, "audio", MOST_BYTES);
      const type = request.audio.mimeType.toLowerCase();
      const headers = { ...server.endpoint.headers, accept: "application/json", "content-type": type };
      const progress: TranscriptionItem = { type: "progress" };
      const asking = exchange.ask(server.url(`/v1/listen?${query}`), { method: "POST", headers, body, timeoutMs: ASK_MS });
      const response = yield* ticking(ctx.clock, asking, progress, signal);
      yield* transcriptIn(yield* ticking(ctx.clock, exchange.read(response), progress, signal), server.title);
    },
  };
}

/** What is wanted, in the server's words. A field with a list is there once for each. */
function wishesOf(server: PurposeServer<TranscriptionModel>, request: TranscriptionRequest, unsupported: Unsupported): URLSearchParams {
  const { languages = [] } = request;
  const {
    speakers,
    redact = [],
    timings: _,
    ...fields
  } = fieldsFor(server, request, unsupported, { names: OPTIONAL, fields: { ...FIELDS, ...APART } }) as {
    speakers?: object;
    redact?: string[];
    timings?: string;
  };
  const kinds = redact.filter((kind) => kind !== "profanity");
  const asked: Record<string, unknown> = {
    model: server.model,
    ...{ smart_format: true, punctuate: true, utterances: true },
    ...(languages.length === 1 ? { language: languages[0] } : { detect_language: languages.length === 0 ? true : languages }),
    ...(speakers === undefined ? {} : { diarize: true }),
    ...(kinds.length === 0 ? {} : { redact: kinds }),
    ...(kinds.length < redact.length ? { profanity_filter: true } : {}),
    ...fields,
  };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(asked)) for (const one of [value].flat()) query.append(name, String(one));
  return query;
}
