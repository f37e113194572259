import type { Context, FetchResponse, Provider, TranscriptionItem, TranscriptionModel, TranscriptionRequest } from "@plinth/sdk";
import {
  EventStreamParser,
  type Exchange,
  failure,
  fieldsFor,
  form,
  listing,
  PurposeCall,
  type PurposeServer,
  ticking,
  type Unsupported,
} from "@plinth/sdk/kits/model-api";
import { transcriptIn, usageIn } from "./transcript.ts";

const OPTIONAL = ["prompt", "temperature", "channels", "verbatim", "redact"];
const FIELDS = { prompt: "prompt", temperature: "temperature" };
const MOST_BYTES = 25 * 1_048_576;
const ASK_MS = 115_000;

/** `POST …/audio/transcriptions`, as https://platform.openai.com/docs/api-reference/audio/createTranscription has it. */
export function transcription(ctx: Context): Provider<"plinth.transcription"> {
  return {
    status: listing.status,
    models: (input) => listing.models<TranscriptionModel>(input),
    async *transcribe(request, { signal }): AsyncGenerator<TranscriptionItem> {
      const call = new PurposeCall<TranscriptionModel>(ctx, request, signal);
      const { server, unsupported, exchange } = call;
      const { path, fields, streamed } = wishesOf(server, request, unsupported);
      yield* unsupported.warnings;
      const bytes = await call.read(request.audio, "audio", server.known?.maxBytes ?? MOST_BYTES);
      const { body, type } = await form(fields, [{ field: "file", bytes, part: request.audio }]);
      const headers = { ...server.endpoint.headers, accept: streamed ? "text/event-stream" : "application/json", "content-type": type };
      const progress: TranscriptionItem = { type: "progress" };
      const asking = exchange.ask(server.url(path), { method: "POST", headers, body, timeoutMs: ASK_MS });
      const response = yield* ticking(ctx.clock, asking, progress, signal);
      if (/^text\/event-stream/.test(response.headers["content-type"] ?? "")) return yield* heard(exchange, response, server.title);
      const answer = yield* ticking(ctx.clock, exchange.read(response), progress, signal);
      yield* transcriptIn(answer, server.title);
    },
  };
}

/** What is wanted, in the server's words. */
function wishesOf(server: PurposeServer<TranscriptionModel>, request: TranscriptionRequest, unsupported: Unsupported) {
  const { quirks, known, model } = server;
  const takes = (name: string): boolean => known?.takes === undefined || known.takes.includes(name);
  const { languages = [], terms = [], timings, speakers, translateTo, prompt } = request;
  // Names to expect have no field of their own: as OpenAI's guide has it, they stand in the prompt.
  const said = takes("prompt") ? { prompt: [prompt, terms.join(", ")].filter((one) => one !== undefined && one !== "").join(" ") || undefined } : {};
  if (terms.length > 0 && !takes("prompt")) unsupported.leave("terms", `words to expect with ${model}`);
  const rest = Object.fromEntries(Object.entries({ ...request, ...said }).filter(([, value]) => value !== undefined));
  const fields: Record<string, unknown> = {
    model,
    ...fieldsFor(server, rest, unsupported, { names: OPTIONAL, fields: FIELDS }),
  };
  if (languages.length > 1) unsupported.leave("languages", "more than one language at once");
  else if (languages[0] !== undefined) fields.language = languages[0].split("-")[0]!.toLowerCase();
  const english = translateTo !== undefined && /^en\b/i.test(translateTo) && takes("translateTo");
  if (translateTo !== undefined && !english) unsupported.leave("translateTo", `a translation into ${translateTo}`);
  if (timings !== undefined && !takes("timings")) unsupported.leave("timings", `times with ${model}`);
  if (speakers !== undefined && !(known?.takes?.includes("speakers") ?? false)) unsupported.leave("speakers", `who speaks, with ${model}`);
  const timed = timings !== undefined && takes("timings");
  if (speakers !== undefined && known?.takes?.includes("speakers") === true) {
    if (quirks.speakers === "diarize") Object.assign(fields, { diarize: true, response_format: "verbose_json" }, bounds(speakers));
    else Object.assign(fields, { response_format: "diarized_json", chunking_strategy: "auto" });
  } else if (timed || known?.takes?.includes("timings") === true) fields.response_format = "verbose_json";
  if (timed) fields["timestamp_granularities[]"] = timings === "word" ? ["word", "segment"] : ["segment"];
  const streamed = fields.response_format === undefined && Array.isArray(quirks.streamed) && quirks.streamed.includes(model);
  if (streamed) fields.stream = true;
  return { path: english ? "/audio/translations" : "/audio/transcriptions", fields, streamed };
}

const bounds = ({ min, max }: NonNullable<TranscriptionRequest["speakers"]>) => ({
  ...(min === undefined ? {} : { min_speakers: min }),
  ...(max === undefined ? {} : { max_speakers: max }),
});

/** A transcript that comes while it is written: `transcript.text.delta` and in the end `transcript.text.done`. */
async function* heard(exchange: Exchange, response: FetchResponse, title: string): AsyncGenerator<TranscriptionItem> {
  const parser = new EventStreamParser();
  for await (const piece of exchange.pieces(response)) {
    for (const data of parser.push(piece)) {
      const event = parsed(data, title);
      if (event?.type === "transcript.text.delta" && typeof event.delta === "string") yield { type: "text", delta: event.delta };
      if (event?.type !== "transcript.text.done" || typeof event.text !== "string") continue;
      const usage = usageIn(event);
      if (usage !== undefined) yield { type: "usage", usage };
      return yield { type: "end", text: event.text.trim() };
    }
  }
  throw failure("STREAM", `${title} broke off before the end of its transcript.`);
}

function parsed(data: string, title: string): any {
  if (data === "[DONE]") return undefined;
  try {
    return JSON.parse(data);
  } catch (cause) {
    throw failure("STREAM", `${title} sent something that is not JSON.`, { cause });
  }
}
