import type { PlainAnswer, PlainRequest } from "@plinth/sdk/testing";

interface Asked {
  model: string;
  method: string;
  vertex: boolean;
  url: string;
}

const MODELS = ["veo-3.1-generate-preview", "veo-3.1-generate-001"];
const PARAMETERS = ["aspectRatio", "resolution", "durationSeconds", "negativePrompt", "seed", "sampleCount", "generateAudio"];

export const filmOf = (of = "a film"): Buffer => Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from(`ftypisom....${of}`)]);

const refuse = (code: number, status: string, message: string): PlainAnswer => ({ status: code, body: { error: { code, message, status } } });

/** https://ai.google.dev/gemini-api/docs/veo, and Vertex AI's form of it. What work is asked for stands in its name. */
export function videoAnswer({ path, body, method: verb }: PlainRequest, { model, method, vertex, url }: Asked): PlainAnswer {
  const folder = vertex ? "projects/p/locations/l/publishers/google/" : "";
  if (method === "predictLongRunning") {
    if (!MODELS.includes(model)) return refuse(404, "NOT_FOUND", `models/${model} is not found for API version v1beta.`);
    const { instances, parameters = {} } = body ?? {};
    const other = Object.keys(parameters).find((name) => !PARAMETERS.includes(name));
    if (other !== undefined) return refuse(400, "INVALID_ARGUMENT", `Unknown parameter: ${other}`);
    const prompt = String(instances?.[0]?.prompt ?? "");
    if (prompt === "") return refuse(400, "INVALID_ARGUMENT", "Text prompt is required.");
    if (prompt.includes("forbidden")) return refuse(400, "INVALID_ARGUMENT", "The prompt was blocked by our safety filters (unsafe content).");
    const word = ["unsafe", "broken", "elsewhere", "endless", "stored"].find((one) => prompt.includes(one)) ?? "plain";
    return { body: { name: `${folder}models/${model}/operations/${word}` } };
  }
  const name: string = vertex ? (body?.operationName ?? "") : path.replace(/^\/v1beta\//, "");
  if ((vertex ? method !== "fetchPredictOperation" : verb !== "GET") || !name.startsWith(`${folder}models/${model}/operations/`))
    return refuse(404, "NOT_FOUND", "Requested entity was not found.");
  return operation(name, vertex, url);
}

function operation(name: string, vertex: boolean, url: string): PlainAnswer {
  const word = name.split("/").at(-1)!;
  const done = (response: object): PlainAnswer => ({ body: { name, done: true, response: vertex ? response : { generateVideoResponse: response } } });
  const film = (uri: string) =>
    vertex ? { videos: [{ bytesBase64Encoded: filmOf().toString("base64"), mimeType: "video/mp4" }] } : { generatedSamples: [{ video: { uri } }] };
  if (word === "endless") return { body: { name, metadata: {} } };
  if (word === "unsafe") return done({ raiMediaFilteredCount: 1, raiMediaFilteredReasons: ["We encountered an issue with the audio."] });
  if (word === "broken")
    return { body: { name, done: true, error: { code: 13, message: "Video generation failed due to an internal server issue." } } };
  if (word === "elsewhere") return done(film("https://example.com/film.mp4"));
  if (word === "stored") return done({ videos: [{ gcsUri: "gs://bucket/film.mp4", mimeType: "video/mp4" }] });
  return word === "plain" ? done(film(`${url}/v1beta/files/film:download?alt=media`)) : refuse(404, "NOT_FOUND", "Requested entity was not found.");
}
