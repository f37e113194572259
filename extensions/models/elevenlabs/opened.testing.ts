import type { ModelVendor, PurposeEndpoint, VendorPurpose } from "@plinth/sdk";
import { createTestHost, type ScriptedProvider } from "@plinth/sdk/testing";
import { elevenlabsServer } from "./elevenlabs.testing.ts";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

const vendor = manifest.provides[0]!.descriptor as unknown as ModelVendor;

/** As the joiner makes it of the vendor's own data. */
export function endpointOf(url: string, purpose: VendorPurpose, headers: Record<string, string> = { "xi-api-key": "k" }): PurposeEndpoint {
  const { models = [], ...more } = vendor.apis![purpose]!;
  const voices = "voices" in more ? { voices: more.voices as { id: string }[] } : {};
  return { vendor: "elevenlabs", title: "ElevenLabs", baseUrl: url, headers, models, ...voices };
}

/** A server, and the extension in a host of its own. */
export async function opened(provide: ScriptedProvider[] = []) {
  const server = await elevenlabsServer();
  const host = await createTestHost({ extensions: [{ manifest, extension }], provide });
  return { server, host, close: () => host.close().then(() => server.close()) };
}

/** A provider whose every input has this endpoint, for the suites. */
export const reached = <Client extends object>(client: Client, endpoint: PurposeEndpoint): Client =>
  new Proxy(client, {
    get: (target, name) => (input: object, options?: object) => (target as any)[name]({ ...input, endpoint }, options),
  });
