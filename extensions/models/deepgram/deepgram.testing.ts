import { type PlainAnswer, type PlainRequest, type PlainServer, plainServer } from "@plinth/sdk/testing";

const MOST = 2_000;
const MARK = "says:";
const SPEAK = ["model", "encoding", "container", "sample_rate", "bit_rate", "speed"];
const HEADS: Readonly<Record<string, string>> = { "opus ogg": "OggS", "linear16 wav": "RIFF", "flac undefined": "fLaC" };

/** A refusal in either of the two forms that https://developers.deepgram.com/reference/errors has. */
export const refusal = (status: number, code: string, message: string, headers: Record<string, string> = {}): PlainAnswer => ({
  ...{ status, headers },
  body: { err_code: code, err_msg: message, request_id: "uuid" },
});
const invalid = (details: string): PlainAnswer => ({
  status: 400,
  body: { category: "INVALID_QUERY_PARAMETER", message: "Failed to deserialize query parameters.", details, request_id: "uuid" },
});

/** A recording in which this is said. */
export const recordingOf = (text: string): string => Buffer.from(`RIFF....WAVE ${MARK}${text}`).toString("base64");

/**
 * A server of Deepgram's API (https://developers.deepgram.com/reference). The sound is the text, after its voice and its format; what
 * is said in a recording stands in it.
 */
export const deepgramServer = (): Promise<PlainServer> => plainServer(answered);

function answered(request: PlainRequest): PlainAnswer {
  const { pathname, searchParams } = new URL(request.path, "http://x");
  const [kind, key] = (request.headers.authorization ?? "").split(" ");
  if (kind !== "Token" || key === "wrong") return refusal(401, "INVALID_AUTH", "Invalid credentials.");
  if (pathname === "/v1/speak" && request.method === "POST") return spoken(request, searchParams);
  if (pathname === "/v1/listen" && request.method === "POST") return written(request, searchParams);
  return refusal(404, "NOT_FOUND", "Not found.");
}

function spoken({ body }: PlainRequest, query: URLSearchParams): PlainAnswer {
  const unknown = [...query.keys()].find((name) => !SPEAK.includes(name));
  if (unknown !== undefined) return invalid(`unknown field \`${unknown}\``);
  const {
    model = "aura-asteria-en",
    encoding = "mp3",
    container,
    sample_rate: rate,
    bit_rate: bits,
  } = Object.fromEntries(query) as Record<string, string>;
  if (!/^aura-(2-)?[a-z]+-[a-z]{2}$/.test(model)) return refusal(400, "INVALID_QUERY_PARAMETER", "No such model/version combination found.");
  if (["mp3", "opus", "aac"].includes(encoding) && rate !== undefined)
    return invalid("`sample_rate` is not applicable when `encoding` is mp3, opus or aac");
  if (["linear16", "flac", "mulaw", "alaw"].includes(encoding) && bits !== undefined) return invalid("`bit_rate` is not applicable to this encoding");
  if (typeof body?.text !== "string")
    return {
      status: 400,
      body: {
        category: "INVALID_JSON",
        message: "Invalid JSON submitted.",
        details: "Json deserialize error: missing field `text` at line 1 column 2",
        request_id: "uuid",
      },
    };
  if (body.text.length > MOST) return refusal(413, "PAYLOAD_TOO_LARGE", `Input text exceeds maximum character limit of ${MOST}.`);
  const bytes = Buffer.from(`${HEADS[`${encoding} ${container}`] ?? ""}[${model} ${encoding} ${container} ${rate}]${body.text}`);
  const headers = { "content-type": "audio/mpeg", "dg-model-name": model, "dg-char-count": String(body.text.length) };
  return { headers, body: [bytes.subarray(0, 4), bytes.subarray(4)] };
}

function written({ bytes, headers }: PlainRequest, query: URLSearchParams): PlainAnswer {
  const model = query.get("model") ?? "base";
  if (!/^nova-[23](-[a-z]+)?$/.test(model)) return refusal(400, "Bad Request", "Bad Request: No such model/language/tier combination found.");
  if (headers["content-type"]?.startsWith("application/json"))
    return refusal(400, "Bad Request", "Content-type was application/json, but we could not process the JSON payload.");
  if (query.has("keyterm") && !model.startsWith("nova-3")) return refusal(400, "Bad Request", "Keyterms are only supported for Nova-3.");
  const all = bytes.toString("utf8");
  if (!all.includes(MARK)) return refusal(400, "Bad Request", "Bad Request: failed to process audio: corrupt or unsupported data");
  const said = all.slice(all.indexOf(MARK) + MARK.length);
  const texts = query.get("multichannel") === "true" ? [said, `not ${said}`] : [said];
  const words = (text: string) =>
    text
      .split(" ")
      .filter((word) => word !== "")
      .map((word, at) => ({
        ...{ word: word.toLowerCase(), start: at / 2, end: at / 2 + 0.4, confidence: 0.98, punctuated_word: word },
        ...(query.get("diarize") === "true" ? { speaker: at < 2 ? 0 : 1, speaker_confidence: 0.7 } : {}),
      }));
  const channels = texts.map((text) => ({
    alternatives: [{ transcript: text, confidence: 0.99, words: words(text) }],
    ...(query.has("detect_language") ? { detected_language: "en", language_confidence: 0.99 } : {}),
  }));
  const utterances = texts.flatMap((text, channel) => {
    const parts = [words(text).filter(({ speaker = 0 }: any) => speaker === 0), words(text).filter(({ speaker = 0 }: any) => speaker === 1)];
    return parts
      .filter((part) => part.length > 0)
      .map((part) => ({
        ...{ start: part[0]!.start, end: part.at(-1)!.end, confidence: 0.98, channel, words: part, id: "u" },
        transcript: part.map(({ punctuated_word: word }) => word).join(" "),
        ...(query.get("diarize") === "true" ? { speaker: (part[0] as any).speaker } : {}),
      }));
  });
  const metadata = {
    request_id: "uuid",
    sha256: "x",
    created: "2026-11-30T00:00:00Z",
    duration: said === "" ? 0 : 2.5,
    channels: texts.length,
    models: ["m"],
    model_info: {},
  };
  return { body: { metadata, results: { channels, ...(query.get("utterances") === "true" ? { utterances } : {}) } } };
}
