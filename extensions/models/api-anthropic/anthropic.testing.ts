import type { Client, ModelEndpoint, ModelEvent, ModelRequest, Part } from "@plinth/sdk";
import { type AnthropicOptions, anthropicServer, createTestHost, type ModelServer } from "@plinth/sdk/testing";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

export interface Subject extends AsyncDisposable {
  readonly api: Client<"plinth.model-api">;
  readonly server: ModelServer;
  readonly endpoint: ModelEndpoint;
  close(): Promise<void>;
  /** All events of one completion. */
  ask(request?: Partial<ModelRequest>, endpoint?: Partial<ModelEndpoint>): Promise<ModelEvent[]>;
}

export const user = (...content: (Part | string)[]): ModelRequest["messages"][number] => ({
  role: "user",
  content: content.map((one) => (typeof one === "string" ? { type: "text", text: one } : one)),
});

export const request = (more: Partial<ModelRequest> = {}): ModelRequest => ({ model: "claude-test", messages: [user("hello")], ...more });

export function endpointAt(url: string, more: Partial<ModelEndpoint> = {}): ModelEndpoint {
  return { vendor: "lumen", title: "Lumen", baseUrl: `${url}/v1`, headers: { "x-api-key": "k" }, ...more };
}

/** The API in a host, beside a scripted server that speaks it. */
export async function subject(options: AnthropicOptions = {}): Promise<Subject> {
  const server = await anthropicServer(options);
  const host = await createTestHost({ extensions: [{ manifest, extension }] });
  const api = host.use("plinth.model-api").get("anthropic-messages");
  const endpoint = endpointAt(server.url);
  const close = async () => {
    await host.close();
    await server.close();
  };
  return {
    api,
    server,
    endpoint,
    close,
    ask: (more, other) => all(api.stream({ endpoint: { ...endpoint, ...other }, request: request(more) })),
    [Symbol.asyncDispose]: close,
  };
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
