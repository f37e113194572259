import { type PlainAnswer, type PlainRequest, type PlainServer, plainServer } from "@plinth/sdk/testing";

const LIMITS: Readonly<Record<string, number>> = { eleven_multilingual_v2: 10_000, eleven_v3: 5_000, eleven_flash_v2_5: 40_000 };
const OUTPUT =
  /^(mp3_(22050_32|24000_48|44100_(32|64|96|128|192))|opus_48000_(32|64|96|128|192)|pcm_(8000|16000|22050|24000|32000|44100|48000)|ulaw_8000|alaw_8000)$/;
const SPEECH = /^\/v1\/text-to-speech\/([^/]+)\/stream(\/with-timestamps)?$/;
const MARK = "says:";
const VOICES = ["George", "Aria", "Roger", "Sarah"].map((name, at) => ({
  voice_id: at === 0 ? "JBFqnCBsd6RMkjVDRZzb" : `voice${at}`,
  name,
  category: "premade",
  labels: { accent: "British", gender: at % 2 === 0 ? "male" : "female" },
  preview_url: `https://storage.example/${name}.mp3`,
  verified_languages: at === 3 ? [{ language: "de", model_id: "eleven_v3", accent: "standard" }] : [],
}));

/** A refusal, as https://help.elevenlabs.io/hc/en-us/articles/19572237925521 has it. */
export const refusal = (status: number, code: string, message: string): PlainAnswer => ({ status, body: { detail: { status: code, message } } });
const invalid = (where: string, msg: string): PlainAnswer => ({
  status: 422,
  body: { detail: [{ type: "value_error", loc: ["body", where], msg, input: null }] },
});

/** A recording in which this is said, for the transcription. */
export const recordingOf = (text: string): string => Buffer.from(`RIFF....WAVE ${MARK}${text}`).toString("base64");

/**
 * A server of ElevenLabs' API (https://elevenlabs.io/docs/api-reference). The sound is the text, after its voice, model and format;
 * what is said in a recording stands in it.
 */
export const elevenlabsServer = (): Promise<PlainServer> => plainServer(answered);

function answered(request: PlainRequest): PlainAnswer {
  const { path, searchParams } = { path: new URL(request.path, "http://x").pathname, searchParams: new URL(request.path, "http://x").searchParams };
  if (request.headers["xi-api-key"] === undefined)
    return refusal(401, "needs_authorization", "Neither authorization header nor xi-api-key received.");
  if (request.headers["xi-api-key"] === "wrong") return refusal(401, "invalid_api_key", "Invalid API key");
  const output = searchParams.get("output_format") ?? "mp3_44100_128";
  const [, voice, timed] = SPEECH.exec(path) ?? [];
  if (voice !== undefined && request.method === "POST") return spoken(request, decodeURIComponent(voice), timed !== undefined, output);
  if (path === "/v2/voices" && request.method === "GET") return voices(searchParams);
  if (path === "/v1/speech-to-text" && request.method === "POST") return written(request);
  if (path === "/v1/music" && request.method === "POST") return song(request, output);
  if (path === "/v1/sound-generation" && request.method === "POST") return sound(request, output);
  return { status: 404, body: { detail: "Not Found" } };
}

function voices(query: URLSearchParams): PlainAnswer {
  // Two at once, whatever is asked for, so that pages are turned.
  const at = Number(query.get("next_page_token") ?? 0);
  const more = at + 2 < VOICES.length;
  return { body: { voices: VOICES.slice(at, at + 2), has_more: more, total_count: VOICES.length, next_page_token: more ? String(at + 2) : null } };
}

function spoken({ body }: PlainRequest, voice: string, timed: boolean, output: string): PlainAnswer {
  const { text, model_id: model = "eleven_multilingual_v2", previous_text: before, next_text: after, voice_settings: settings } = body ?? {};
  const limit = Object.hasOwn(LIMITS, model) ? LIMITS[model]! : undefined;
  if (limit === undefined) return refusal(400, "model_not_found", `A model with model ID ${model} does not exist.`);
  if (!VOICES.some(({ voice_id: id }) => id === voice)) return refusal(404, "voice_not_found", `A voice with the voice_id ${voice} was not found.`);
  if (typeof text !== "string" || text === "") return invalid("text", "Field required");
  if (!OUTPUT.test(output)) return invalid("output_format", "Input should be one of the output formats");
  if (text.length > limit)
    return refusal(
      400,
      "max_character_limit_exceeded",
      `This request's text has ${text.length} characters and exceeds the character limit of ${limit} characters.`,
    );
  if (model === "eleven_v3" && (before ?? after) !== undefined)
    return refusal(400, "unsupported_model", "Providing previous_text or next_text is not yet supported with the 'eleven_v3' model.");
  if (settings?.speed !== undefined && (settings.speed < 0.7 || settings.speed > 1.2))
    return refusal(
      400,
      "invalid_voice_settings",
      "Invalid setting for speed received, expected to be greater or equal to 0.7 and less or equal to 1.2",
    );
  const head = output.startsWith("opus") ? "OggS" : "";
  const bytes = Buffer.from(`${head}[${model} ${output} ${voice}]${text}`);
  const headers = { "character-cost": String(text.length) };
  const half = Math.ceil(bytes.length / 2);
  if (!timed) return { headers: { ...headers, "content-type": "audio/mpeg" }, body: [bytes.subarray(0, half), bytes.subarray(half)] };
  // Words are cut where they may be, and so are lines on their way.
  const cut = Math.ceil(text.length / 2);
  const lines = [line(bytes.subarray(0, half), text, 0, cut), line(bytes.subarray(half), text, cut, text.length)].join("");
  const sent = Buffer.from(lines);
  return { headers: { ...headers, "content-type": "application/json" }, body: [sent.subarray(0, 31), sent.subarray(31)] };
}

