import { greyPixel, type PlainAnswer, type PlainRequest, type PlainServer, plainServer } from "@plinth/sdk/testing";
import { embeddingsAnswer } from "./google-embeddings.testing.ts";
import { filmOf, videoAnswer } from "./google-videos.testing.ts";

export interface GoogleServer extends PlainServer {
  /** What is at an address of its files; the key is wanted for it. */
  readonly files: Map<string, PlainAnswer>;
}

/**
 * A server of the Gemini API, or with `vertex` of Vertex AI, as their references publish it (https://ai.google.dev/api,
 * https://cloud.google.com/vertex-ai/generative-ai/docs): it refuses what theirs refuses, in their words.
 */
export async function googleServer({ vertex = false } = {}): Promise<GoogleServer> {
  const files = new Map<string, PlainAnswer>([["/v1beta/files/film:download?alt=media", { body: filmOf() }]]);
  const server = await plainServer((request) => answered(request, vertex, files, () => server.url));
  return Object.assign(server, { files });
}

export const refusal = (code: number, status: string, message: string, details: object[] = []): PlainAnswer => ({
  status: code,
  body: { error: { code, message, status, details } },
});

function answered(request: PlainRequest, vertex: boolean, files: ReadonlyMap<string, PlainAnswer>, url: () => string): PlainAnswer {
  const { headers, path, method, body } = request;
  const proven = headers["x-goog-api-key"] ?? (vertex ? headers.authorization : undefined);
  if (proven === undefined) return refusal(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers.");
  const file = files.get(path);
  if (file !== undefined) return file;
  const [, model = "", word = ""] = /models\/([\w.-]+)(?::(\w+))?/.exec(path) ?? [];
  if (/veo/.test(model)) return videoAnswer(request, { model, method: word, vertex, url: url() });
  if (method !== "POST") return refusal(404, "NOT_FOUND", "Requested entity was not found.");
  if (/embedding/.test(model)) return embeddingsAnswer(word, model, body, vertex);
  if (word === "streamGenerateContent" && /-tts$/.test(model)) return speechAnswer(body);
  if (word !== "generateContent") return unknown(model, word);
  if (/transcribe/.test(model)) return transcriptAnswer(body);
  if (/^lyria-/.test(model)) return musicAnswer(body);
  return /image|banana/.test(model) ? imageAnswer(body) : unknown(model, word);
}

const unknown = (model: string, method: string): PlainAnswer =>
  refusal(404, "NOT_FOUND", `models/${model} is not found for API version v1beta, or is not supported for ${method}.`);

const invalid = (message: string): PlainAnswer => refusal(400, "INVALID_ARGUMENT", message);

const textIn = (body: any): string => (body?.contents?.[0]?.parts ?? []).map((part: any) => part.text ?? "").join("\n");

const whole = (parts: object[], more: object = {}): PlainAnswer => ({
  body: {
    candidates: [{ content: { parts, role: "model" }, finishReason: "STOP", index: 0, ...more }],
    usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 1_120, thoughtsTokenCount: 80, totalTokenCount: 1_209 },
    modelVersion: "emulated",
  },
});

function imageAnswer(body: any): PlainAnswer {
  const { responseModalities, imageConfig = {}, ...rest } = body?.generationConfig ?? {};
  if (!responseModalities?.includes("IMAGE")) return invalid("This model makes pictures.");
  const other = Object.keys({ ...rest, ...imageConfig }).find((name) => !["aspectRatio", "imageSize", "imageOutputOptions", "seed"].includes(name));
  if (other !== undefined) return invalid(`Invalid JSON payload received. Unknown name "${other}" at 'generation_config': Cannot find field.`);
  const prompt = textIn(body);
  if (prompt.includes("forbidden"))
    return { body: { promptFeedback: { blockReason: "PROHIBITED_CONTENT" }, usageMetadata: { promptTokenCount: 9 } } };
  if (prompt.includes("unsafe")) return { body: { candidates: [{ content: {}, finishReason: "IMAGE_SAFETY" }] } };
  if (prompt.includes("words")) return whole([{ text: "I would rather talk about it." }]);
  const drawn = (shade: number, more: object = {}) => ({ inlineData: { mimeType: "image/png", data: greyPixel(shade).toString("base64") }, ...more });
  return whole([{ text: "Let me think.", thought: true }, drawn(9, { thought: true }), drawn(1), { text: "Here it is." }]);
}

