import type { PurposeEndpoint } from "@plinth/sdk";
import { createTestHost, type ScriptedProvider } from "@plinth/sdk/testing";
import { googleServer } from "./google-server.testing.ts";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

export const VERTEX = { vertex: true };

export const endpointOf = (url: string, more: Partial<PurposeEndpoint> = {}): PurposeEndpoint => ({
  vendor: "acme",
  title: "Acme",
  baseUrl: more.quirks?.vertex === true ? `${url}/v1/projects/p/locations/l/publishers/google` : `${url}/v1beta`,
  headers: { "x-goog-api-key": "k" },
  ...more,
});

/** A server, and the extension in a host of its own. */
export async function opened({ vertex = false, provide = [] as ScriptedProvider[] } = {}) {
  const server = await googleServer({ vertex });
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
