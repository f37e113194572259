import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { AskedRequest, ScriptedAnswer, Wire } from "./script.ts";

/** A model server on this machine that says what it is told to say. */
export interface ModelServer {
  /** Without a slash at its end and without a path. */
  readonly url: string;
  /** All that was asked, in order. */
  readonly requests: readonly AskedRequest[];
  /** How many answers were left by their reader before they were whole. */
  readonly left: () => number;
  /** What is answered from here on, one each; the last one again and again. */
  script(...answers: ScriptedAnswer[]): void;
  close(): Promise<void>;
}

export interface ModelServerOptions {
  /** The models that it lists. Default: one, `model-1`. */
  models?: string[];
}

const PLAIN: ScriptedAnswer = { say: [{ text: "Hello." }] };

/**
 * Start the server side of a protocol on a free port of 127.0.0.1. Until something is scripted it says "Hello.". Close it after
 * the test.
 */
export async function modelServer(wire: Wire, { models = ["model-1"] }: ModelServerOptions = {}): Promise<ModelServer> {
  const requests: AskedRequest[] = [];
  let answers: ScriptedAnswer[] = [PLAIN];
  let left = 0;
  const server = createServer((incoming, response) => {
    response.on("close", () => {
      if (!response.writableFinished) left++;
    });
    void handle(incoming, response).catch((error) => response.destroy(error));
  });

  // A client's next request must not meet a connection that is just being closed, on a slow machine either.
  server.keepAliveTimeout = 300_000;

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = await asked(incoming, requests.length + 1);
    requests.push(request);
    const [path] = request.path.split("?");
    if (!wire.paths.test(path!)) {
      const other = wire.other?.(request, models);
      return json(response, other === undefined ? 404 : 200, other ?? { error: { message: `There is nothing at ${path}.` } });
    }
    const problem = wire.refusal?.(request);
    if (problem !== undefined) return json(response, problem.status, problem.body, problem.headers);
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
    if (answer.refuse !== undefined) return json(response, answer.refuse.status, answer.refuse.body, answer.refuse.headers);
    const isStream = wire.isStream?.(request) ?? request.body?.stream === true;
    if (!isStream && wire.whole === undefined) return json(response, 400, { error: { message: "This server streams only." } });
    const events = isStream ? wire.stream(answer, request) : [JSON.stringify(wire.whole!(answer, request))];
    response.writeHead(200, {
      "content-type": isStream ? wire.contentType : "application/json",
      ...(answer.gzip ? { "content-encoding": "gzip" } : {}),
      ...answer.headers,
    });
    await send(response, answer, events);
  };

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    left: () => left,
    script(...next) {
      answers = next.length === 0 ? [PLAIN] : next;
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve, reject) => server.close((error) => (error ? reject(error) : resolve())));
    },
  };
}

async function asked(incoming: IncomingMessage, number: number): Promise<AskedRequest> {
  const pieces: Buffer[] = [];
  for await (const piece of incoming) pieces.push(piece as Buffer);
  const text = Buffer.concat(pieces).toString("utf8");
  const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]));
  return { number, method: incoming.method ?? "GET", path: incoming.url ?? "/", headers, body: parsed(text) };
}

function parsed(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}

async function send(
  response: ServerResponse,
  { cut, stall, pieces, gzip, damage }: ScriptedAnswer,
  events: Iterable<Uint8Array | string>,
): Promise<void> {
  let sent = 0;
  const most = Math.min(cut ?? Number.POSITIVE_INFINITY, stall ?? Number.POSITIVE_INFINITY);
  for (const write of writesOf(events, pieces, gzip === true, damage)) {
    const piece = write.subarray(0, most - sent);
    sent += piece.length;
    await new Promise<void>((resolve) => response.write(piece, () => resolve()));
    // Another turn of the loop, so that small pieces travel by themselves.
    if (pieces !== undefined) await nextTurn();
    if (response.destroyed || sent >= most) break;
  }
  if (response.destroyed || stall !== undefined) return;
  if (cut !== undefined) response.destroy();
  else response.end();
}

function* writesOf(
  events: Iterable<Uint8Array | string>,
  pieces: number | undefined,
  gzip: boolean,
  damage: ScriptedAnswer["damage"],
): Generator<Uint8Array> {
  const bytes = (event: Uint8Array | string) => (typeof event === "string" ? Buffer.from(event) : event);
  if (pieces === undefined && !gzip && damage === undefined) {
    for (const event of events) yield bytes(event);
    return;
  }
  const said = Buffer.concat([...events].map(bytes));
  const plain = damage?.(said) ?? said;
  const whole = gzip ? gzipSync(plain) : plain;
  const size = pieces ?? whole.length;
  for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size);
}
