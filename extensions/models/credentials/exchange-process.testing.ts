// A process of its own that exchanges one token, by as many calls at once: node exchange-process.testing.ts FOLDER ID URL TOKEN [CALLS]
import { setTimeout as sleep } from "node:timers/promises";
import { errorInfo } from "@plinth/sdk";
import type { Fetch } from "@plinth/sdk/kits/http";
import { Exchanges } from "./exchanges.ts";

const [folder = "", id = "", url = "", token = "", calls = "1"] = process.argv.slice(2);
const fetched = (async (to: string, { maxBytes: _, timeoutMs: __, ...options }: Record<string, unknown> = {}) => {
  const response = await fetch(to, options as RequestInit);
  return { status: response.status, ok: response.ok, headers: Object.fromEntries(response.headers), text: () => response.text() };
}) as unknown as Fetch;
const clock = { now: Date.now, sleep: async (ms: number) => void (await sleep(ms)) };
const exchanges = new Exchanges(folder, { fetch: fetched, clock, lend: async () => token });
const exchange = { url, token: "token", expiresIn: "refresh_in", headers: { "editor-version": "test/1" } };
const vendor = { id: "acme", title: "Acme", permit() {} };

const wanted = { id, vendor, exchange, minValidMs: 60_000 };
const all = Array.from({ length: Number(calls) }, () => exchanges.renew(wanted, async () => "NAME"));
const said = await Promise.all(all)
  .then(([renewed]) => renewed)
  .then(
    async (renewed) => ({ renewed, value: (await exchanges.found(id, exchange))?.token }),
    (thrown: unknown) => ({ code: errorInfo(thrown).code }),
  );
process.stdout.write(JSON.stringify(said));
