import type { PurposeEndpoint, VendorPurpose } from "@plinth/sdk";
import { createTestHost, purposeEndpoint } from "@plinth/sdk/testing";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };
import { vydraServer } from "./vydra.testing.ts";

export const endpointOf = (url: string, purpose: VendorPurpose, headers: Record<string, string> = { authorization: "Bearer k" }): PurposeEndpoint =>
  purposeEndpoint(manifest as never, purpose, `${url}/api/v1`, headers);

/** A server, and the extension in a host of its own. */
export async function opened() {
  const server = await vydraServer();
  const host = await createTestHost({ extensions: [{ manifest, extension }] });
  return { server, host, close: () => host.close().then(() => server.close()) };
}