function line(audio: Buffer, text: string, from: number, to: number): string {
  const characters = [...text.slice(from, to)];
  const at = (add: number) => characters.map((_, index) => Number(((from + index + add) / 10).toFixed(1)));
  const alignment = { characters, character_start_times_seconds: at(0), character_end_times_seconds: at(1) };
  return `${JSON.stringify({ audio_base64: audio.toString("base64"), alignment, normalized_alignment: alignment })}\n\n`;
}

function written({ body }: PlainRequest): PlainAnswer {
  const { file, model_id: model, diarize, use_multi_channel: channels, keyterms, no_verbatim: clean } = body ?? {};
  if (!/^scribe_v[12]$/.test(model ?? ""))
    return refusal(400, "invalid_model_id", `'${model}' is not a valid model_id. Only 'scribe_v1' and 'scribe_v2' are available.`);
  if (file?.bytes === undefined) return refusal(400, "invalid_parameters", "Must provide either file or cloud_storage_url parameter.");
  if (model === "scribe_v1" && (keyterms ?? clean) !== undefined)
    return refusal(400, "unsupported_model", "keyterms is not supported with scribe_v1");
  const all: string = file.bytes.toString("utf8");
  const said = all.includes(MARK) ? all.slice(all.indexOf(MARK) + MARK.length) : "";
  const one = (text: string, channel?: number) => {
    const words = text.split(" ").flatMap((word, at) => {
      const placed = {
        speaker_id: diarize === "true" && at >= 2 ? "speaker_1" : "speaker_0",
        logprob: -0.1,
        ...(channel === undefined ? {} : { channel_index: channel }),
      };
      const spoken = { text: word, start: at / 2, end: at / 2 + 0.4, type: "word", ...placed };
      return at === 0 ? [spoken] : [{ text: " ", start: at / 2 - 0.1, end: at / 2, type: "spacing", ...placed }, spoken];
    });
    return {
      language_code: "eng",
      language_probability: 0.99,
      text,
      words,
      ...(channel === undefined ? { audio_duration_secs: words.length / 2 } : { channel_index: channel }),
    };
  };
  if (channels === "true") return { body: { transcripts: [one(said, 0), one(`not ${said}`, 1)], audio_duration_secs: 4, transcription_id: "t1" } };
  return { body: one(said) };
}

function song({ body }: PlainRequest, output: string): PlainAnswer {
  const { prompt, model_id: model, music_length_ms: ms, seed } = body ?? {};
  if (!/^music_v[12]$/.test(model ?? "")) return invalid("model_id", "Input should be 'music_v1' or 'music_v2'");
  if (typeof prompt !== "string" || prompt === "") return invalid("prompt", "Field required");
  if (seed !== undefined) return invalid("seed", "seed cannot be used in conjunction with prompt");
  if (ms !== undefined && (ms < 3_000 || ms > 600_000)) return invalid("music_length_ms", "Input should be between 3000 and 600000");
  if (output !== "auto" && !OUTPUT.test(output) && !/^mp3_48000_(128|192|240|320)$/.test(output))
    return invalid("output_format", "Input should be one of the output formats");
  return { headers: { "content-type": "audio/mpeg", "song-id": "s1" }, body: [Buffer.from(`ID3[${model} ${output}]`), Buffer.from(prompt)] };
}

function sound({ body }: PlainRequest, output: string): PlainAnswer {
  const { text, duration_seconds: seconds, prompt_influence: influence = 0.3 } = body ?? {};
  if (typeof text !== "string" || text === "") return invalid("text", "Field required");
  if (seconds !== undefined && (seconds < 0.5 || seconds > 30)) return invalid("duration_seconds", "Input should be between 0.5 and 30");
  if (influence < 0 || influence > 1) return invalid("prompt_influence", "Input should be between 0 and 1");
  return { headers: { "content-type": "audio/mpeg", "character-cost": "40" }, body: [Buffer.from(`ID3[sound ${output}]${text}`)] };
}
