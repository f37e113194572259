import { greyPixel, type PlainAnswer, type PlainRequest, type PlainServer, plainServer } from "@plinth/sdk/testing";

/** The head of a film, so that it is seen to be one. */
const FILM = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from("ftypisom"), Buffer.from("film")]);

/** A refusal, as https://vydra.ai/skill.md has it. */
export const refusal = (status: number, error: string, more: object = {}): PlainAnswer => ({ status, body: { error, ...more } });

/**
 * A server of Vydra's API. Pictures and sound are there at once, a film after two looks; a prompt that holds `fail` fails, `stay` goes on
 * for ever. What it made lies on the server itself.
 */
export async function vydraServer(): Promise<PlainServer> {
  const looks = new Map<string, number>();
  const server = await plainServer((request) => answered(request, looks, () => server.url));
  return server;
}

function answered({ method, path, headers, body }: PlainRequest, looks: Map<string, number>, own: () => string): PlainAnswer {
  const at = path.replace(/^\/api\/v1/, "");
  if (method === "GET" && at.startsWith("/made/")) return made(at);
  const [kind, key] = (headers.authorization ?? "").split(" ");
  if (kind !== "Bearer" || key === "wrong") return refusal(401, "Invalid API key");
  const job = /^\/jobs\/([\w-]+)$/.exec(at)?.[1];
  if (job !== undefined && method === "GET") return seen(job, looks, own());
  const model = /^\/models\/(.+)$/.exec(at)?.[1];
  if (model === undefined || method !== "POST") return refusal(404, "Not found");
  if (model === "elevenlabs/tts") {
    if (typeof body?.text !== "string" || typeof body.voice_id !== "string") return refusal(400, "text and voice_id are required");
    return { body: { audioUrl: `${own()}/made/${encodeURIComponent(`${body.voice_id}:${body.text}`)}.mp3` } };
  }
  if (typeof body?.prompt !== "string" || body.prompt === "") return refusal(400, "prompt is required");
  const film = model === "veo3" || model === "kling" || body.model === "text-to-video";
  if (!film && !["grok-imagine", "gemini/generate", "flux-edit/edit"].includes(model)) return refusal(404, `Unknown model ${model}`);
  if (/^(kling|flux-edit\/edit)$/.test(model) && typeof body.image_url !== "string") return refusal(400, "image_url is required");
  if (!film) return { body: { jobId: "done", status: "completed", imageUrl: `${own()}/made/picture.png` } };
  const name = body.prompt.includes("fail") ? "fail-1" : body.prompt.includes("stay") ? "stay-1" : `film-${looks.size}`;
  looks.set(name, 0);
  return { body: { jobId: name, status: "processing" } };
}

function seen(job: string, looks: Map<string, number>, own: string): PlainAnswer {
  const times = looks.get(job);
  if (times === undefined) return refusal(404, "Job not found");
  looks.set(job, times + 1);
  if (job.startsWith("fail")) return { body: { jobId: job, status: "failed", error: "The prompt could not be filmed." } };
  if (job.startsWith("stay") || times < 2) return { body: { jobId: job, status: "processing" } };
  return { body: { jobId: job, status: "completed", videoUrl: `${own}/made/film.mp4` } };
}

function made(path: string): PlainAnswer {
  if (path.endsWith(".png")) return { headers: { "content-type": "image/png" }, body: greyPixel(3) };
  if (path.endsWith(".mp4")) return { headers: { "content-type": "video/mp4" }, body: FILM };
  const text = decodeURIComponent(path.slice("/made/".length, -".mp3".length));
  return { headers: { "content-type": "audio/mpeg" }, body: [Buffer.from("ID3.............."), Buffer.from(text)] };
}
