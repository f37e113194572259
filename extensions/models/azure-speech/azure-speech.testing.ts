import { type PlainAnswer, type PlainRequest, type PlainServer, plainServer } from "@plinth/sdk/testing";

const MARK = "says:";
const OUTPUTS =
  /^(audio-(16khz-(32|64|128)|24khz-(48|96|160)|48khz-(96|192))kbitrate-mono-mp3|ogg-(16|24|48)khz-16bit-mono-opus|(raw|riff)-(8khz|16khz|22050hz|24khz|44100hz|48khz)-16bit-mono-pcm|raw-8khz-8bit-mono-(mulaw|alaw))$/;
const HEADS: Readonly<Record<string, string>> = { ogg: "OggS", riff: "RIFF" };
const voice = (name: string, locale: string, gender: string, more: object = {}) => ({
  ...{ Name: `Microsoft Server Speech Text to Speech Voice (${locale}, ${name}Neural)`, DisplayName: name, LocalName: name },
  ...{ ShortName: `${locale}-${name}Neural`, Gender: gender, Locale: locale, SampleRateHertz: "24000", VoiceType: "Neural", Status: "GA" },
  ...more,
});
const VOICES = [
  voice("AvaMultilingual", "en-US", "Female", { SecondaryLocaleList: ["de-DE", "fr-FR"] }),
  voice("AndrewMultilingual", "en-US", "Male", { SecondaryLocaleList: ["de-DE", "fr-FR"] }),
  voice("Jenny", "en-US", "Female"),
  voice("Orla", "ga-IE", "Female"),
];

/** A refusal of the transcription. */
export const refusal = (status: number, code: string, message: string): PlainAnswer => ({ status, body: { error: { code, message } } });
const bare = (status: number, text: string): PlainAnswer => ({ status, headers: { "content-type": "text/plain" }, body: text });

/** A recording in which this is said. */
export const recordingOf = (text: string): string => Buffer.from(`RIFF....WAVE ${MARK}${text}`).toString("base64");

/** Names of elements and texts of a document, or undefined where it is not well-formed. */
export function elementsIn(ssml: string): { names: string[]; text: string; attributes: string } | undefined {
  const open: string[] = [];
  const names: string[] = [];
  let text = "";
  let attributes = "";
  for (const [token] of ssml.matchAll(/<[^<>]*>|[^<]+|</g)) {
    const [, end, name = "", more = "", closed] = /^<(\/?)([\w:-]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>$/.exec(token) ?? [];
    if (name === "") {
      if (/[<]|&(?!(amp|lt|gt|quot|apos);)/.test(token)) return undefined;
      text += token.replace(/&(amp|lt|gt|quot|apos);/g, (_, entity: string) => ({ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" })[entity]!);
    } else if (end === "/") {
      if (open.pop() !== name) return undefined;
    } else {
      names.push(name);
      attributes += more;
      if (closed !== "/") open.push(name);
    }
  }
  return open.length === 0 ? { names, text, attributes } : undefined;
}

/**
 * A server of Azure Speech's REST interfaces, both of its addresses in one. The sound is the text of the document, after its format; what
 * is said in a recording stands in it.
 */
export const azureSpeechServer = (): Promise<PlainServer> => plainServer(answered);

function answered(request: PlainRequest): PlainAnswer {
  const { pathname, searchParams } = new URL(request.path, "http://x");
  const key = request.headers["ocp-apim-subscription-key"];
  if (key === undefined || key === "wrong") return refusal(401, "401", "Access denied due to invalid subscription key or wrong API endpoint.");
  if (pathname === "/cognitiveservices/voices/list" && request.method === "GET") return { body: VOICES };
  if (pathname === "/cognitiveservices/v1" && request.method === "POST") return spoken(request);
  if (pathname === "/speechtotext/transcriptions:transcribe" && request.method === "POST") return written(request, searchParams.get("api-version"));
  return refusal(404, "404", "Resource not found");
}

function spoken({ bytes, headers }: PlainRequest): PlainAnswer {
  if (headers["content-type"] !== "application/ssml+xml") return bare(415, "Unsupported media type");
  const output = headers["x-microsoft-outputformat"] ?? "";
  if (!OUTPUTS.test(output)) return bare(400, "Unsupported output format");
  if ((headers["user-agent"] ?? "") === "") return bare(400, "A user agent is required");
  const document = elementsIn(bytes.toString("utf8"));
  if (document === undefined || document.names[0] !== "speak") return bare(400, "Ssml should be well-formed");
  const asked = [...document.attributes.matchAll(/ name="([^"]*)"/g)].map(([, name]) => name);
  if (asked.length === 0 || asked.some((name) => !VOICES.some(({ ShortName }) => ShortName === name))) return bare(400, "Unsupported voice");
  const sound = Buffer.from(`${HEADS[output.split("-")[0]!] ?? ""}[${output}]${document.text}`);
  const half = Math.ceil(sound.length / 2);
  return { headers: { "content-type": "audio/mpeg" }, body: [sound.subarray(0, half), sound.subarray(half)] };
}

function written({ body }: PlainRequest, version: string | null): PlainAnswer {
  if (version !== "2025-10-15") return refusal(400, "InvalidArgument", "The api-version is not supported.");
  const { audio, definition } = body ?? {};
  if (audio?.bytes === undefined) return refusal(400, "InvalidArgument", "The audio is missing.");
  const { locales = [], diarization, channels, ...more } = JSON.parse(definition ?? "{}");
  const other = Object.keys(more).find((name) => !["profanityFilterMode", "phraseList"].includes(name));
  if (other !== undefined) return refusal(400, "InvalidArgument", `Unknown field ${other}.`);
  if (locales.some((locale: string) => !/^[a-z]{2,3}-[A-Z]{2}$/.test(locale)))
    return refusal(422, "InvalidLocale", "The specified locale is not supported.");
  const all: string = audio.bytes.toString("utf8");
  if (!all.includes(MARK)) return refusal(422, "InvalidAudioFormat", "The audio format is not supported.");
  const said = all.slice(all.indexOf(MARK) + MARK.length);
  const texts = channels === undefined ? [said] : [said, `not ${said}`];
  const phrases = texts.flatMap((text, channel) => {
    const words = text.split(" ").map((word, at) => ({ text: word, offsetMilliseconds: at * 500, durationMilliseconds: 400 }));
    const parts = diarization?.enabled === true ? [words.slice(0, 2), words.slice(2)] : [words];
    return parts.map((part, speaker) => ({
      ...(channels === undefined ? {} : { channel }),
      ...(diarization?.enabled === true ? { speaker } : {}),
      ...{ offsetMilliseconds: part[0]!.offsetMilliseconds, durationMilliseconds: part.length * 500 - 100 },
      ...{ text: part.map((word) => word.text).join(" "), words: part, locale: locales[0] ?? "en-US", confidence: 0.93 },
    }));
  });
  const combinedPhrases = texts.map((text, channel) => ({ ...(channels === undefined ? {} : { channel }), text }));
  return { body: { durationMilliseconds: 2_500, combinedPhrases, phrases } };
}
