import { type PlainAnswer, type PlainRequest, type PlainServer, plainServer } from "@plinth/sdk/testing";

const MARK = "says:";
const OUTPUTS = /^(wav|opus|pcm(_(8000|16000|22050|24000|44100|48000))?|ulaw_8000|alaw_8000)$/;
const HEADS: Readonly<Record<string, string>> = { opus: "OggS", wav: "RIFF" };

/** A refusal, as https://github.com/gradium-ai/gradium-py/blob/main/docs/post_tts_description.md has it. */
export const refusal = (code: number, error: string): PlainAnswer => ({ status: code, body: { error, code } });

/** A recording in which this is said. */
export const recordingOf = (text: string): string => Buffer.from(`RIFF....WAVE ${MARK}${text}`).toString("base64");

/** Messages one a line, cut where nobody expects it. */
function lines(...messages: object[]): PlainAnswer {
  const all = Buffer.from(messages.map((message) => `${JSON.stringify(message)}\n`).join(""));
  return { headers: { "content-type": "application/x-ndjson" }, body: [all.subarray(0, 17), all.subarray(17)] };
}

/** A server of Gradium's HTTP interfaces. The sound is the text, after its voice and format; what is said in a recording stands in it. */
export const gradiumServer = (): Promise<PlainServer> => plainServer(answered);

function answered(request: PlainRequest): PlainAnswer {
  const { pathname, searchParams } = new URL(request.path, "http://x");
  const key = request.headers["x-api-key"];
  if (key === undefined || key === "wrong") return refusal(401, "Invalid API key");
  if (pathname.endsWith("/post/speech/tts") && request.method === "POST") return spoken(request);
  if (pathname.endsWith("/post/speech/asr") && request.method === "POST") return written(request, searchParams);
  return refusal(404, "Not found");
}

function spoken({ body }: PlainRequest): PlainAnswer {
  const { text, voice_id: voice, output_format: output, model_name: model = "default", only_audio: bare = false } = body ?? {};
  if (typeof text !== "string" || text === "") return refusal(400, "text is missing");
  if (!/^[\w-]{16}$/.test(voice ?? "")) return refusal(400, `Embeddings not found for ${voice}`);
  if (!OUTPUTS.test(output ?? "") || model !== "default") return refusal(400, "Unknown output_format or model_name");
  const bytes = Buffer.from(`${HEADS[output] ?? ""}[${voice} ${output}]${text}`);
  const pieces = [bytes.subarray(0, 9), bytes.subarray(9)];
  if (bare) return { headers: { "content-type": `audio/${output}` }, body: pieces };
  const words = text.split(/\s+/).map((word: string, at: number) => ({ type: "text", text: word, start_s: at / 2, stop_s: at / 2 + 0.4 }));
  const sound = pieces.map((piece) => ({ type: "audio", audio: piece.toString("base64") }));
  return lines({ type: "ready", request_id: "uuid", sample_rate: 48_000 }, ...sound, ...words, { type: "end_of_stream" });
}

function written({ bytes, headers }: PlainRequest, query: URLSearchParams): PlainAnswer {
  if (!/^audio\/(wav|ogg|pcm)$/.test(headers["content-type"] ?? "")) return refusal(400, "Unsupported input format");
  const config = JSON.parse(query.get("json_config") ?? "{}");
  if (config.keywords?.words?.some((word: string) => word.includes(" ")) === true) return refusal(400, "keywords are single tokens");
  const all = bytes.toString("utf8");
  if (!all.includes(MARK)) return refusal(400, "The audio cannot be decoded");
  const said = all.slice(all.indexOf(MARK) + MARK.length);
  const late = (config.delay_in_frames ?? 10) * 0.08;
  const words = said.split(" ").filter((word) => word !== "");
  const messages = words.flatMap((word, at) => [
    { type: "text", text: word, start_s: late + at / 2 },
    { type: "step", vad: [] },
    { type: "end_text", stop_s: late + at / 2 + 0.4 },
  ]);
  return lines({ type: "ready", request_id: "uuid", sample_rate: 24_000, frame_size: 1_920 }, ...messages, { type: "end_of_stream" });
}
