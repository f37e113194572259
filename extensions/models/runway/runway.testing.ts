import { randomUUID } from "node:crypto";
import type { GenerationItem, PurposeEndpoint } from "@plinth/sdk";
import { createTestHost, greyPixel, type PlainAnswer, type PlainServer, plainServer } from "@plinth/sdk/testing";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

export type Purpose = "plinth.image-generation" | "plinth.video-generation";
const vendor = manifest.provides.find(({ contract }) => contract === "plinth.model-vendor")!.descriptor as any;
export const FILM = Buffer.concat([Buffer.from("\0\0\0\x20ftypisom", "latin1"), Buffer.alloc(64, 7)]);

interface Task {
  readonly path: string;
  readonly input: any;
  looks: number;
  cancelled?: true;
}

export interface RunwayServer extends PlainServer {
  readonly tasks: Map<string, Task>;
  /** Answers come as late, so that whoever asks can leave before. */
  hold(): () => void;
}

/**
 * The tasks of Runway's API as its reference has them (https://docs.dev.runwayml.com/api): what is `forbidden` fails, what is `slow`
 * runs until it is cancelled, and the rest is done at the second look. What is over is deleted by what cancels.
 */
export async function runwayServer(): Promise<RunwayServer> {
  const tasks = new Map<string, Task>();
  let held: Promise<void> | undefined;
  const refuse = (status: number, error: string): PlainAnswer => ({ status, body: { error } });
  const server = await plainServer(async ({ method, path, headers, body }) => {
    await held;
    if (path.startsWith("/files/"))
      return { body: [path.endsWith("png") ? greyPixel() : FILM], headers: { "content-type": "application/octet-stream" } };
    if (headers.authorization !== "Bearer k") return refuse(401, "Invalid API key");
    if (headers["x-runway-version"] !== "2024-11-06") return refuse(400, "A valid X-Runway-Version header is required");
    const id = /^\/v1\/tasks\/([\w-]+)$/.exec(path)?.[1];
    if (id !== undefined) {
      const task = tasks.get(id);
      if (task === undefined) return refuse(404, "Not found");
      if (method !== "DELETE") return { body: stateOf(id, task) };
      if (isOpen(task)) task.cancelled = true;
      else tasks.delete(id);
      return { status: 204, body: "" };
    }
    if (method !== "POST" || !/^\/v1\/(text_to_video|image_to_video|text_to_image)$/.test(path)) return refuse(404, "Not found");
    if (typeof body?.promptText !== "string" || body.model === undefined) return refuse(400, "promptText: Required");
    const created = randomUUID();
    tasks.set(created, { path, input: body, looks: 0 });
    return { body: { id: created, estimatedCost: { credits: 25 } } };
  });
  const isSlow = ({ input }: Task) => /slow/.test(input.promptText);
  const isOpen = (task: Task) => task.cancelled !== true && (task.looks < 2 || isSlow(task));
  const stateOf = (id: string, task: Task): object => {
    task.looks++;
    const common = { id, createdAt: "2026-11-30T10:00:00Z" };
    const text: string = task.input.promptText;
    if (task.cancelled) return { ...common, status: "CANCELLED", cost: { credits: 0 } };
    if (task.looks < 2) return { ...common, status: "PENDING", estimatedCost: { credits: 25 } };
    if (isSlow(task)) return { ...common, status: "RUNNING", progress: 0.5, estimatedCost: { credits: 25 } };
    const failed = { status: "FAILED", failure: "The prompt was rejected.", failureCode: "SAFETY.INPUT.TEXT", cost: { credits: 0 } };
    if (/forbidden/.test(text)) return { ...common, ...failed };
    const file = task.path.endsWith("image") ? "png" : "mp4";
    const output = Array.from({ length: task.input.outputCount ?? 1 }, (_, at) => `${server.url}/files/${at}.${file}`);
    return { ...common, status: "SUCCEEDED", output, cost: { credits: 25 } };
  };
  const hold = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    held = promise;
    return resolve;
  };
  return { ...server, tasks, hold };
}

/** The server, and the extension in a host of its own. */
export async function opened() {
  const server = await runwayServer();
  const host = await createTestHost({ extensions: [{ manifest, extension }] });
  return { server, host, close: () => host.close().then(() => server.close()) };
}

export function endpointFor(purpose: Purpose, url: string): PurposeEndpoint {
  const { quirks, models } = vendor.apis[purpose];
  const headers = { authorization: "Bearer k", ...vendor.headers };
  return { vendor: "runway", title: "Runway", baseUrl: `${url}/v1`, headers, quirks, models };
}

/** A provider whose every input has this endpoint, for the suites. */
export const reached = <Client extends object>(client: Client, endpoint: PurposeEndpoint): Client =>
  new Proxy(client, {
    get: (target, name) => (input: object, options?: object) => (target as any)[name]({ ...input, endpoint }, options),
  });

export async function all(items: AsyncIterable<GenerationItem>): Promise<GenerationItem[]> {
  const list: GenerationItem[] = [];
  for await (const item of items) list.push(item);
  return list;
}
