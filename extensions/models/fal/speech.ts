import type { Context, Provider, SpeechItem, SpeechModel } from "@plinth/sdk";
import {
  endpointOf,
  failure,
  followJob,
  knownVoices,
  listing,
  mediaTypeOf,
  PurposeCall,
  type PurposeServer,
  partsToSay,
  resultBytes,
  type SoundFormat,
  soundFormat,
} from "@plinth/sdk/kits/model-api";
import { toBase64 } from "@plinth/sdk/wire";
import { type Call, inputOf } from "./input.ts";
import { filesIn, hostsOf } from "./made.ts";
import { Queue } from "./queue.ts";

const TYPES: Readonly<Record<string, SoundFormat>> = {
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
    voices: (input) => ({ voices: knownVoices(endpointOf(input), input) }),
    async *speak(request, { signal }): AsyncGenerator<SpeechItem> {
      const call: Call = new PurposeCall(ctx, request, signal);
      const { server, unsupported } = call;
      const format = soundFormat(server as PurposeServer<SpeechModel>, request, ["mp3"]);
      // A model that names no voice has one of its own.
      const usual = knownVoices(server.endpoint, { model: server.model })[0]?.id ?? "";
      const parts = partsToSay(request.lines, (server.known as SpeechModel | undefined)?.maxCharacters, usual);
      if (parts.length > 1 && format !== "mp3") unsupported.leave("lines", "lines of several voices, or so many characters, but as mp3");
      const said = format === "mp3" ? parts : parts.slice(0, 1);
      // What is said and how it is made, part by part, is the request of a model.
      const { language, format: wanted, lines: _, ...rest } = request;
      // A model that makes one format only has no field for it.
      const asked = wanted === undefined || server.known?.takes?.includes("format") === false ? rest : { ...rest, format };
      let characters = 0;
      for (const [at, { text, voice }] of said.entries()) {
        const tag = language === undefined ? {} : { language: language.split("-")[0]!.toLowerCase() };
        const { path, body } = await inputOf(call, { ...asked, ...tag, prompt: text, ...(voice === "" ? {} : { voice }) });
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
