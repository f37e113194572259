import type { ModelEndpoint, ModelEvent, ModelRequest } from "@plinth/sdk";
import { createTestHost, type OllamaServerOptions, ollamaServer, type ScriptedAnswer } from "@plinth/sdk/testing";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

export const ask: ModelRequest = { model: "model-1", messages: [{ role: "user", content: [{ type: "text", text: "hi" }] }] };

export async function openApi() {
  const host = await createTestHost({ extensions: [{ manifest, extension }] });
  return { host, api: host.use("plinth.model-api").get("ollama") };
}

export const endpointOf = (baseUrl: string, quirks: Record<string, unknown> = {}): ModelEndpoint => ({
  vendor: "ollama",
  title: "Ollama",
  baseUrl,
  headers: {},
  quirks,
});

/** What the API makes of scripted answers, asked once for each request. */
export async function answered(
  answers: ScriptedAnswer[],
  { requests = [{}], quirks = {}, ...options }: { requests?: Partial<ModelRequest>[]; quirks?: Record<string, unknown> } & OllamaServerOptions = {},
) {
  const server = await ollamaServer(options);
  const { host, api } = await openApi();
  try {
    server.script(...answers);
    const events: ModelEvent[] = [];
    for (const request of requests) {
      events.length = 0;
      for await (const event of api.stream({ endpoint: endpointOf(server.url, quirks), request: { ...ask, ...request } })) events.push(event);
    }
    const asked = server.requests.filter(({ path }) => path === "/api/chat").map(({ body }) => body);
    return { events, bodies: asked, paths: server.requests.map(({ path }) => path) };
  } finally {
    await host.close();
    await server.close();
  }
}

export const failing = (answers: ScriptedAnswer[], options?: Parameters<typeof answered>[1]) =>
  answered(answers, options).then(
    ({ events }) => Promise.reject(new Error(`It answered ${JSON.stringify(events)}`)),
    (error) => error,
  );
