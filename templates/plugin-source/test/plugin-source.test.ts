import { copyFile, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createTestHost, describeConformance, pluginSourceConformance } from "@plinth/sdk/testing";
import { describe, expect, it } from "vitest";
import manifest from "../plinth.json" with { type: "json" };
import extension from "../src/index.ts";

// The server of the test lies on this machine, which the manifest does not name.
const here = { ...manifest, permissions: { ...manifest.permissions, net: ["loopback"] } };
const PACKAGE = JSON.stringify({ id: "acme.weather", version: "1.0.0" });

async function open() {
  const server = createServer((request, response) => {
    if (request.url === "/weather-1.0.0.tgz") response.end(PACKAGE);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // In place of the host's own source for tarballs: the package of the test is its manifest.
  const archive = {
    async fetch({ spec, into }: { spec: string; into: string }) {
      await copyFile(spec, join(into, "plinth.json"));
      return { source: `archive:${spec}` };
    },
  };
  const host = await createTestHost({
    extensions: [{ manifest: here, extension, config: { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } }],
    provide: [{ contract: "plinth.plugin-source", id: "archive", descriptor: {}, provider: archive }],
  });
  const close = async () => {
    await host.close();
    server.closeAllConnections();
    server.close();
  };
  return { source: host.use("plinth.plugin-source").get("__NAME__"), as: host.as, close };
}

// What every source must do, wherever it takes packages from.
describeConformance({ describe, it }, "__NAME__", pluginSourceConformance, {
  open,
  scheme: "__NAME__",
  good: "weather-1.0.0",
  missing: "weather-9.9.9",
  async check(into: string) {
    expect(await readFile(join(into, "plinth.json"), "utf8")).toBe(PACKAGE);
  },
});
