import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import WebSocket from "ws";

export const root = join(import.meta.dirname, "../..");
const launcher = join(root, "kernel/bin/plinth.cjs");
const undo: (() => unknown)[] = [];

/** Undo everything that the test started, newest first. Call it from afterEach or afterAll. */
export async function cleanUp(): Promise<void> {
  for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
}

/** Undo it with all the rest. */
export const onCleanUp = (step: () => unknown): void => void undo.push(step);

export async function newHome(): Promise<string> {
  if (!existsSync(join(root, "dist/commands.json"))) throw new Error("run `npm test`, or build first: `npm run build`");
  const home = await mkdtemp(join(tmpdir(), "plinth-e2e-"));
  undo.push(() => rm(home, { recursive: true, force: true, maxRetries: 5 }));
  return home;
}

/** The test's environment without anything that would choose a model or a home. */
export function cleanEnv(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/(_API_KEY|_BASE_URL|^OLLAMA_HOST|^PLINTH_|^NODE_OPTIONS|^VITEST)/.test(name));
  // Ports that nobody listens on: a real local model on this machine must not answer for the test.
  return { ...Object.fromEntries(kept), OLLAMA_HOST: "http://127.0.0.1:9", LLAMACPP_BASE_URL: "http://127.0.0.1:9/v1", ...extra };
}

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Run `plinth` to its end. */
export function plinth(home: string, args: string[], env: Record<string, string> = {}, cwd = root): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [launcher, ...args],
      { cwd, env: cleanEnv({ PLINTH_HOME: home, ...env }), timeout: 60_000 },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
      },
    );
  });
}

export interface Gateway {
  url: string;
  token: string;
  pid: number;
  child: ChildProcess;
  stderr(): string;
  stop(): Promise<void>;
}

/** `descriptors`: how many the gateway may have open; default as many as the test. `program`: another launcher than the clone's. */
export async function startGateway(home: string, env: Record<string, string> = {}, descriptors?: number, program = launcher): Promise<Gateway> {
  const command = [process.execPath, program, "gateway", "run", "--port", "0", "--json"];
  const limited = descriptors === undefined ? command : ["/bin/sh", "-c", `ulimit -n ${descriptors} && exec "$0" "$@"`, ...command];
  const child = spawn(limited[0] as string, limited.slice(1), {
    env: cleanEnv({ PLINTH_HOME: home, ...env }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const line = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
      if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")));
    });
    child.once("exit", (code) => reject(new Error(`the gateway ended with ${code}: ${stderr}`)));
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await gone;
  };
  undo.push(stop);
  return { ...(JSON.parse(line) as { url: string; token: string; pid: number }), child, stderr: () => stderr, stop };
}

export interface Client {
  request(method: string, params?: unknown, onEvent?: (event: any) => void): Promise<any>;
  /** Send a message; resolves to all events of its turn. */
  turn(text: string, sessionKey?: string): Promise<any[]>;
  close(): void;
}

export async function connect({ url, token }: { url: string; token: string }): Promise<Client> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws`, { headers: { authorization: `Bearer ${token}` } });
  await new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  socket.on("error", () => {});
  socket.setMaxListeners(0);
  undo.push(() => socket.close());
  let next = 1;
  const request: Client["request"] = (method, params = {}, onEvent) =>
    new Promise((resolve, reject) => {
      const id = String(next++);
      const onMessage = (data: WebSocket.RawData): void => {
        const frame = JSON.parse(String(data));
        if (frame.id !== id) return;
        if (frame.type === "event") return onEvent?.(frame.data);
        socket.off("message", onMessage);
        if (frame.ok) resolve(frame.result);
        else reject(Object.assign(new Error(frame.error.message), frame.error));
      };
      socket.on("message", onMessage);
      socket.once("close", () => reject(new Error("the connection closed")));
      socket.send(JSON.stringify({ type: "req", id, method, params }));
    });
  await request("connect", { protocol: 1, client: "e2e" });
  return {
    request,
    async turn(text, sessionKey) {
      const events: any[] = [];
      await request("chat.send", { text, ...(sessionKey === undefined ? {} : { sessionKey }) }, (event) => events.push(event));
      return events;
    },
    close: () => socket.close(),
  };
}

export type Script = (body: any, request: IncomingMessage, response: ServerResponse) => unknown;

/** A model server of our own on loopback: the script decides what each completion does. */
export async function scriptedModel(script: Script): Promise<{ env: Record<string, string>; requests: any[] }> {
  const requests: any[] = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    if (request.url?.endsWith("/models"))
      return response.writeHead(200, { "content-type": "application/json" }).end('{"object":"list","data":[{"id":"scripted","object":"model"}]}');
    const body = JSON.parse(text);
    requests.push(body);
    await script(body, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  undo.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    env: { OPENAI_API_KEY: "e2e-key-not-secret", OPENAI_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` },
    requests,
  };
}

/** Chat completion chunks as a vendor sends them. */
export const sse = {
  head: (response: ServerResponse): ServerResponse => response.writeHead(200, { "content-type": "text/event-stream" }),
  chunk: (delta: unknown, finish: string | null = null): string =>
    `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "scripted", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`,
  call: (id: string, name: string, args: unknown): string =>
    sse.chunk({ tool_calls: [{ index: 0, id, type: "function", function: { name, arguments: JSON.stringify(args) } }] }) +
    sse.chunk({}, "tool_calls"),
  done: "data: [DONE]\n\n",
};

/** Answer with a text, at once. */
export const say = (response: ServerResponse, text: string): void =>
  void sse.head(response).end(sse.chunk({ content: text }) + sse.chunk({}, "stop") + sse.done);

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
