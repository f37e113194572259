// A process of its own that renews one token, by as many calls at once: node refresh-process.testing.ts FOLDER ID TOKEN_URL [CALLS]
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { errorInfo } from "@plinth/sdk";
import type { Fetch } from "@plinth/sdk/kits/http";
import { TokenFiles } from "./tokens.ts";

const [folder = "", id = "", tokenUrl = "", calls = "1"] = process.argv.slice(2);
const fetched = (async (url: string, { maxBytes: _, timeoutMs: __, ...options }: Record<string, unknown> = {}) => {
  const response = await fetch(url, options as RequestInit);
  return { status: response.status, ok: response.ok, headers: Object.fromEntries(response.headers), text: () => response.text() };
}) as unknown as Fetch;
const tokens = new TokenFiles(dirname(folder), fetched, { now: Date.now, sleep: async (ms) => void (await sleep(ms)) });
const profile = { id, vendor: "acme", of: "test.acme", kind: "oauth", from: { tokens: true }, oauth: { tokenUrl, clientId: "plinth" } } as const;

const all = Array.from({ length: Number(calls) }, () => tokens.refresh(profile, 60_000));
const said = await Promise.all(all)
  .then(([refreshed]) => refreshed)
  .then(
    async (refreshed) => ({ refreshed, value: await tokens.value(id) }),
    (thrown: unknown) => ({ code: errorInfo(thrown).code }),
  );
process.stdout.write(JSON.stringify(said));
