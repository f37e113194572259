import type { Client, ModelEndpoint, ModelEvent, ModelRequest } from "@plinth/sdk";
import { createTestHost, type ScriptedProvider, type TestHost } from "@plinth/sdk/testing";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

export type Api = Client<"plinth.model-api">;

export interface Opened {
  host: TestHost;
  api: Api;
  endpoint: ModelEndpoint;
}

/** The API in a host, and an endpoint at `baseUrl`. */
export async function opened(baseUrl: string, more: Partial<ModelEndpoint> = {}, provide: ScriptedProvider[] = []): Promise<Opened> {
  const host = await createTestHost({ extensions: [{ manifest, extension }], provide });
  const endpoint = { vendor: "lumen", title: "Lumen", baseUrl, headers: { authorization: "Bearer k" }, ...more };
  return { host, api: host.use("plinth.model-api").get("openai-responses"), endpoint };
}

export const ask = (text: string, more: Partial<ModelRequest> = {}): ModelRequest => ({
  model: "model-1",
  messages: [{ role: "user", content: [{ type: "text", text }] }],
  ...more,
});

export const dice = { name: "game.dice", description: "Rolls a die.", input: { type: "object", properties: { sides: { type: "integer" } } } };

export async function collect(stream: AsyncIterable<ModelEvent>): Promise<ModelEvent[]> {
  const items: ModelEvent[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

/** What of some events becomes the message that is kept: parts take the place of the deltas before them. */
export function messageOf(items: readonly ModelEvent[]): { role: "assistant"; content: any[] } {
  const content = items.flatMap((item) => {
    if (item.type === "part") return [item.part];
    if (item.type === "tool-call") return [item.call];
    return item.type === "reasoning" && item.part ? [item.part] : [];
  });
  return { role: "assistant", content };
}

/** Events without what goes back to the model. */
export const plain = (items: readonly ModelEvent[]): unknown[] =>
  JSON.parse(JSON.stringify(items, (key, value) => (key === "opaque" ? undefined : value)));
