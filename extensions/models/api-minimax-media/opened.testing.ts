import type { PurposeEndpoint } from "@plinth/sdk";
import { createTestHost, type ScriptedProvider } from "@plinth/sdk/testing";
import extension from "./index.ts";
import { minimaxServer } from "./minimax-server.testing.ts";
import manifest from "./plinth.json" with { type: "json" };

export const endpointOf = (url: string, more: Partial<PurposeEndpoint> = {}): PurposeEndpoint => ({
  ...{ vendor: "acme", title: "Acme", baseUrl: `${url}/v1`, headers: { authorization: "Bearer k" } },
  ...more,
});

/** A server, and the extension in a host of its own. */
export async function opened({ provide = [] as ScriptedProvider[] } = {}) {
  const server = await minimaxServer();
  const host = await createTestHost({ extensions: [{ manifest, extension }], provide });
  return { server, host, close: () => host.close().then(() => server.close()) };
}

/** A provider whose every input has this endpoint, for the suites. */
export const reached = <Client extends object>(client: Client, endpoint: PurposeEndpoint): Client =>
  new Proxy(client, {
    get: (target, name) => (input: object, options?: object) => (target as any)[name]({ ...input, endpoint }, options),
  });

export async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}
