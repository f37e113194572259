import { greyPixel, type PlainAnswer, type PlainRequest, type PlainServer, plainServer } from "@plinth/sdk/testing";
import { taskAnswer } from "./minimax-tasks.testing.ts";

export interface MinimaxServer extends PlainServer {
  /** What is at an address where films lie. */
  readonly files: Map<string, PlainAnswer>;
  /** What is begun is answered after this. */
  held?: Promise<void>;
}

/** A server of MiniMax' media as its reference publishes it (https://platform.minimax.io/docs/api-reference): it refuses what theirs refuses, in their words. */
export async function minimaxServer(): Promise<MinimaxServer> {
  const files = new Map<string, PlainAnswer>([["/files/film.mp4", { body: filmOf() }]]);
  const server: MinimaxServer = Object.assign(
    await plainServer(async (request) => {
      const answer = answered(request, files, () => server.url);
      if (/video_generation$/.test(request.path)) await server.held;
      return answer;
    }),
    { files },
  );
  return server;
}

export const filmOf = (of = "a film"): Buffer => Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from(`ftypisom....${of}`)]);

const OK = { base_resp: { status_code: 0, status_msg: "success" } };

/** Its status is that of a good answer. */
export const refusal = (code: number, message: string): PlainAnswer => ({ body: { base_resp: { status_code: code, status_msg: message } } });

const invalid = (message: string): PlainAnswer => refusal(2013, `invalid params, ${message}`);

function answered(request: PlainRequest, files: ReadonlyMap<string, PlainAnswer>, url: () => string): PlainAnswer {
  const { headers, path, body } = request;
  const file = files.get(path);
  if (file !== undefined) return file;
  if (headers.authorization !== "Bearer k" && headers.authorization !== "Bearer the-key")
    return refusal(1004, "login fail: Please carry the API secret key in the 'Authorization' field of the request header");
  if (path === "/v1/t2a_v2") return speechAnswer(body);
  if (path === "/v1/get_voice") return voicesAnswer(body);
  if (path === "/v1/speech_to_text") return transcriptAnswer(request);
  if (path === "/v1/image_generation") return imageAnswer(body);
  if (path === "/v1/music_generation") return musicAnswer(body);
  return taskAnswer(request, url()) ?? { status: 404, body: "404 page not found" };
}

/** The sound is the voice and the text. */
function speechAnswer(body: any): PlainAnswer {
  const { model, text, stream, stream_options: options, output_format: output, voice_setting: voice, audio_setting: audio } = body ?? {};
  if (!/^speech-(2\.8|2\.6|02)-(hd|turbo)$/.test(model)) return invalid(`model ${model} not exist`);
  if (typeof text !== "string" || text === "" || text.length >= 10_000) return invalid("text length out of range");
  if (!["English_expressive_narrator", "male-qn-qingse"].includes(voice?.voice_id)) return refusal(20132, "Invalid samples or voice_id");
  if (!["mp3", "pcm", "flac", "wav", "pcmu_raw"].includes(audio?.format ?? "mp3")) return invalid("audio format");
  if (stream === true && audio?.format === "wav") return invalid("wav is not supported in streaming mode");
  if (text.includes("forbidden")) return refusal(1026, "input new_sensitive");
  const sound = Buffer.from(`${voice.voice_id}:${text};`);
  const facts = { audio_length: 1_200, audio_sample_rate: audio?.sample_rate ?? 32_000, audio_size: sound.length, usage_characters: text.length };
  if (stream !== true)
    return { body: { data: { audio: output === "hex" ? sound.toString("hex") : "", status: 2 }, extra_info: facts, trace_id: "t", ...OK } };
  const half = Math.ceil(sound.length / 2);
  const piece = (bytes: Buffer) => ({ data: { audio: bytes.toString("hex"), status: 1, ced: "" }, trace_id: "t", ...OK });
  const all = options?.exclude_aggregated_audio === true ? "" : sound.toString("hex");
  return events([
    piece(sound.subarray(0, half)),
    piece(sound.subarray(half)),
    { data: { audio: all, status: 2, ced: "" }, extra_info: facts, ...OK },
  ]);
}

/** Events as a server sends them, in pieces that end anywhere. */
export function events(all: readonly object[]): PlainAnswer {
  const bytes = Buffer.from(all.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""));
  const pieces = Array.from({ length: Math.ceil(bytes.length / 41) }, (_, at) => bytes.subarray(at * 41, (at + 1) * 41));
  return { headers: { "content-type": "text/event-stream" }, body: pieces };
}

