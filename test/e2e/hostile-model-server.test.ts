import { writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cleanUp, type Gateway, newHome, onCleanUp, startGateway } from "./lab.ts";

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

const KEY = "e2e-key-that-goes-nowhere-else";
/** What reached the host that a server leads to. */
const elsewhere: { headers: IncomingMessage["headers"]; body: string }[] = [];
let gateway: Gateway;

const sse = { "content-type": "text/event-stream" };
const good = (text: string) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: text } }] })}\n\ndata: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}\n\ndata: [DONE]\n\n`;

/** Writes as long as somebody reads. */
function endless(response: ServerResponse, piece: string | Buffer): void {
  const more = (): void => {
    while (!response.destroyed && response.write(piece));
  };
  response.on("drain", more);
  more();
}

/** Much of one piece, in some kilobytes. */
function bomb(response: ServerResponse, headers: Record<string, string>, piece: string, status = 200): void {
  response.writeHead(status, { ...headers, "content-encoding": "gzip" }).end(gzipSync(piece.repeat(Math.ceil(100_000_000 / piece.length))));
}

let other = "";
const ANSWERS: Record<string, Answer> = {
  good: (response) => void response.writeHead(200, sse).end(good("ok")),
  redirect: (response) => void response.writeHead(307, { location: `${other}/v1/chat/completions` }).end(),
  "redirect-name": (response) => void response.writeHead(308, { location: `${other.replace("127.0.0.1", "localhost")}/v1/chat/completions` }).end(),
  "redirect-round": (response, { url }) => void response.writeHead(307, { location: url! }).end(),
  "no-line": (response) => void endless(response.writeHead(200, sse), "x".repeat(65_536)),
  "no-event": (response) => void endless(response.writeHead(200, sse), "data: x\n".repeat(8_192)),
  "no-json-end": (response) => void endless(response.writeHead(200, { "content-type": "application/json" }), " ".repeat(65_536)),
  comments: (response) => void endless(response.writeHead(200, sse), ": busy\n\n".repeat(8_192)),
  "bomb-line": (response) => bomb(response, sse, "0"),
  "bomb-events": (response) => bomb(response, sse, "data: {}\n\n"),
  "bomb-json": (response) => bomb(response, { "content-type": "application/json" }, " "),
  "bomb-error": (response) => bomb(response, { "content-type": "application/json" }, " ", 400),
  html: (response) => void response.writeHead(200, { "content-type": "text/html" }).end("<h1>Sign in</h1>"),
  picture: (response) => void response.writeHead(200, { "content-type": "image/png" }).end(Buffer.alloc(2_000_000)),
  "not-gzip": (response) => void response.writeHead(200, { ...sse, "content-encoding": "gzip" }).end(good("ok")),
  "odd-encoding": (response) => void response.writeHead(200, { ...sse, "content-encoding": "x-made-up" }).end(good("ok")),
  headers: (response) => void response.writeHead(200, { ...sse, "x-large": "h".repeat(200_000) }).end(good("ok")),
  status: (response) => void response.writeHead(299, sse).end(""),
  early: (response) => void response.writeEarlyHints({ link: "</a>; rel=preload" }, () => response.writeHead(200, sse).end(good("ok"))),
  deep: (response) => void response.writeHead(200, sse).end(`data: ${"[".repeat(200_000)}\n\n`),
};

async function listening(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  onCleanUp(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = "";
  for await (const piece of request) text += piece;
  return text;
};

beforeAll(async () => {
  const home = await newHome();
  other = await listening(async (request, response) => {
    elsewhere.push({ headers: request.headers, body: await bodyOf(request) });
    response.writeHead(200, sse).end(good("from elsewhere"));
  });
  const url = await listening(async (request, response) => {
    const body = await bodyOf(request);
    if (body === "") return void response.writeHead(200, { "content-type": "application/json" }).end('{"data":[]}');
    ANSWERS[JSON.parse(body).model as string]?.(response, request);
  });
  const servers = { bad: { api: "openai-chat", baseUrl: `${url}/v1`, secret: "TEST_KEY" } };
  await writeFile(join(home, "plinth.json"), JSON.stringify({ extensions: { "plinth.models": { config: { servers } } } }));
  gateway = await startGateway(home, { TEST_KEY: KEY });
}, 60_000);
afterAll(cleanUp);

async function ask(model: string): Promise<{ status: number; text: string }> {
  const body = JSON.stringify({ model: `bad/${model}`, messages: [{ role: "user", content: "A private matter." }] });
  const headers = { authorization: `Bearer ${gateway.token}`, "content-type": "application/json" };
  const response = await fetch(`${gateway.url}/v1/chat/completions`, { method: "POST", headers, body, signal: AbortSignal.timeout(60_000) });
  return { status: response.status, text: await response.text() };
}

const cut = /PLINTH_MODEL_STREAM/;

describe("a model's server that means harm", () => {
  it.each<[string, number, RegExp]>([
    ["redirect", 502, /leads to http:\/\/127\.0\.0\.1:\d+, which is another server/],
    ["redirect-name", 502, /leads to http:\/\/localhost:\d+/],
    ["redirect-round", 502, cut],
    ["no-line", 502, /longer than 8388608/],
    ["no-event", 502, /longer than 8388608/],
    ["no-json-end", 502, /larger than 32 MiB/],
    ["comments", 502, /larger than 67108864 bytes/],
    ["bomb-line", 502, cut],
    ["bomb-events", 502, cut],
    ["bomb-json", 502, cut],
    ["bomb-error", 400, /answered 400: something that is no text/],
    ["html", 502, /text\/html and not a completion/],
    ["picture", 502, /image\/png and not a completion/],
    ["not-gzip", 200, /"content":"ok"/],
    ["odd-encoding", 200, /"content":"ok"/],
    ["headers", 502, /HPE_HEADER_OVERFLOW/],
    ["status", 502, cut],
    ["early", 200, /"content":"ok"/],
    ["deep", 502, cut],
  ])(
    "%s: is cut off in words, and the next answer comes",
    async (model, status, words) => {
      const answer = await ask(model);
      expect(answer).toMatchObject({ status, text: expect.stringMatching(words) });
      expect(answer.text).not.toContain(KEY);
      expect((await ask("good")).text).toContain('"content":"ok"');
      expect(elsewhere).toEqual([]);
    },
    90_000,
  );
});
