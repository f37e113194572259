import { type PlainAnswer, type PlainServer, plainServer } from "@plinth/sdk/testing";

export const FILM = Buffer.concat([Buffer.from("\0\0\0\x20ftypisom", "latin1"), Buffer.alloc(64, 7)]);

/**
 * A server of films in both forms: OpenAI's videos as its reference had them, and xAI's generations as https://docs.x.ai has them. What
 * is `forbidden` fails, and the rest is done at the second look.
 */
export async function videoServer(): Promise<PlainServer> {
  const work = new Map<string, { style: "openai" | "xai"; body: any; looks: number }>();
  const refuse = (status: number, message: string): PlainAnswer => ({
    status,
    body: { error: { message, type: "invalid_request_error", code: null } },
  });
  const server = await plainServer(({ method, path, headers, body }) => {
    if (path === "/files/1.mp4") return { body: [FILM], headers: { "content-type": "video/mp4" } };
    if (headers.authorization !== "Bearer k") return refuse(401, "Incorrect API key provided");
    if (method === "POST" && (path === "/v1/videos" || path === "/v1/videos/generations")) {
      if (typeof body?.prompt !== "string") return refuse(400, "Missing required parameter: 'prompt'.");
      const id = `video_${work.size + 1}`;
      const style = path.endsWith("generations") ? "xai" : "openai";
      work.set(id, { style, body, looks: 0 });
      return { body: style === "xai" ? { request_id: id } : { id, object: "video", status: "queued", progress: 0, model: body.model } };
    }
    const [, id = "", content] = /^\/v1\/videos\/(\w+)(\/content)?$/.exec(path) ?? [];
    const one = work.get(id);
    if (one === undefined) return refuse(404, "Video not found");
    if (content !== undefined) return { body: [FILM], headers: { "content-type": "video/mp4" } };
    one.looks++;
    const forbidden = /forbidden/.test(one.body.prompt);
    if (one.style === "xai") {
      if (one.looks < 2) return { status: 202, body: { status: "pending", progress: 10 } };
      const video = { url: `${server.url}/files/1.mp4`, duration: 6, respect_moderation: !forbidden };
      return { body: { status: "done", video, model: one.body.model, usage: { cost_in_usd_ticks: 3_000_000_000 } } };
    }
    const common = { id, object: "video", model: one.body.model, seconds: one.body.seconds ?? "4" };
    if (one.looks < 2) return { body: { ...common, status: "in_progress", progress: 33, error: null } };
    const error = { code: "moderation_blocked", message: "Your request was blocked by our moderation system." };
    return { body: forbidden ? { ...common, status: "failed", error } : { ...common, status: "completed", progress: 100, error: null } };
  });
  return server;
}
