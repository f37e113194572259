import type { PurposeEndpoint, VendorPurpose } from "@plinth/sdk";
import { createTestHost, purposeEndpoint } from "@plinth/sdk/testing";
import { gradiumServer } from "./gradium.testing.ts";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

export const endpointOf = (url: string, purpose: VendorPurpose, headers: Record<string, string> = { "x-api-key": "k" }): PurposeEndpoint =>
  purposeEndpoint(manifest as never, purpose, `${url}/api`, headers);

/** A server, and the extension in a host of its own. */
export async function opened() {
  const server = await gradiumServer();
  const host = await createTestHost({ extensions: [{ manifest, extension }] });
  return { server, host, close: () => host.close().then(() => server.close()) };
}
