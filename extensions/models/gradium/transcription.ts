import type { Context, Provider, Segment, TranscriptionItem, TranscriptionModel, TranscriptionRequest } from "@plinth/sdk";
import { failure, fieldsFor, listing, PurposeCall, ticking, type Unsupported } from "@plinth/sdk/kits/model-api";
import { messagesIn } from "./messages.ts";

const OPTIONAL = ["prompt", "temperature", "terms", "timings", "speakers", "channels", "verbatim", "redact", "translateTo"];
const FIELDS = { temperature: "temp", terms: "terms", timings: "timings" };
const MOST_BYTES = 25 * 1_048_576;
const ASK_MS = 115_000;
/** How far the server looks ahead. Its times are later by as much, in whichever recording. */
const DELAY_FRAMES = 16;
const FRAME = 0.08;
const BOOST = 3;
const MOST_TERMS = 500;
/** A sentence ends here, or after so many words. */
const ENDS = /[.!?…]["'»”)]*$/;
const LONGEST = 60;

/** What kinds of recordings it takes; of others it makes nothing. */
const TYPES: readonly (readonly [pattern: RegExp, type: string])[] = [
  [/^audio\/(x-)?wav\b|^audio\/wave\b/, "audio/wav"],
  [/^audio\/(ogg|opus)\b/, "audio/ogg"],
];

/** `POST /post/speech/asr`, as https://github.com/gradium-ai/skills/blob/main/gradium/gradium-speech-to-text/SKILL.md has it. */
export function transcription(ctx: Context): Provider<"plinth.transcription"> {
  return {
    status: listing.status,
    models: (input) => listing.models<TranscriptionModel>(input),
    async *transcribe(request, { signal }): AsyncGenerator<TranscriptionItem> {
      const call = new PurposeCall<TranscriptionModel>(ctx, request, signal);
      const { server, unsupported, exchange } = call;
      const { title } = server;
      const mimeType = request.audio.mimeType.toLowerCase();
      const type = TYPES.find(([pattern]) => pattern.test(mimeType))?.[1];
      if (type === undefined)
        throw failure("UNSUPPORTED", `${title} cannot take ${mimeType.slice(0, 80)}.`, {
          next: "Make it wav, or opus in Ogg.",
          details: { param: "audio", retryable: false },
        });
      const config = configOf(fieldsFor(server, request, unsupported, { names: OPTIONAL, fields: FIELDS }), request, unsupported);
      yield* unsupported.warnings;
      const body = await call.read(request.audio, "audio", MOST_BYTES);
      const query = new URLSearchParams({ json_config: JSON.stringify(config) });
      const headers = { ...server.endpoint.headers, "content-type": type };
      const progress: TranscriptionItem = { type: "progress" };
      const asking = exchange.ask(server.url(`/post/speech/asr?${query}`), { method: "POST", headers, body, timeoutMs: ASK_MS });
      const response = yield* ticking(ctx.clock, asking, progress, signal);
      const sentences = new Sentences();
      for await (const message of messagesIn(exchange, response, title)) {
        if (message.type === "text" && typeof message.text === "string") {
          const word = message.text.trim();
          if (word === "") continue;
          yield { type: "text", delta: `${sentences.text === "" ? "" : " "}${word}` };
          const done = sentences.word(word, Number(message.start_s) - DELAY_FRAMES * FRAME);
          if (done !== undefined) yield { type: "segment", segment: done };
        }
        if (message.type === "end_text") sentences.ends(Number(message.stop_s) - DELAY_FRAMES * FRAME);
      }
      const rest = sentences.rest();
      if (rest !== undefined) yield { type: "segment", segment: rest };
      yield { type: "end", text: sentences.text };
    },
  };
}

/** What is wanted, in the server's words. */
function configOf(
  { terms, timings: _, ...more }: Record<string, unknown>,
  { languages = [] }: TranscriptionRequest,
  unsupported: Unsupported,
): object {
  if (languages.length > 1) unsupported.leave("languages", "more than one language at once");
  // It knows single words alone.
  const words = [...new Set(((terms ?? []) as string[]).flatMap((term) => term.split(/\s+/)).filter((word) => word !== ""))];
  if (words.length > MOST_TERMS) unsupported.leave("terms", `more than ${MOST_TERMS} words to expect`);
  return {
    ...(languages.length === 1 ? { language: languages[0]!.split("-")[0]!.toLowerCase() } : {}),
    delay_in_frames: DELAY_FRAMES,
    ...(words.length === 0 ? {} : { keywords: { words: words.slice(0, MOST_TERMS), boost: BOOST } }),
    ...more,
  };
}

/** Puts words together: they come one by one, each with when it begins; when the one before ended comes after it. */
class Sentences {
  text = "";
  #words: NonNullable<Segment["words"]> = [];

  /** @returns the sentence before, where this word begins another one */
  word(text: string, at: number): Segment | undefined {
    const start = Math.max(Number.isFinite(at) ? at : 0, this.#words.at(-1)?.start ?? 0);
    const last = this.#words.at(-1);
    const done = last !== undefined && (ENDS.test(last.text) || this.#words.length >= LONGEST) ? this.rest() : undefined;
    if (last !== undefined && done === undefined && last.end > start) last.end = start;
    this.#words.push({ text, start, end: start });
    this.text += `${this.text === "" ? "" : " "}${text}`;
    return done;
  }

  ends(at: number): void {
    const last = this.#words.at(-1);
    if (last !== undefined && at > last.start) last.end = at;
  }

  /** The sentence that has no end yet. */
  rest(): Segment | undefined {
    const words = this.#words;
    this.#words = [];
    if (words.length === 0) return undefined;
    return { text: words.map(({ text }) => text).join(" "), start: words[0]!.start, end: words.at(-1)!.end, words };
  }
}
