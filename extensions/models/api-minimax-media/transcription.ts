import type { Context, FetchResponse, Provider, TranscriptionItem, TranscriptionModel, TranscriptionRequest } from "@plinth/sdk";
import { type Exchange, failure, form, isAmount, listing, PurposeCall, ticking } from "@plinth/sdk/kits/model-api";
import { answerOf } from "./answer.ts";
import { eventsOf } from "./events.ts";
import { transcriptIn } from "./transcript.ts";

/** What it does not mind. */
const NEVER = ["prompt", "terms", "temperature", "channels", "verbatim", "redact", "translateTo"];
const MOST_BYTES = 50 * 1_048_576;
const ASK_MS = 170_000;

/** `POST /v1/speech_to_text`, as https://platform.minimax.io/docs/guides/speech-to-text has it. */
export function transcription(ctx: Context): Provider<"plinth.transcription"> {
  return {
    status: listing.status,
    models: (input) => listing.models<TranscriptionModel>(input),
    async *transcribe(request, { signal }): AsyncGenerator<TranscriptionItem> {
      const call = new PurposeCall<TranscriptionModel>(ctx, request, signal);
      const { exchange, server, unsupported } = call;
      const { fields, language } = wishesOf(call, request);
      yield* unsupported.warnings;
      const bytes = await call.read(request.audio, "audio", server.known?.maxBytes ?? MOST_BYTES);
      const { body, type } = await form(fields, [{ field: "file", bytes, part: request.audio }]);
      const streamed = fields.stream === true;
      const headers = {
        ...{ ...server.endpoint.headers, accept: streamed ? "text/event-stream" : "application/json", "content-type": type },
        // It goes by the header, and does not look at a field of that name.
        ...(language === undefined ? {} : { language }),
      };
      const progress: TranscriptionItem = { type: "progress" };
      const asking = exchange.ask(server.url("/speech_to_text"), { method: "POST", headers, body, timeoutMs: ASK_MS });
      const response = yield* ticking(ctx.clock, asking, progress, signal);
      if (streamed) return yield* heard(exchange, response, server.title);
      const answer = yield* ticking(ctx.clock, answerOf(exchange, response, server.title), progress, signal);
      yield* transcriptIn(answer, request.timings === "word", server.title);
    },
  };
}

/** What is wanted, in the server's words. It streams what has neither times nor speakers. */
function wishesOf({ server, unsupported }: PurposeCall<TranscriptionModel>, request: TranscriptionRequest) {
  const { languages = [], timings, speakers, vendor = {} } = request;
  for (const name of NEVER) {
    const value = request[name as "channels"];
    if (value !== undefined && value !== false) unsupported.leave(name, `"${name}"`);
  }
  if (languages.length > 1) unsupported.leave("languages", "more than one language at once");
  const detailed = timings !== undefined || speakers !== undefined;
  const fields: Record<string, unknown> = {
    model: server.model,
    ...(detailed
      ? { response_format: "verbose_json", timestamp_level: timings === "word" ? "word" : "sentence" }
      : { response_format: "json", stream: true }),
    ...(Object.hasOwn(vendor, server.endpoint.vendor) ? (vendor[server.endpoint.vendor] as object) : {}),
  };
  const [tag, region] = languages.length === 1 ? languages[0]!.split("-") : [];
  return { fields, language: tag === undefined ? undefined : tag.toLowerCase() === "zh" && region === "HK" ? "yue" : tag.toLowerCase() };
}

/** A transcript that comes while it is written. */
async function* heard(exchange: Exchange, response: FetchResponse, title: string): AsyncGenerator<TranscriptionItem> {
  let text = "";
  for await (const event of eventsOf(exchange, response, title)) {
    // One that does not stream says all of it at once.
    const said = event?.delta ?? event?.text;
    if (typeof said === "string" && said !== "") {
      text += said;
      yield { type: "text", delta: said };
    }
    if (event?.finish === true || typeof event?.text === "string") {
      const { duration } = event;
      const known = isAmount(duration);
      if (known) yield { type: "usage", usage: { seconds: duration } };
      return yield { type: "end", text: text.trim(), ...(known ? { seconds: duration } : {}) };
    }
  }
  throw failure("STREAM", `${title} broke off before the end of its transcript.`);
}
