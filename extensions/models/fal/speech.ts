import type { Context, Provider, SpeechItem, SpeechModel, SpeechRequest, Voice } from "@plinth/sdk";
import { endpointOf, failure, followJob, listing, mediaTypeOf, PurposeCall, partsToSay, resultBytes } from "@plinth/sdk/kits/model-api";
import { toBase64 } from "@plinth/sdk/wire";
import { type Call, inputOf } from "./input.ts";
import { filesIn, hostsOf } from "./made.ts";
import { Queue } from "./queue.ts";

type Format = NonNullable<SpeechRequest["format"]>;

const TYPES: Readonly<Record<string, Format>> = {
  "audio/mpeg": "mp3",
  "audio/wav": "wav",
  "audio/flac": "flac",
  "audio/ogg": "opus",
  "audio/mp4": "aac",
};
/** An item is due after a minute, and speech has none that says nothing. */
const MOST_MS = 50_000;
const MOST_BYTES = 64 * 1_048_576;
const PIECE = 786_432;

/** Speech of fal's models: each part of what is to be said is work in its queue, which is cancelled where nobody waits for it any more. */
export function speech(ctx: Context): Provider<"plinth.speech"> {
  return {
    status: listing.status,
    models: (input) => listing.models<SpeechModel>(input),
    voices: ({ endpoint, model, language }) => ({
      voices: voicesOf(endpoint).filter(
        ({ models, languages }) =>
          (model === undefined || (models?.includes(model) ?? true)) && (language === undefined || (languages?.includes(language) ?? true)),
      ),
    }),
    async *speak(request, { signal }): AsyncGenerator<SpeechItem> {
      const call: Call = new PurposeCall(ctx, request, signal);
      const { server, unsupported } = call;
      const format = formatOf(call, request);
      const usual = voicesOf(server.endpoint).find(({ models }) => models?.includes(server.model) ?? true)?.id ?? "";
      const parts = partsToSay(request.lines, (server.known as SpeechModel | undefined)?.maxCharacters, usual);
      if (parts.length > 1 && format !== "mp3") unsupported.leave("lines", "lines of several voices, or so many characters, but as mp3");
      const said = format === "mp3" ? parts : parts.slice(0, 1);
      // What is said and how it is made, part by part, is the request of a model.
      const { language, lines: _, ...rest } = request;
      let characters = 0;
      for (const [at, { text, voice }] of said.entries()) {
        const tag = language === undefined ? {} : { language: language.split("-")[0]!.toLowerCase() };
        const { path, body } = await inputOf(call, { ...rest, ...tag, prompt: text, ...(voice === "" ? {} : { voice }) });
        const sound = await made(ctx, call, path, body);
        const mimeType = mediaTypeOf("audio", sound, server.title);
        if (TYPES[mimeType] !== format)
          throw failure("STREAM", `${server.title} made ${mimeType} and not ${format}.`, {
            next: "Ask for a format that the model makes.",
            details: { retryable: false },
          });
        if (at === 0) {
          yield { type: "start", mimeType, format };
          yield* unsupported.warnings;
        }
        for (let from = 0; from < sound.length; from += PIECE) yield { type: "audio", base64: toBase64(sound.subarray(from, from + PIECE)) };
        characters += text.length;
      }
      yield { type: "usage", usage: { characters } };
      yield { type: "end" };
    },
  };
}

const voicesOf = (endpoint: Parameters<typeof endpointOf>[0]["endpoint"]): Voice[] =>
  (endpointOf(endpoint === undefined ? {} : { endpoint }).voices ?? []) as Voice[];

/** Another one would be no use to whoever asked for this. */
function formatOf({ server }: Call, { format }: SpeechRequest): Format {
  const { formats = ["mp3"] } = (server.known ?? {}) as Partial<SpeechModel>;
  const found = format === undefined ? formats[0] : formats.find((one) => one === format);
  if (found !== undefined) return found;
  throw failure("UNSUPPORTED", `${server.title} cannot make the format ${format} with ${server.model}.`, {
    next: `Ask for one of: ${formats.join(", ")}.`,
    details: { param: "format", retryable: false },
  });
}

async function made(ctx: Context, call: Call, path: string, body: object): Promise<Uint8Array> {
  const { server, signal } = call;
  const queue = new Queue(call);
  const job = await queue.submit(path, body);
  try {
    const following = followJob(() => queue.look(job), { clock: ctx.clock, signal, title: server.title, mostMs: MOST_MS, everyMs: 1_000 });
    let step = await following.next();
    while (step.done !== true) step = await following.next();
    if (step.value === "cancelled") throw failure("SERVER", `${server.title} cancelled the work.`, { details: { retryable: false } });
    if ("failed" in step.value) throw step.value.failed;
    const [url] = filesIn(step.value.result, "audio").files;
    if (url === undefined) throw failure("STREAM", `${server.title} made no sound.`, { details: { retryable: false } });
    return await resultBytes(url, call.results({ hosts: hostsOf(server.quirks), max: MOST_BYTES }));
  } catch (thrown) {
    // Nobody else knows of it.
    queue.leave(job);
    throw thrown;
  }
}
