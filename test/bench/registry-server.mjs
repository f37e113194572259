// The registry's service under measurement, with quotas that are counted and never reached. `bare` is node:http alone.
import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { RATE_LIMITS, startRegistryServer } from "../../registry/server/index.ts";
import { generateRoleKeys, RegistryTrust } from "../../registry/trust/index.ts";

const [kind, dir, dataDir] = process.argv.slice(2);

if (kind === "bare") {
  const headers = { ETag: '"x"', "Cache-Control": "public, no-cache", "Content-Type": "application/json" };
  const server = createServer((_request, response) => response.writeHead(304, headers).end());
  server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
} else {
  const endless = Object.fromEntries(Object.keys(RATE_LIMITS.policies).map((policy) => [policy, { requests: 1e9, seconds: 60 }]));
  mkdirSync(dir, { recursive: true });
  const trust = kind === "trust" ? await RegistryTrust.open(dir, generateRoleKeys()) : undefined;
  const { url, port, api, close } = await startRegistryServer({
    dir,
    dataDir,
    limits: { policies: endless },
    ...(trust ? { trust } : {}),
    log: ({ level, message }) => level === "error" && console.error(message),
  });
  const scopes = ["publish", "yank", "owner", "admin"];
  const { secret } = await api.tokens.create({ user: "bench", label: "bench", scopes, packages: ["*"], days: 1 });
  process.once("SIGTERM", () => close().then(() => process.exit(0)));
  console.log(JSON.stringify({ url, port, secret }));
}
