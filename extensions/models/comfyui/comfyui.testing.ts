import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createTestHost, greyPixel, type PlainAnswer, type PlainRequest, type PlainServer, plainServer } from "@plinth/sdk/testing";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

const bytes = (head: string): Buffer => Buffer.concat([Buffer.from(head, "latin1"), Buffer.alloc(64, 7)]);
const MADE: Readonly<Record<string, Buffer>> = { png: greyPixel(), mp4: bytes("\0\0\0\x20ftypisom"), mp3: bytes("ID3") };

const node = (class_type: string, inputs: object, title = class_type) => ({ class_type, inputs, _meta: { title } });
const sampled = (save: object, more: object = {}) => ({
  "3": node("KSampler", { seed: 1, steps: 20, cfg: 8, denoise: 1, model: ["4", 0], positive: ["6", 0], negative: ["7", 0], latent_image: ["5", 0] }),
  "4": node("CheckpointLoaderSimple", { ckpt_name: "there.safetensors" }),
  "5": node("EmptyLatentImage", { width: 512, height: 512, batch_size: 1 }),
  "6": node("CLIPTextEncode", { text: "a bottle", clip: ["4", 1] }),
  "7": node("CLIPTextEncode", { text: "watermark", clip: ["4", 1] }),
  "8": node("VAEDecode", { samples: ["3", 0], vae: ["4", 2] }),
  "9": save,
  ...more,
});

/** As ComfyUI's page exports them in API format. */
export const workflows: Readonly<Record<string, object>> = {
  drawn: sampled(node("SaveImage", { filename_prefix: "drawn", images: ["8", 0] })),
  edited: sampled(node("SaveImage", { filename_prefix: "edited", images: ["8", 0] }), {
    "10": node("LoadImage", { image: "example.png" }),
    "11": node("LoadImage", { image: "mask.png" }, "Mask"),
  }),
  filmed: sampled(node("SaveVideo", { filename_prefix: "filmed", video: ["8", 0] })),
  sung: {
    "1": node("TextEncodeAceStepAudio", { tags: "pop", lyrics: "la", clip: ["2", 0] }, "Prompt"),
    "2": node("CheckpointLoaderSimple", { ckpt_name: "there.safetensors" }),
    "3": node("SaveAudioMP3", { filename_prefix: "sung", audio: ["1", 0] }),
  },
};

interface Work {
  readonly number: number;
  readonly graph: any;
  looks: number;
  ended?: "interrupted" | "taken";
}

export interface ComfyServerCounterpart extends PlainServer {
  readonly work: ReadonlyMap<string, Work>;
  /** Answers come as late, so that whoever asks can leave before. */
  hold(): () => void;
}

/**
 * A server of ComfyUI's routes (https://docs.comfy.org/development/comfyui-server/comms_routes). What is `broken` fails in its
 * sampler, what is `slow` runs until it is interrupted, what is `late` waits, and the rest is done at the second look.
 */
