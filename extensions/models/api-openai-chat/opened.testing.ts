import type { ModelEndpoint, ModelEvent, ModelRequest } from "@plinth/sdk";
import {
  createTestHost,
  type ModelServer,
  type OpenaiChatOptions,
  openaiChatServer,
  type ScriptedAnswer,
  type ScriptedProvider,
} from "@plinth/sdk/testing";
import { AnswerParser } from "./answer-parser.ts";
import { CompletionReader } from "./completion-reader.ts";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

export const ask: ModelRequest = { model: "model-1", messages: [{ role: "user", content: [{ type: "text", text: "hi" }] }] };

export async function openApi(provide: ScriptedProvider[] = []) {
  const host = await createTestHost({ extensions: [{ manifest, extension }], provide });
  return { host, api: host.use("plinth.model-api").get("openai-chat") };
}

export const endpointOf = (url: string, more: Partial<ModelEndpoint> = {}): ModelEndpoint => ({
  vendor: "acme",
  title: "Acme",
  baseUrl: `${url}/v1`,
  headers: { authorization: "Bearer k" },
  ...more,
});

export async function collect(stream: AsyncIterable<ModelEvent>): Promise<ModelEvent[]> {
  const items: ModelEvent[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

interface Asking extends OpenaiChatOptions {
  request?: Partial<ModelRequest>;
  endpoint?: Partial<ModelEndpoint>;
  provide?: ScriptedProvider[];
}

/** What the API makes of scripted answers, asked once for each. The last failure is thrown. */
export async function answered(answers: ScriptedAnswer[], { request, endpoint, provide = [], ...options }: Asking = {}) {
  const server: ModelServer = await openaiChatServer(options);
  const { host, api } = await openApi(provide);
  try {
    server.script(...answers);
    const events: ModelEvent[][] = [];
    const given = endpointOf(server.url, endpoint);
    for (const _ of answers) {
      const items: ModelEvent[] = [];
      events.push(items);
      for await (const item of api.stream({ endpoint: given, request: { ...ask, ...request } })) items.push(item);
    }
    return { events: events.at(-1)!, bodies: server.requests.map(({ body }) => body), requests: server.requests };
  } finally {
    await host.close();
    await server.close();
  }
}

export const failing = (answers: ScriptedAnswer[], options?: Asking) =>
  answered(answers, options).then(
    ({ events }) => Promise.reject(new Error(`It answered ${JSON.stringify(events)}`)),
    (error) => error,
  );

/** One chunk of a stream. */
export const chunk = (delta: object, finish_reason: string | null = null): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`;

export interface Reading {
  events: ModelEvent[];
  error?: any;
}

/** What the reader makes of bytes, in pieces. */
export function read(pieces: Iterable<Uint8Array>, names: ReadonlyMap<string, string> = new Map(), options = {}): Reading {
  const events: ModelEvent[] = [];
  const reader = new CompletionReader("Acme", names, options);
  const parser = new AnswerParser();
  try {
    for (const piece of pieces) for (const data of parser.push(piece)) if (!reader.done) reader.take(data, events);
    for (const data of parser.finish()) if (!reader.done) reader.take(data, events);
    for (const event of reader.finish()) events.push(event);
    return { events };
  } catch (error) {
    return { events, error };
  }
}

export const readText = (text: string, options = {}): Reading => read([new TextEncoder().encode(text)], new Map(), options);