function voicesAnswer(body: any): PlainAnswer {
  if (!["system", "voice_cloning", "voice_generation", "all"].includes(body?.voice_type)) return invalid("voice_type");
  const system = [
    { voice_id: "English_expressive_narrator", voice_name: "Expressive Narrator", description: ["An adult voice", "for stories."], created_time: "" },
    { voice_id: "male-qn-qingse", voice_name: "青涩青年音色", description: [] },
    { voice_id: "Chinese (Mandarin)_News_Anchor", voice_name: "News Anchor" },
  ];
  return { body: { system_voice: system, voice_cloning: [{ voice_id: "my-own", description: [] }], voice_generation: null, ...OK } };
}

/** What is said stands in the recording, after `says:`. */
function transcriptAnswer({ body, headers }: PlainRequest): PlainAnswer {
  const { file, model, response_format: format = "json", timestamp_level: level = "sentence", stream } = body ?? {};
  const refuse = (status: number, type: string, message: string): PlainAnswer => ({
    status,
    body: { type: "error", error: { type, message, http_code: `${status}` } },
  });
  if (model !== "asr-1.0") return refuse(400, "bad_request_error", `invalid params, unknown model '${model}' (2013)`);
  if (stream === "true" && format !== "json") return refuse(400, "bad_request_error", "invalid params, stream (2013)");
  const all = Buffer.from(file?.bytes ?? "").toString("utf8");
  const said = all.includes("says:") ? all.slice(all.indexOf("says:") + 5) : "";
  if (said.includes("forbidden")) return refuse(422, "unprocessable_entity_error", "input audio contains sensitive content (1026)");
  const words = said.split(" ");
  const duration = words.length;
  if (stream === "true") {
    const deltas = words.map((word, index) => ({ index, delta: index === 0 ? word : ` ${word}`, finish: false }));
    return events([...deltas, { index: words.length, delta: "", finish: true, duration }]);
  }
  if (format !== "verbose_json") return { body: { text: said, duration, trace_id: "t" } };
  const speaker = headers.language === "yue" ? "2" : "1";
  const timed = words.map((text, id) => ({ id, start: id, end: id + 0.9, speaker, text }));
  return {
    body: { text: said, duration, n_speakers: 1, segments: level === "word" ? timed : [{ id: 0, start: 0, end: duration, speaker, text: said }] },
  };
}

function imageAnswer(body: any): PlainAnswer {
  const { model, prompt, n = 1, aspect_ratio: aspect, response_format: format, subject_reference: subject, ...rest } = body ?? {};
  if (model !== "image-01") return invalid(`model ${model} not exist`);
  const known = ["seed", "width", "height", "prompt_optimizer", "aigc_watermark"];
  if (Object.keys(rest).some((name) => !known.includes(name)) || n > 9 || (aspect !== undefined && !/^\d+:\d+$/.test(aspect)))
    return invalid("unknown");
  if (subject?.some((one: any) => one.type !== "character" || !/^data:image\/\w+;base64,/.test(one.image_file))) return invalid("subject_reference");
  if (String(prompt).includes("forbidden")) return refusal(1026, "input new_sensitive");
  const bad = String(prompt).includes("unsafe") ? n : String(prompt).includes("half") ? Math.floor(n / 2) : 0;
  const image_base64 = format === "base64" ? Array.from({ length: n - bad }, (_, at) => greyPixel(at + 1).toString("base64")) : undefined;
  return { body: { id: "i", data: { image_base64 }, metadata: { failed_count: `${bad}`, success_count: `${n - bad}` }, ...OK } };
}

function musicAnswer(body: any): PlainAnswer {
  const { model, prompt, lyrics, is_instrumental: silent, lyrics_optimizer: writes, output_format: output, audio_setting: audio } = body ?? {};
  if (!/^music-/.test(model)) return invalid(`model ${model} not exist`);
  if (lyrics === undefined && silent !== true && writes !== true) return invalid("lyrics is required");
  if (String(prompt).includes("forbidden")) return refusal(1026, "input new_sensitive");
  const sound = Buffer.from(audio?.format === "wav" ? "RIFF....WAVEfmt la la" : "ID3 la la la la la");
  const extra_info = { music_duration: 25_364, music_sample_rate: 44_100, music_channel: 2, bitrate: 256_000, music_size: sound.length };
  return { body: { data: { audio: output === "hex" ? sound.toString("hex") : "", status: 2 }, trace_id: "t", extra_info, ...OK } };
}