export async function comfyServer(): Promise<ComfyServerCounterpart> {
  const work = new Map<string, Work>();
  let held: Promise<void> | undefined;
  const text = ({ graph }: Work) => JSON.stringify(graph);
  const isDone = (one: Work) => one.ended === "interrupted" || (one.looks > 1 && !/\bslow\b|\blate\b/.test(text(one)));
  const rows = (pick: (one: Work) => boolean) =>
    [...work].filter(([, one]) => !isDone(one) && one.ended === undefined && pick(one)).map(([id, one]) => [one.number, id, one.graph, {}, ["9"]]);
  const isLate = (one: Work) => /\blate\b/.test(text(one));
  const server = await plainServer(async (request) => {
    await held;
    const url = new URL(request.path, "http://x");
    const id = /^\/history\/([\w-]+)$/.exec(url.pathname)?.[1];
    if (id !== undefined) return { body: historyOf(id) };
    switch (`${request.method} ${url.pathname}`) {
      case "GET /system_stats":
        return { body: { system: { comfyui_version: "0.3.60" }, devices: [] } };
      case "POST /prompt":
        return queued(request);
      case "GET /queue":
        return { body: { queue_running: rows((one) => !isLate(one)), queue_pending: rows(isLate) } };
      case "POST /queue":
        for (const one of request.body.delete ?? []) Object.assign(work.get(one) ?? {}, { ended: "taken" });
        return { body: "" };
      case "POST /interrupt":
        for (const [one, its] of work) if (!isDone(its) && !isLate(its) && (request.body?.prompt_id ?? one) === one) its.ended = "interrupted";
        return { body: "" };
      case "POST /upload/image":
        return { body: { name: request.body.image.name, subfolder: request.body.subfolder ?? "", type: request.body.type ?? "input" } };
      case "GET /view":
        return viewed(url);
      default:
        return { status: 404, body: "404: Not Found" };
    }
  });
  const queued = ({ body }: PlainRequest): PlainAnswer => {
    const graph = body?.prompt;
    if (graph === undefined)
      return { status: 400, body: { error: { type: "no_prompt", message: "No prompt provided", details: "" }, node_errors: {} } };
    const bad = Object.entries<any>(graph).find(([, { inputs }]) => inputs.ckpt_name !== undefined && inputs.ckpt_name !== "there.safetensors");
    if (bad !== undefined) {
      const details = `ckpt_name: '${bad[1].inputs.ckpt_name}' not in ['there.safetensors']`;
      const errors = [{ type: "value_not_in_list", message: "Value not in list", details, extra_info: {} }];
      const error = { type: "prompt_outputs_failed_validation", message: "Prompt outputs failed validation", details: "", extra_info: {} };
      return { status: 400, body: { error, node_errors: { [bad[0]]: { errors, dependent_outputs: ["9"], class_type: bad[1].class_type } } } };
    }
    const id = randomUUID();
    work.set(id, { number: work.size, graph, looks: 0 });
    return { body: { prompt_id: id, number: work.size - 1, node_errors: {} } };
  };
  const historyOf = (id: string): object => {
    const one = work.get(id);
    if (one === undefined) return {};
    one.looks++;
    if (!isDone(one) || one.ended === "taken") return {};
    const status = (status_str: string, ...messages: unknown[]) => ({ status_str, completed: status_str === "success", messages });
    if (one.ended === "interrupted") return { [id]: { outputs: {}, status: status("error", ["execution_interrupted", { prompt_id: id }]) } };
    const failed = { node_id: "3", node_type: "KSampler", exception_message: "shapes cannot be multiplied", exception_type: "RuntimeError" };
    if (/broken/.test(text(one))) return { [id]: { outputs: {}, status: status("error", ["execution_error", failed]) } };
    const [save, { class_type, inputs }] = Object.entries<any>(one.graph).find(([, { class_type: name }]) => name.startsWith("Save"))!;
    const count = one.graph["5"]?.inputs.batch_size ?? 1;
    const [name, ending] = class_type === "SaveImage" ? ["images", "png"] : class_type === "SaveVideo" ? ["images", "mp4"] : ["audio", "mp3"];
    const files = Array.from({ length: ending === "png" ? count : 1 }, (_, at) => ({
      ...{ filename: `${inputs.filename_prefix}_0000${at}_.${ending}`, subfolder: "", type: "output" },
    }));
    return { [id]: { outputs: { [save]: { [name]: files } }, status: status("success") } };
  };
  const viewed = ({ searchParams }: URL): PlainAnswer => {
    const [, ending = ""] = /\.(\w+)$/.exec(searchParams.get("filename") ?? "") ?? [];
    return Object.hasOwn(MADE, ending)
      ? { body: [MADE[ending]], headers: { "content-type": "application/octet-stream" } }
      : { status: 404, body: "" };
  };
  const hold = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    held = promise;
    return resolve;
  };
  return { ...server, work, hold };
}

/** Put workflows where a person puts them. */
export async function putWorkflows(home: string, some: Readonly<Record<string, unknown>> = workflows): Promise<void> {
  const folder = join(home, "state/plinth.comfyui");
  await mkdir(folder, { recursive: true });
  for (const [name, graph] of Object.entries(some))
    await writeFile(join(folder, `${name}.json`), typeof graph === "string" ? graph : JSON.stringify(graph));
}

/** The server, and the extension in a host of its own. */
export async function opened(config: object = {}, some?: Readonly<Record<string, unknown>>) {
  const server = await comfyServer();
  const host = await createTestHost({ extensions: [{ manifest, extension, config: { baseUrl: server.url, ...config } }] });
  await putWorkflows(host.home, some);
  return { server, host, close: () => host.close().then(() => server.close()) };
}
