import { fileURLToPath } from "node:url";
import { createTestHost, type TestHost } from "@plinth/sdk/testing";
import { afterEach, expect, it } from "vitest";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };
import { ownerOf } from "./watch.ts";

const here = fileURLToPath(new URL(".", import.meta.url)).replace(/\/$/, "");
const told: { extension: string; ms: number }[] = [];
let host: TestHost;
afterEach(() => host.close());

async function start(config: Record<string, unknown>): Promise<void> {
  told.length = 0;
  const kernel = {
    snapshot: () => ({ records: [{ manifest: { id: "acme.busy" }, digest: "d", bundled: false, dir: here }] }),
    blocked: (input: { extension: string; ms: number }) => void told.push(input),
  };
  host = await createTestHost({
    extensions: [{ manifest: manifest as never, extension, config }],
    provide: [{ contract: "plinth.kernel", id: "kernel", provider: kernel as never, descriptor: { title: "Kernel" } }],
  });
  await host.use("plinth.service").get("loop-watch").start({});
}

function hold(ms: number): void {
  const end = Date.now() + ms;
  while (Date.now() < end);
}

/** The watching thread needs a moment before it sees its first beat. */
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

it("says who held up the event loop, and for how long", async () => {
  await start({ thresholdMs: 60 });
  await pause(400);
  hold(500);
  await expect.poll(() => told.length, { timeout: 5_000 }).toBeGreaterThan(0);
  expect(told[0]?.extension).toBe("acme.busy");
  expect(told[0]?.ms).toBeGreaterThan(200);
});

it("says nothing while the loop turns, and stops with its service", async () => {
  await start({});
  await pause(300);
  expect(told).toEqual([]);
  await host.use("plinth.service").get("loop-watch").stop({});
  hold(400);
  await pause(200);
  expect(told).toEqual([]);
});

it("takes the innermost frame that belongs to an extension", () => {
  const folders = new Map([
    ["a.a", "/p/a.a"],
    ["b.b", "/p/b.b"],
  ]);
  const frame = (url: string) => ({ name: "", url });
  expect(ownerOf([frame("node:fs"), frame("file:///p/b.b/index.js"), frame("file:///p/a.a/index.js")], folders)).toBe("b.b");
  expect(ownerOf([frame("file:///p/kernel.mjs")], folders)).toBeUndefined();
});
