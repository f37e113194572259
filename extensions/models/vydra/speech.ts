import type { Context, Provider, SpeechModel } from "@plinth/sdk";
import {
  endpointOf,
  failure,
  fieldsFor,
  knownVoices,
  listing,
  mediaTypeOf,
  PurposeCall,
  partsToSay,
  resultBytes,
  soundFormat,
  speaking,
  usualVoice,
} from "@plinth/sdk/kits/model-api";
import { HOSTS } from "./work.ts";

/** What is not said: whether it is left out is asked of each. */
const OPTIONAL = ["markup", "language", "instructions", "speed", "before", "after", "timings", "seed", "sampleRate", "bitRate"];
const MOST_BYTES = 32 * 1_048_576;

/** `POST /models/elevenlabs/tts`, as https://vydra.ai/skill.md has it: the answer says where the sound lies. */
export function speech(ctx: Context): Provider<"plinth.speech"> {
  return {
    status: listing.status,
    models: (input) => listing.models<SpeechModel>(input),
    voices: (input) => ({ voices: knownVoices(endpointOf(input), input) }),
    async *speak(request, { signal }) {
      const call = new PurposeCall<SpeechModel>(ctx, request, signal);
      const { server, unsupported, exchange } = call;
      const { title } = server;
      const format = soundFormat(server, request, ["mp3"]);
      const more = fieldsFor(server, request, unsupported, { names: OPTIONAL, fields: {} });
      const path = server.model.split("/").map(encodeURIComponent).join("/");
      const headers = { accept: "application/json", "content-type": "application/json", ...server.endpoint.headers };
      yield* speaking({
        ...{ exchange, title, format, unsupported },
        parts: partsToSay(request.lines, server.known?.maxCharacters, usualVoice(server, request)),
        ask: ({ text, voice }) =>
          exchange.ask(server.url(`/models/${path}`), { method: "POST", headers, body: JSON.stringify({ text, voice_id: voice, ...more }) }),
        async *read(response) {
          const { audioUrl: url } = ((await exchange.read(response)) ?? {}) as { audioUrl?: unknown };
          if (typeof url !== "string" || url === "") throw failure("STREAM", `${title} answered without sound.`, { details: { retryable: false } });
          const bytes = await resultBytes(url, call.results({ hosts: HOSTS, max: MOST_BYTES }));
          if (mediaTypeOf("audio", bytes, title) !== "audio/mpeg")
            throw failure("STREAM", `${title} made no mp3.`, { details: { retryable: false } });
          yield bytes;
        },
      });
    },
  };
}
