import type { Client, ModelEndpoint, ModelEvent, ModelRequest } from "@plinth/sdk";
import { createTestHost, type ScriptedProvider, type TestHost } from "@plinth/sdk/testing";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

export interface Opened {
  host: TestHost;
  api: Client<"plinth.model-api">;
  endpoint: ModelEndpoint;
}

/** The API in a host, and an endpoint at `baseUrl`. */
export async function opened(baseUrl: string, more: Partial<ModelEndpoint> = {}, provide: ScriptedProvider[] = []): Promise<Opened> {
  const host = await createTestHost({ extensions: [{ manifest, extension }], provide });
  const endpoint = { vendor: "lumen", title: "Lumen", baseUrl, headers: { "x-goog-api-key": "k" }, ...more };
  return { host, api: host.use("plinth.model-api").get("gemini"), endpoint };
}

export const ask = (text: string, more: Partial<ModelRequest> = {}): ModelRequest => ({
  model: "gemini-3-pro",
  messages: [{ role: "user", content: [{ type: "text", text }] }],
  ...more,
});

export const dice = { name: "game.dice", description: "Rolls a die.", input: { type: "object", properties: { sides: { type: "integer" } } } };

export async function collect(stream: AsyncIterable<ModelEvent>): Promise<ModelEvent[]> {
  const items: ModelEvent[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

/** What of some events becomes the message that is kept, as whoever runs a model puts it together. */
export function messageOf(items: readonly ModelEvent[]): { role: "assistant"; content: any[] } {
  const content: any[] = [];
  let open = false;
  for (const item of items) {
    if (item.type === "text") {
      if (open) content.at(-1).text += item.delta;
      else content.push({ type: "text", text: item.delta });
      open = true;
      continue;
    }
    const part: any = item.type === "part" || item.type === "reasoning" ? item.part : item.type === "tool-call" ? item.call : undefined;
    if (part === undefined) continue;
    if (open && part.type === "text") content.pop();
    content.push(part);
    open = false;
  }
  return { role: "assistant", content };
}

/** Events without what goes back to the model, and without ids that were made here. */
export const plain = (items: readonly ModelEvent[]): unknown[] =>
  JSON.parse(
    JSON.stringify(items, (key, value) => (key === "opaque" ? undefined : key === "id" && /^call_[0-9a-f-]{36}$/.test(value) ? "(made)" : value)),
  );
