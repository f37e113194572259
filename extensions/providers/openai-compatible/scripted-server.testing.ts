import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createTestHost, type ScriptedProvider, type TestHost } from "@plinth/sdk/testing";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

export interface Seen {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: any;
}

/** A model server that answers as the test's script says. */
export interface ScriptedServer extends AsyncDisposable {
  readonly url: string;
  readonly seen: Seen[];
  /** Requests whose connection the client closed before the answer was complete. */
  readonly cancelled: () => number;
  answer: (response: ServerResponse, request: Seen) => unknown;
}

export async function scriptedServer(answer: ScriptedServer["answer"]): Promise<ScriptedServer> {
  const seen: Seen[] = [];
  let cancelled = 0;
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const one = { method: request.method!, path: request.url!, headers: request.headers, body: text ? JSON.parse(text) : undefined };
    seen.push(one);
    response.on("close", () => {
      if (!response.writableEnded) cancelled++;
    });
    await scripted.answer(response, one);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const scripted: ScriptedServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    seen,
    cancelled: () => cancelled,
    answer,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return scripted;
}

/** The text of a stream of chunks, as servers send it. */
export function events(...chunks: (object | string)[]): string {
  return chunks.map((chunk) => `data: ${typeof chunk === "string" ? chunk : JSON.stringify(chunk)}\n\n`).join("");
}

export const delta = (content: object, finish_reason: string | null = null) => ({ choices: [{ index: 0, delta: content, finish_reason }] });
export const stop = delta({}, "stop");

export const sse = (text: string) => (response: ServerResponse) => {
  response.setHeader("content-type", "text/event-stream");
  response.end(text);
};

export const json =
  (status: number, body: unknown, headers: Record<string, string> = {}) =>
  (response: ServerResponse) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(body));
  };

/** A host with the extension, its `openai` vendor pointed at `baseUrl`. */
export function hostFor(
  baseUrl: string,
  more: { env?: Record<string, string>; secrets?: Record<string, string>; config?: unknown; provide?: ScriptedProvider[] } = {},
): Promise<TestHost> {
  return createTestHost({
    extensions: [
      {
        manifest,
        extension,
        env: { OPENAI_BASE_URL: baseUrl, OLLAMA_HOST: "127.0.0.1:9", LLAMACPP_BASE_URL: "http://127.0.0.1:9/v1", ...more.env },
        secrets: more.secrets ?? { OPENAI_API_KEY: "sk-test-very-secret-0123456789" },
        config: more.config ?? {},
      },
    ],
    provide: more.provide ?? [],
  });
}
