import { type PlainAnswer, type PlainRequest, type PlainServer, plainServer } from "@plinth/sdk/testing";

const MARK = "says:";
const HEADS: Readonly<Record<string, string>> = { OGG_OPUS: "OggS", FLAC: "fLaC", WAV: "RIFF", MP3: "ID3" };
const VOICES = ["Ashley", "Dennis", "Katja"].map((name) => ({
  ...{ voiceId: name, displayName: name, langCode: name === "Katja" ? "DE_DE" : "EN_US", description: `The voice of ${name}.`, source: "SYSTEM" },
  ...{ tags: [], gender: name === "Dennis" ? "MALE" : "FEMALE" },
}));

/** A refusal, in the form of google.rpc.Status. */
export const refusal = (status: number, code: number, message: string): PlainAnswer => ({ status, body: { code, message, details: [] } });

/** A recording in which this is said. */
export const recordingOf = (text: string): string => Buffer.from(`RIFF....WAVE ${MARK}${text}`).toString("base64");

/** A head of samples, as pieces of PCM may have one each. */
const wavHead = (): Buffer => Buffer.concat([Buffer.from("RIFF....WAVEfmt "), Buffer.alloc(28)]);

/**
 * A server of Inworld's speech (https://docs.inworld.ai/api-reference/ttsAPI/texttospeech/synthesize-speech-stream). The sound is the text,
 * after its voice and format; what is said in a recording stands in it.
 */
export const inworldServer = (): Promise<PlainServer> => plainServer(answered);

function answered(request: PlainRequest): PlainAnswer {
  const { pathname, searchParams } = new URL(request.path, "http://x");
  const [kind, key] = (request.headers.authorization ?? "").split(" ");
  if (kind !== "Basic" || key === "wrong") return refusal(401, 16, "Invalid authorization credentials");
  if (pathname === "/voices/v1/voices" && request.method === "GET") {
    // Two at once, whatever is asked for, so that pages are turned.
    const at = Number(searchParams.get("pageToken") ?? 0);
    return { body: { voices: VOICES.slice(at, at + 2), nextPageToken: at + 2 < VOICES.length ? String(at + 2) : "" } };
  }
  if (pathname === "/tts/v1/voice:stream" && request.method === "POST") return spoken(request, true);
  if (pathname === "/tts/v1/voice" && request.method === "POST") return spoken(request, false);
  if (pathname === "/stt/v1/transcribe" && request.method === "POST") return written(request);
  return refusal(404, 5, "Not Found");
}

function spoken({ body }: PlainRequest, streamed: boolean): PlainAnswer {
  const { text, voiceId, modelId, audioConfig = {}, timestampType, instruction, language } = body ?? {};
  const { audioEncoding: encoding = "MP3", sampleRateHertz: rate = 48_000, speakingRate: speed = 1 } = audioConfig;
  if (!/^inworld-tts-(2|1\.5-(max|mini))$/.test(modelId ?? "")) return refusal(404, 5, `model ${modelId} not found`);
  if (!VOICES.some((voice) => voice.voiceId === voiceId)) return refusal(404, 5, `Voice not found: ${voiceId}`);
  if (typeof text !== "string" || text === "" || text.length > 2_000) return refusal(400, 3, "text must have between 1 and 2000 characters");
  if (rate < 8_000 || rate > 48_000 || speed < 0.5 || speed > 1.5) return refusal(400, 3, "audio_config is out of range");
  if (modelId !== "inworld-tts-2" && (instruction ?? language) !== undefined) return refusal(400, 3, "only supported by inworld-tts-2");
  const sound = Buffer.from(`${HEADS[encoding] ?? ""}[${voiceId} ${encoding} ${rate}]${text}`);
  const pieces = streamed ? [sound.subarray(0, 9), sound.subarray(9)] : [sound];
  const bare = ["PCM", "MULAW", "ALAW"].includes(encoding);
  const words = text.split(/\s+/);
  const results = pieces.map((piece, at) => ({
    audioContent: (streamed && bare ? Buffer.concat([wavHead(), piece]) : piece).toString("base64"),
    usage: { processedCharactersCount: at === 0 ? text.length : 0, modelId },
    ...(timestampType === "WORD" && at === 0
      ? {
          timestampInfo: {
            wordAlignment: {
              words,
              wordStartTimeSeconds: words.map((_: string, i: number) => i / 2),
              wordEndTimeSeconds: words.map((_: string, i: number) => i / 2 + 0.4),
            },
          },
        }
      : {}),
  }));
  if (!streamed) return { body: results[0] };
  const lines = Buffer.from(results.map((result) => `${JSON.stringify({ result })}\n`).join(""));
  return { headers: { "content-type": "application/json" }, body: [lines.subarray(0, 21), lines.subarray(21)] };
}

function written({ body }: PlainRequest): PlainAnswer {
  const { transcribeConfig: config = {}, audioData } = body ?? {};
  if (!/^[\w-]+\/[\w.-]+$/.test(config.modelId ?? "")) return refusal(400, 3, "model_id must be provider/model");
  if (typeof audioData?.content !== "string") return refusal(400, 3, "audio_data is missing");
  const all = Buffer.from(audioData.content, "base64").toString("utf8");
  if (!all.includes(MARK)) return refusal(400, 3, "The audio cannot be decoded.");
  const said = all.slice(all.indexOf(MARK) + MARK.length);
  const words = said.split(" ").map((word, at) => ({ word, startTimeMs: at * 500, endTimeMs: at * 500 + 400, confidence: 0.9 }));
  return {
    body: {
      transcription: { transcript: said, isFinal: true, wordTimestamps: config.includeWordTimestamps === true ? words : [] },
      usage: { transcribedAudioMs: 2_500, modelId: config.modelId },
    },
  };
}
