import { openaiError } from "./openai-error.ts";
import type { PlainAnswer, PlainRequest } from "./plain-server.ts";

const FORMATS: { readonly [format: string]: { type: string; head: string } } = {
  mp3: { type: "audio/mpeg", head: "ID3" },
  opus: { type: "audio/ogg", head: "OggS" },
  aac: { type: "audio/aac", head: "\xff\xf1" },
  flac: { type: "audio/flac", head: "fLaC" },
  wav: { type: "audio/wav", head: "RIFF" },
  pcm: { type: "audio/pcm", head: "" },
};
const MOST = 4_096;
const MARK = "says:";

/** https://platform.openai.com/docs/api-reference/audio/createSpeech. The sound is the text, after what such a file begins with. */
export function speechAnswer({ body }: PlainRequest): PlainAnswer {
  const { model, input, voice, response_format: format = "mp3", instructions } = body ?? {};
  if (!/^(tts-1|tts-1-hd|gpt-4o-mini-tts)$/.test(model)) return openaiError(404, `The model \`${model}\` does not exist.`, null, "model_not_found");
  if (typeof input !== "string" || input === "" || input.length > MOST)
    return openaiError(
      400,
      `[{'type': 'string_too_long', 'loc': ('body', 'input'), 'msg': 'String should have at most ${MOST} characters'}]`,
      null,
      null,
    );
  if (typeof voice !== "string" || voice === "") return openaiError(400, "Field required: voice", "voice", null);
  if (instructions !== undefined && model.startsWith("tts-1"))
    return openaiError(400, "instructions is not supported with this model", "instructions", null);
  const known = FORMATS[format];
  if (known === undefined) return openaiError(400, `Invalid response_format: ${format}`, "response_format", null);
  const sound = Buffer.from(`${voice}:${input}`);
  const half = Math.ceil(sound.length / 2);
  return { headers: { "content-type": known.type }, body: [Buffer.from(known.head, "latin1"), sound.subarray(0, half), sound.subarray(half)] };
}

/** A recording in which this is said, for `transcriptionAnswer`. */
export const recordingOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(`RIFF....WAVE ${MARK}${text}`));

/** https://platform.openai.com/docs/api-reference/audio/createTranscription. What is said stands in the file, after `says:`. */
export function transcriptionAnswer({ body, path }: PlainRequest): PlainAnswer {
  const { file, model, response_format: format = "json", stream } = body ?? {};
  const times = body?.["timestamp_granularities[]"] ?? [];
  if (!/^(whisper-1|gpt-4o-transcribe|gpt-4o-transcribe-diarize)$/.test(model))
    return openaiError(404, `The model \`${model}\` does not exist.`, null, "model_not_found");
  if (file?.bytes === undefined) return openaiError(400, "Field required: file", "file", null);
  if (!/\.(flac|mp3|mp4|mpeg|mpga|m4a|ogg|wav|webm)$/.test(file.name)) return openaiError(400, "Invalid file format.", null, null);
  const whisper = model === "whisper-1";
  if (format === "verbose_json" && !whisper)
    return openaiError(
      400,
      `response_format 'verbose_json' is not compatible with model '${model}'. Use 'json' or 'text' instead.`,
      "response_format",
      "unsupported_value",
    );
  if (times.length > 0 && format !== "verbose_json")
    return openaiError(400, "timestamp_granularities needs verbose_json", "timestamp_granularities", null);
  const all = file.bytes.toString("utf8");
  const said = all.includes(MARK) ? all.slice(all.indexOf(MARK) + MARK.length) : "";
  const text = path.includes("translations") ? `In English: ${said}` : said;
  const words = text.split(" ").map((word: string, at: number) => ({ word, start: at / 2, end: at / 2 + 0.4 }));
  const seconds = Math.ceil(words.length / 2);
  const tokens = { type: "tokens", input_tokens: seconds * 10, output_tokens: words.length, total_tokens: seconds * 10 + words.length };
  if (stream === "true" && !whisper) return { headers: { "content-type": "text/event-stream" }, body: streamOf(words, text, tokens) };
  if (format === "diarized_json") {
    const segments = [{ id: "seg_1", type: "transcript.text.segment", start: 0, end: seconds, speaker: "A", text }];
    return { body: { task: "transcribe", duration: seconds, text, segments, usage: { type: "duration", seconds } } };
  }
  if (format !== "verbose_json") return { body: { text, usage: whisper ? { type: "duration", seconds } : tokens } };
  const segments = [{ id: 0, seek: 0, start: 0, end: seconds, text: ` ${text}`, tokens: [1], temperature: 0 }];
  const timed = { ...(times.includes("word") ? { words } : {}), ...(times.includes("segment") || times.length === 0 ? { segments } : {}) };
  return { body: { task: "transcribe", language: "english", duration: seconds, text, ...timed, usage: { type: "duration", seconds } } };
}

const event = (data: object): Buffer => Buffer.from(`data: ${JSON.stringify(data)}\n\n`);

function streamOf(words: readonly { word: string }[], text: string, usage: object): Buffer[] {
  const deltas = words.map(({ word }, at) => event({ type: "transcript.text.delta", delta: at === 0 ? word : ` ${word}` }));
  return [...deltas, event({ type: "transcript.text.done", text, usage }), Buffer.from("data: [DONE]\n\n")];
}
