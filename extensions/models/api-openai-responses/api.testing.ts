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
