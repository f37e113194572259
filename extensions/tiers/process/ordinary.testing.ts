/** What ordinary Node code does, and what it is told where the tier has no use for it. */
import { createHash, randomBytes, subtle } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import { cpus } from "node:os";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { createGunzip, createGzip, gunzip, gzip } from "node:zlib";

export const ordinary = {
  async libraries(text: string): Promise<unknown> {
    const packed = await promisify(gzip)(text);
    let streamed = "";
    await pipeline(Readable.from([text]), createGzip(), createGunzip(), async (chunks) => {
      for await (const chunk of chunks) streamed += chunk;
    });
    await sleep(1);
    const { AsyncLocalStorage } = await import("node:async_hooks");
    const store = new AsyncLocalStorage<string>();
    return {
      sha256: createHash("sha256").update(text).digest("hex"),
      webSha256: Buffer.from(await subtle.digest("SHA-256", new TextEncoder().encode(text))).toString("hex"),
      random: randomBytes(16).length,
      unpacked: (await promisify(gunzip)(packed)).toString(),
      streamed,
      kept: await store.run("here", () => sleep(1).then(() => store.getStore())),
      processors: cpus().length > 0,
      memory: process.memoryUsage().rss > 1_000_000,
      when: new Date(0).toLocaleString("de-DE", { timeZone: "Europe/Berlin" }),
    };
  },
  /** The code and the words with which a thread is refused. */
  worker: (): unknown => {
    try {
      return new Worker("", { eval: true }).threadId;
    } catch (thrown) {
      return (thrown as { code: string }).code;
    }
  },
  async http(port: number): Promise<unknown> {
    const asked = request({ port, host: "127.0.0.1" }).end();
    const [error] = await once(asked, "error");
    return { code: error.code, message: error.message };
  },
  async fetch(url: string): Promise<unknown> {
    const response = await fetch(url, { method: "POST", body: new URLSearchParams({ a: "1" }), headers: { "x-from": "guest" } });
    return { status: response.status, type: response.headers.get("content-type"), url: response.url, text: await response.text() };
  },
};
