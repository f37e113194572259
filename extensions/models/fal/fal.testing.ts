import { randomUUID } from "node:crypto";
import type { GenerationItem, PurposeEndpoint } from "@plinth/sdk";
import {
  createTestHost,
  greyPixel,
  type PlainAnswer,
  type PlainRequest,
  type PlainServer,
  plainServer,
  type ScriptedProvider,
} from "@plinth/sdk/testing";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

type Purpose = "plinth.image-generation" | "plinth.video-generation" | "plinth.music-generation" | "plinth.speech";
type Apis = Record<Purpose, { quirks: object; models: { id: string }[]; voices?: { id: string }[] }>;

export const apis = manifest.provides.find(({ id, contract }) => id === "fal" && contract === "plinth.model-vendor")!.descriptor
  .apis as unknown as Apis;

const bytes = (head: string): Buffer => Buffer.concat([Buffer.from(head, "latin1"), Buffer.alloc(64, 7)]);
export const MADE = { png: greyPixel(), mp4: bytes("\0\0\0\x20ftypisom"), mp3: bytes("ID3"), wav: bytes("RIFF\0\0\0\0WAVE"), flac: bytes("fLaC") };

interface Work {
  readonly app: string;
  readonly model: string;
  readonly input: any;
  looks: number;
  state: "waiting" | "cancelled";
}

export interface FalServer extends PlainServer {
  readonly work: ReadonlyMap<string, Work>;
  /** Answers come as late, so that whoever asks can leave before. */
  hold(): () => void;
}

const refuse = (status: number, detail: unknown, more: object = {}): PlainAnswer => ({ status, body: { detail, ...more } });

/**
 * The queue of fal as https://fal.ai/docs/api-reference/inference-api has it, with models that make something small: what is
 * `forbidden` fails, what is `slow` is never done, and the rest is done at the second look.
 */
export async function falServer(): Promise<FalServer> {
  const work = new Map<string, Work>();
  let held: Promise<void> | undefined;
  const server = await plainServer(async (request) => {
    await held;
    const [path] = request.path.split("?") as [string];
    const file = /^\/files\/\w+\.(\w+)$/.exec(path)?.[1];
    if (file !== undefined) return { body: [MADE[file as keyof typeof MADE]], headers: { "content-type": "application/octet-stream" } };
    if (request.headers.authorization !== "Key k") return refuse(401, "No user found for Key ID and Secret");
    const [, app, id, rest = ""] = /^\/(.+)\/requests\/([\w-]+)(\/\w+)?$/.exec(path) ?? [];
    if (id === undefined) return request.method === "POST" ? begun(path.slice(1), request) : refuse(405, "Method Not Allowed");
    const one = work.get(id);
    if (one === undefined || one.app !== app) return rest === "/cancel" ? { status: 404, body: { status: "NOT_FOUND" } } : refuse(404, "Not Found");
    if (rest === "/status") return stateOf(id, one);
    if (rest === "/cancel") return cancelled(one);
    return resultOf(one);
  });
  const urls = (app: string, id: string) => {
    const at = `${server.url}/${app}/requests/${id}`;
    return { request_id: id, response_url: at, status_url: `${at}/status`, cancel_url: `${at}/cancel` };
  };
  const begun = (model: string, { body }: PlainRequest): PlainAnswer => {
    if (!/^(fal-ai|acme|workflows)\//.test(model)) return refuse(404, `Application '${model}' not found`);
    const missing = ["prompt", "text", "tags"].every((name) => typeof body?.[name] !== "string" || body[name] === "");
    if (missing) return refuse(422, [{ loc: ["body", "prompt"], msg: "field required", type: "missing" }]);
    const [app, id] = [
      model
        .split("/")
        .slice(0, model.startsWith("workflows/") ? 3 : 2)
        .join("/"),
      randomUUID(),
    ];
    work.set(id, { app, model, input: body, looks: 0, state: "waiting" });
    return { body: { status: "IN_QUEUE", queue_position: 1, ...urls(app, id) } };
  };
  const isSlow = ({ input }: Work) => /slow/.test(JSON.stringify(input));
  const isDone = (one: Work) => one.state === "cancelled" || (one.looks > 1 && !isSlow(one));
  const stateOf = (id: string, one: Work): PlainAnswer => {
    one.looks++;
    const said = urls(one.app, id);
    if (one.state === "cancelled") return { body: { status: "COMPLETED", error: "Cancelled", error_type: "client_cancelled", ...said } };
    const failed = /forbidden/.test(JSON.stringify(one.input)) ? { error: "Unprocessable", error_type: "content_policy_violation" } : {};
    if (isDone(one)) return { body: { status: "COMPLETED", ...failed, logs: null, metrics: { inference_time: 1.5 }, ...said } };
    return { status: 202, body: one.looks > 1 ? { status: "IN_PROGRESS", logs: null, ...said } : { status: "IN_QUEUE", queue_position: 1, ...said } };
  };
  const cancelled = (one: Work): PlainAnswer => {
    if (isDone(one)) return { status: 400, body: { status: "ALREADY_COMPLETED" } };
    one.state = "cancelled";
    return { status: 202, body: { status: "CANCELLATION_REQUESTED" } };
  };
  const resultOf = (one: Work): PlainAnswer => {
    if (!isDone(one)) return refuse(400, "Request is still in progress");
    const { input, model } = one;
    const violation = { loc: ["body", "prompt"], msg: "The content could not be processed.", type: "content_policy_violation" };
    if (/forbidden/.test(JSON.stringify(input))) return refuse(422, [violation]);
    const file = (kind: string, at = 0) => ({ url: `${server.url}/files/${at}.${kind}`, content_type: "application/octet-stream" });
    if (/video|veo/.test(model)) return { body: { video: file("mp4"), seed: 7 } };
    const kind = /kokoro/.test(model) ? "wav" : (input.audio_setting?.format ?? "mp3");
    if (/audio|music|ace|lyria|speech|tts|kokoro/.test(model)) return { body: { audio: file(kind), lyrics: input.lyrics ?? "" } };
    const images = Array.from({ length: input.num_images ?? 1 }, (_, at) => file("png", at));
    return { body: { images, seed: 7, prompt: input.prompt, has_nsfw_concepts: images.map(() => false) } };
  };
  const hold = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    held = promise;
    return resolve;
  };
  return { ...server, work, hold };
}

/** The queue, and the extension in a host of its own. */
export async function opened(provide: ScriptedProvider[] = []) {
  const server = await falServer();
  const host = await createTestHost({ extensions: [{ manifest, extension }], provide });
  return { server, host, close: () => host.close().then(() => server.close()) };
}

export function endpointFor(purpose: Purpose, url: string, more: Partial<PurposeEndpoint> = {}): PurposeEndpoint {
  const { quirks, models, voices } = apis[purpose];
  const known = { quirks: quirks as Record<string, unknown>, models, ...(voices === undefined ? {} : { voices }) };
  return { vendor: "fal", title: "fal", baseUrl: url, headers: { authorization: "Key k" }, ...known, ...more };
}

/** A provider whose every input has this endpoint, for the suites. */
export const reached = <Client extends object>(client: Client, endpoint: PurposeEndpoint): Client =>
  new Proxy(client, {
    get: (target, name) => (input: object, options?: object) => (target as any)[name]({ ...input, endpoint }, options),
  });

export async function all<Item = GenerationItem>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}
