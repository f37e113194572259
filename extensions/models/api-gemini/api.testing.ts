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

/** A shelf of artifacts: what is on it, by id, and how much was put there. */
export function shelf(held: Record<string, string> = {}): { provide: ScriptedProvider[]; put: { bytes: number; mimeType: string }[] } {
  const put: { bytes: number; mimeType: string }[] = [];
  let pieces = "";
  const facts = { sha256: "0".repeat(64), mimeType: "image/png", createdAt: 0 };
  const provider = {
    get: ({ id }: { id: string }) => ({ artifact: { ...facts, id, bytes: held[id]!.length } }),
    async *read({ id }: { id: string }) {
      yield { base64: Buffer.from(held[id]!).toString("base64") };
    },
    put: ({ base64, more, mimeType }: { base64: string; more?: boolean; mimeType: string }) => {
      pieces += Buffer.from(base64, "base64").toString("latin1");
      if (more) return { upload: "u" };
      put.push({ bytes: pieces.length, mimeType });
      return { artifact: { ...facts, id: "made", bytes: pieces.length } };
    },
  };
  return { provide: [{ contract: "plinth.artifacts", descriptor: { title: "x", durable: false }, provider: provider as never }], put };
}