/** The sound is the text, letter by letter. */
function speechAnswer(body: any): PlainAnswer {
  const { speechConfig = {}, responseModalities, responseFormat } = body?.generationConfig ?? {};
  if (responseModalities?.[0] !== "AUDIO") return invalid("The requested combination of response modalities (TEXT) is not supported by the model.");
  const speakers: any[] = speechConfig.multiSpeakerVoiceConfig?.speakerVoiceConfigs ?? [];
  if (speakers.length > 0 && speakers.length !== 2) return invalid("The number of enabled_voices must equal 2.");
  const voices: string[] =
    speakers.length > 0 ? speakers.map((one) => one.voiceConfig.prebuiltVoiceConfig.voiceName) : [voiceIn(speechConfig.voiceConfig)];
  const strange = voices.find((voice) => !["Kore", "Puck", "Zephyr"].includes(voice) && !voice.startsWith("voice_"));
  if (strange !== undefined) return invalid(`Voice name ${strange} is not supported.`);
  const parts: any[] = body.contents[0].parts;
  if (parts.some((part) => part.text.includes("forbidden"))) return stream([{ candidates: [{ finishReason: "PROHIBITED_CONTENT" }] }]);
  const said = parts.map(({ text, speechMetadata }) => `${speechMetadata?.speaker ?? voices[0]}:${text};`).join("");
  const sound = Buffer.from(said.length % 2 === 0 ? said : `${said} `);
  const mimeType =
    { AUDIO_MULAW: "audio/basic", AUDIO_ALAW: "audio/alaw" }[String(responseFormat?.audio?.mimeType)] ?? "audio/L16;codec=pcm;rate=24000";
  const chunk = (bytes: Buffer) => ({ candidates: [{ content: { parts: [{ inlineData: { mimeType, data: bytes.toString("base64") } }] } }] });
  const half = Math.ceil(sound.length / 4) * 2;
  const usageMetadata = { promptTokenCount: 5, candidatesTokenCount: 40, totalTokenCount: 45 };
  return stream([chunk(sound.subarray(0, half)), chunk(sound.subarray(half)), { candidates: [{ finishReason: "STOP" }], usageMetadata }]);
}

const voiceIn = (config: any): string => config?.voice ?? config?.prebuiltVoiceConfig?.voiceName ?? "Kore";

/** Events as a server sends them, in pieces that end anywhere. */
function stream(events: readonly object[]): PlainAnswer {
  const bytes = Buffer.from(events.map((event) => `data: ${JSON.stringify(event)}\r\n\r\n`).join(""));
  const pieces = Array.from({ length: Math.ceil(bytes.length / 37) }, (_, at) => bytes.subarray(at * 37, (at + 1) * 37));
  return { headers: { "content-type": "text/event-stream" }, body: pieces };
}

/** What is said stands in the recording, after `says:`. */
function transcriptAnswer(body: any): PlainAnswer {
  const { audioTranscriptionConfig: wanted = {} } = body?.generationConfig ?? {};
  const { inlineData } = body?.contents?.[0]?.parts?.[0] ?? {};
  if (!/^audio\//.test(inlineData?.mimeType ?? "")) return invalid("Unsupported MIME type.");
  const detailed = wanted.wordTimestamp === true || wanted.diarization === true;
  if (wanted.customVocabulary !== undefined && detailed) return invalid("custom_vocabulary cannot be combined with diarization or word_timestamp.");
  const all = Buffer.from(inlineData.data, "base64").toString("utf8");
  const said = all.includes("says:") ? all.slice(all.indexOf("says:") + 5) : "";
  if (said === "") return { body: { candidates: [{ content: { role: "model" }, finishReason: "STOP" }] } };
  if (!detailed) return whole([{ text: said }]);
  const words = said.split(" ").map((word, at) => ({ word, startOffset: `${at}.100s`, endOffset: `${at}.900s` }));
  return whole([{ audioTranscription: { ...(wanted.diarization ? { speakerLabel: "spk_1" } : {}), languageCode: "en-US", words } }]);
}

function musicAnswer(body: any): PlainAnswer {
  const prompt = textIn(body);
  if (prompt.includes("forbidden")) return { body: { promptFeedback: { blockReason: "SAFETY" } } };
  const wav = body?.generationConfig?.responseFormat?.audio?.mimeType === "audio/wav";
  const data = Buffer.from(wav ? "RIFF....WAVEfmt la la" : "ID3 la la la la la").toString("base64");
  const words = prompt.includes("Instrumental") ? [] : [{ text: "[Verse]\nLa la." }];
  return whole([...words, { inlineData: { mimeType: wav ? "audio/wav" : "audio/mpeg", data } }]);
}
