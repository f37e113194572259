import type { Context, Provider, TranscriptionItem, TranscriptionModel, TranscriptionRequest } from "@plinth/sdk";
import { failure, listing, PurposeCall, ticking } from "@plinth/sdk/kits/model-api";
import { inlineOf, isCount, madeIn, methodUrl, vendorWishes } from "./content.ts";
import { transcriptIn } from "./transcript.ts";

/** What it does not mind. */
const NEVER = ["prompt", "temperature", "channels", "redact", "translateTo"];
const ASK_MS = 115_000;
/** As base64 within a request of 20 MB, which every model takes. */
const MOST_BYTES = 14 * 1_048_576;
const MOST_ANSWER = 16 * 1_048_576;

/** `…:generateContent` of models that write down what is said: https://ai.google.dev/gemini-api/docs/generate-content/transcribe */
export function transcription(ctx: Context): Provider<"plinth.transcription"> {
  return {
    status: listing.status,
    models: (input) => listing.models<TranscriptionModel>(input),
    async *transcribe(request, { signal }): AsyncGenerator<TranscriptionItem> {
      const call = new PurposeCall<TranscriptionModel>(ctx, request, signal);
      const { exchange, server, unsupported } = call;
      const audioTranscriptionConfig = wishesOf(call, request);
      yield* unsupported.warnings;
      const bytes = await call.read(request.audio, "audio", server.known?.maxBytes ?? MOST_BYTES);
      const body = JSON.stringify({
        contents: [{ role: "user", parts: [inlineOf(bytes, request.audio.mimeType)] }],
        generationConfig: { audioTranscriptionConfig, ...vendorWishes(request, server) },
      });
      const headers = { accept: "application/json", "content-type": "application/json", ...server.endpoint.headers };
      const asking = exchange
        .ask(methodUrl(server, "generateContent"), { method: "POST", headers, body, timeoutMs: ASK_MS, maxBytes: MOST_ANSWER })
        .then((response) => exchange.read(response));
      const answer: any = yield* ticking(ctx.clock, asking, { type: "progress" }, signal);
      const made = madeIn(answer, server.title);
      if (made.withheld !== undefined) throw failure("FILTER", `${server.title} withheld what is said: ${made.withheld.slice(0, 100)}.`);
      if (!isAnswer(answer)) throw failure("STREAM", `${server.title} sent no transcript.`, { details: { retryable: false } });
      yield* transcriptIn(made);
    },
  };
}

/** A recording in which nobody speaks has no parts; what is no answer has no candidate. */
const isAnswer = (answer: any): boolean =>
  Array.isArray(answer?.candidates) && typeof answer.candidates[0] === "object" && isCount(answer.candidates.length);

/** What is wanted, in the server's words. It takes names to expect, or tells times and speakers: not both. */
function wishesOf({ unsupported }: PurposeCall<TranscriptionModel>, request: TranscriptionRequest): object {
  const { languages = [], terms = [], timings, speakers } = request;
  for (const name of NEVER) {
    const value = request[name as "channels"];
    if (value !== undefined && value !== false) unsupported.leave(name, `"${name}"`);
  }
  if (timings === "segment") unsupported.leave("timings", "times of segments");
  const detailed = timings === "word" || speakers !== undefined;
  if (detailed && terms.length > 0) unsupported.leave("terms", "words to expect together with times or speakers");
  return {
    ...(languages.length === 0 ? {} : { languageCodes: languages }),
    ...(terms.length === 0 || detailed ? {} : { customVocabulary: terms }),
    ...(timings === "word" ? { wordTimestamp: true } : {}),
    ...(speakers === undefined ? {} : { diarization: true }),
  };
}
