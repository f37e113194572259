// The protocols of models: our code of each, as it was built, the vendor's own client, and a server that speaks it.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import Anthropic from "@anthropic-ai/sdk";
import { BedrockRuntimeClient, ConverseStreamCommand } from "@aws-sdk/client-bedrock-runtime";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import { root } from "./lab.mjs";

const testing = await import(join(root, "dist/sdk/testing/index.js"));

const MODEL = "bench-1";
const user = (text) => [{ role: "user", content: text }];
const EVENTS = "text/event-stream";

const openai = () => new OpenAI({ apiKey: "k", baseURL: "http://127.0.0.1:9/v1", maxRetries: 0, fetch: replay.fetch(EVENTS) });

export const protocols = [
  {
    name: "chat completions",
    vendor: "openai",
    open: protocol("api-openai-chat", "openaiChatServer", "/v1", EVENTS, async (pieces) => {
      replay.pieces = pieces;
      let text = "";
      const stream = await openai().chat.completions.create({ model: MODEL, messages: user("hello"), stream: true });
      for await (const { choices } of stream) text += choices[0]?.delta.content ?? "";
      return text;
    }),
  },
  {
    name: "responses",
    vendor: "openai",
    open: protocol("api-openai-responses", "openaiResponsesServer", "/v1", EVENTS, async (pieces) => {
      replay.pieces = pieces;
      let text = "";
      for await (const event of await openai().responses.create({ model: MODEL, input: "hello", stream: true })) {
        if (event.type === "response.output_text.delta") text += event.delta;
      }
      return text;
    }),
  },
  {
    name: "messages",
    vendor: "@anthropic-ai/sdk",
    open: protocol("api-anthropic", "anthropicServer", "", EVENTS, async (pieces) => {
      replay.pieces = pieces;
      let text = "";
      const client = new Anthropic({ apiKey: "k", baseURL: "http://127.0.0.1:9", maxRetries: 0, fetch: replay.fetch(EVENTS) });
      for await (const event of await client.messages.create({ model: MODEL, max_tokens: 100, messages: user("hello"), stream: true })) {
        if (event.type === "content_block_delta" && event.delta.type === "text_delta") text += event.delta.text;
      }
      return text;
    }),
  },
  {
    name: "gemini",
    vendor: "@google/genai",
    open: protocol("api-gemini", "geminiServer", "/v1beta", EVENTS, async (pieces) => {
      replay.pieces = pieces;
      const real = globalThis.fetch;
      globalThis.fetch = replay.fetch(EVENTS);
      try {
        let text = "";
        const client = new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl: "http://127.0.0.1:9", apiVersion: "v1beta" } });
        for await (const chunk of await client.models.generateContentStream({ model: MODEL, contents: "hello" })) text += chunk.text ?? "";
        return text;
      } finally {
        globalThis.fetch = real;
      }
    }),
  },
  {
    name: "bedrock converse",
    vendor: "@aws-sdk/client-bedrock-runtime",
    open: protocol("api-bedrock", "bedrockServer", "", "application/vnd.amazon.eventstream", async (pieces) => {
      let text = "";
      const requestHandler = {
        handle: async () => ({
          response: { statusCode: 200, headers: { "content-type": "application/vnd.amazon.eventstream" }, body: Readable.from(pieces) },
        }),
        metadata: { handlerProtocol: "http/1.1" },
      };
      const client = new BedrockRuntimeClient({
        region: "us-east-1",
        credentials: { accessKeyId: "A", secretAccessKey: "S" },
        requestHandler,
        maxAttempts: 1,
      });
      const { stream } = await client.send(new ConverseStreamCommand({ modelId: MODEL, messages: [{ role: "user", content: [{ text: "hello" }] }] }));
      for await (const { contentBlockDelta } of stream) text += contentBlockDelta?.delta?.text ?? "";
      return text;
    }),
  },
  {
    name: "ollama",
    // Its own client is no part of this repository: this is the least that anybody does.
    vendor: "split and JSON.parse",
    isClient: false,
    open: protocol("api-ollama", "ollamaServer", "", "application/x-ndjson", async (pieces) => {
      const decoder = new TextDecoder();
      let [text, rest] = ["", ""];
      for (const piece of pieces) {
        const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
        rest = lines.pop();
        for (const line of lines) text += JSON.parse(line).message?.content ?? "";
      }
      return text;
    }),
  },
];

/** What the vendors' clients are answered. */
const replay = {
  pieces: [],
  fetch: (type) => async () => new Response(ReadableStream.from(replay.pieces), { status: 200, headers: { "content-type": type } }),
};

/** @returns opens it: the server's answer of so many deltas as bytes, and both who read it. */
function protocol(extension, server, path, type, theirs) {
  return async (deltas) => {
    const running = await testing[server]({ models: [MODEL] });
    running.script({
      say: Array.from({ length: deltas }, (_, at) => ({ text: ` word${at % 97}` })),
      usage: { inputTokens: 12, outputTokens: deltas },
    });
    let taken;
    const recording = await apiOf(extension, async (url, { method, headers, body } = {}) => {
      const response = await fetch(url, { method, headers, body });
      if (!String(response.headers.get("content-type")).startsWith(type)) return asOurs(response.status, response.headers, response.body);
      taken = new Uint8Array(await response.arrayBuffer());
      return asOurs(200, response.headers, [taken]);
    });
    const endpoint = {
      ...{ vendor: extension, title: "Bench", baseUrl: `${running.url}${path}`, quirks: { noShow: true } },
      // Whichever of them the protocol proves itself with.
      headers: { authorization: "Bearer k", "x-api-key": "k", "x-goog-api-key": "k" },
    };
    const request = { model: MODEL, messages: [{ role: "user", content: [{ type: "text", text: "hello" }] }], maxOutputTokens: 100 };
    await read(recording, endpoint, request);
    await running.close();
    let pieces = [];
    const replaying = await apiOf(extension, async () => asOurs(200, new Headers({ "content-type": type }), pieces));
    return {
      answer: taken,
      theirs,
      ours: (given) => {
        pieces = given;
        return read(replaying, endpoint, request);
      },
    };
  };
}

/** Our code of a protocol as the product has it, with nothing around it but a way to the server. */
async function apiOf(extension, send) {
  const { default: built } = await import(join(root, `dist/extensions/plinth.${extension}/index.js`));
  const manifest = JSON.parse(await readFile(join(root, `dist/extensions/plinth.${extension}/plinth.json`), "utf8"));
  let api;
  const context = {
    ...{ id: manifest.id, version: manifest.version, config: {}, env: {}, signal: new AbortController().signal },
    log: { debug() {}, info() {}, warn() {}, error() {} },
    clock: { now: Date.now, sleep: async () => {} },
    fetch: send,
    provide: (contract, _id, provider) => {
      if (contract === "plinth.model-api") api = provider;
    },
    effect: () => () => {},
  };
  await built.activate(context);
  return api;
}

async function read(api, endpoint, request) {
  const call = { signal: new AbortController().signal, caller: "plinth.models", work: undefined };
  let text = "";
  for await (const event of api.stream({ endpoint, request }, call)) if (event.type === "text") text += event.delta;
  return text;
}

function asOurs(status, headers, given) {
  const body = (async function* () {
    yield* given ?? [];
  })();
  return {
    ...{ status, ok: status < 300, headers: Object.fromEntries(headers), body },
    text: async () => Buffer.concat(await Array.fromAsync(body)).toString("utf8"),
    json: async () => JSON.parse(Buffer.concat(await Array.fromAsync(body)).toString("utf8")),
  };
}
