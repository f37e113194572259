import type { PlainAnswer, PlainRequest } from "@plinth/sdk/testing";

const OK = { base_resp: { status_code: 0, status_msg: "success" } };
const WORDS = ["unsafe", "broken", "elsewhere", "endless", "waiting", "gone"];

/** Tasks of both interfaces; undefined: it is none of them. What work is asked for stands in its id. */
export function taskAnswer({ method, path, body }: PlainRequest, url: string): PlainAnswer | undefined {
  if (path === "/v1/video_generation") return begunFirst(body);
  if (path === "/v2/video_generation") return begunSecond(body);
  const task = /^\/v1\/query\/video_generation\?task_id=([\w-]+)$/.exec(path)?.[1];
  if (task !== undefined) return firstTask(task);
  const file = /^\/v1\/files\/retrieve\?file_id=([\w-]+)$/.exec(path)?.[1];
  if (file !== undefined) {
    const download_url = file === "elsewhere" ? "https://example.com/film.mp4" : `${url}/files/film.mp4`;
    return {
      body: { file: { file_id: file, bytes: 0, created_at: 1, filename: "output_aigc.mp4", purpose: "video_generation", download_url }, ...OK },
    };
  }
  const [, id] = /^\/v2\/(?:query\/)?video_generation\/([\w-]+)$/.exec(path) ?? [];
  if (id === undefined) return undefined;
  if (id.startsWith("none")) return refuse(400, "bad_request_error", "invalid params, invalid task_id (2013)");
  return method === "DELETE" ? deleted(id) : secondTask(id, url);
}

const refuse = (status: number, type: string, message: string): PlainAnswer => ({
  status,
  body: { type: "error", error: { type, message, http_code: `${status}` }, request_id: "r" },
});

const wordOf = (prompt: unknown): string => WORDS.find((one) => String(prompt).includes(one)) ?? "plain";

function begunFirst(body: any): PlainAnswer {
  const { model, prompt, ...rest } = body ?? {};
  const refuseFirst = (code: number, message: string): PlainAnswer => ({
    body: { task_id: "", base_resp: { status_code: code, status_msg: message } },
  });
  if (!/^(MiniMax-Hailuo-|S2V-01)/.test(model)) return refuseFirst(2013, `invalid params, model ${model} not exist`);
  const known = ["first_frame_image", "last_frame_image", "subject_reference", "duration", "resolution", "prompt_optimizer", "aigc_watermark"];
  if (Object.keys(rest).some((name) => !known.includes(name))) return refuseFirst(2013, "invalid params");
  if (String(prompt).includes("forbidden")) return refuseFirst(1026, "video description contains sensitive content");
  return { body: { task_id: wordOf(prompt), ...OK } };
}

function firstTask(id: string): PlainAnswer {
  const row = (status: string, more: object = {}): PlainAnswer => ({ body: { task_id: id, status, file_id: "", ...more, ...OK } });
  if (id === "endless") return row("Processing");
  if (id === "waiting") return row("Queueing");
  if (id === "broken") return row("Fail", { error_message: "internal server issue" });
  if (id === "unsafe") return { body: { task_id: id, status: "Fail", base_resp: { status_code: 1027, status_msg: "output sensitive content" } } };
  if (!["plain", "elsewhere"].includes(id)) return { body: { base_resp: { status_code: 2013, status_msg: "invalid params, invalid task_id" } } };
  return row("Success", { file_id: id, video_width: 1_366, video_height: 768 });
}

function begunSecond(body: any): PlainAnswer {
  const { model, content, resolution, duration, ratio, ...rest } = body ?? {};
  const text = (content ?? []).find((one: any) => one.type === "text")?.text;
  const bad = (message: string) => refuse(400, "bad_request_error", `invalid params, ${message} (2013)`);
  if (!/^MiniMax-H3(-Max)?$/.test(model)) return bad(`model ${model} not exist`);
  if (typeof text !== "string" || text === "") return bad("content must include a non-empty text item (prompt is required)");
  if (!["480P", "768P", "2K"].includes(resolution) || !Number.isInteger(duration) || duration < 4 || duration > 15) return bad("duration");
  if (content.length === 1 && (ratio === undefined || ratio === "adaptive")) return bad("ratio");
  if (Object.keys(rest).some((name) => name !== "aigc_watermark")) return bad("unknown");
  if (text.includes("forbidden")) return refuse(422, "unprocessable_entity_error", "video description contains sensitive content (1026)");
  return { body: { task_id: wordOf(text) } };
}

function secondTask(id: string, url: string): PlainAnswer {
  const row = (status: string, more: object = {}): PlainAnswer => ({
    body: { task: { id, model: "MiniMax-H3", status, created_at: 1, updated_at: 2, ...more } },
  });
  if (id === "endless") return row("running");
  if (id === "waiting") return row("queued");
  if (id === "gone") return row("cancelled");
  if (id === "broken") return row("failed", { error: { code: "server_error", message: "internal server issue" } });
  if (id === "unsafe") return row("failed", { error: { code: "1027", message: "output sensitive content" } });
  const place = id === "elsewhere" ? "https://example.com/film.mp4" : `${url}/files/film.mp4`;
  return row("succeeded", {
    content: { url: place },
    resolution: "768P",
    duration: 5,
    ratio: "16:9",
    usage: { total_seconds: 5, input_seconds: 0, output_seconds: 5 },
  });
}

function deleted(id: string): PlainAnswer {
  if (id === "waiting" || id === "plain") return { body: { task_id: id, action: id === "waiting" ? "cancelled" : "deleted" } };
  return refuse(400, "bad_request_error", "invalid params, the task is running and cannot be cancelled (2013)");
}
