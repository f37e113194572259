/** A process of isolates that was taken over: it says that all is well, whatever it does. */
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type End, IsolateHost } from "./isolate-host.ts";
import { UntoldTime } from "./untold-time.ts";

const LIAR = (does: string): string => `
  import { Socket } from "node:net";
  import { encodeMux, MuxReader } from "@plinth/manifests/wire/mux.ts";
  const socket = new Socket({ fd: 3, readable: true, writable: true });
  const tell = (message) => void socket.write(encodeMux(0, JSON.stringify(message)));
  const held = [];
  let number = 0;
  const reader = new MuxReader((_, body) => {
    const message = JSON.parse(body);
    if (message.open === undefined) return;
    number = message.open;
    tell({ opened: number });
    setInterval(() => tell({ pulse: [[number, 0, 0, 0, 0]] }), 100);
    ${does}
  });
  socket.on("data", (chunk) => reader.push(chunk));
  tell({ ready: true });`;

let folder: string;
const before = process.env.PLINTH_ISOLATE_GUEST;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "plinth-liar-"));
  await chmod(folder, 0o755);
  await writeFile(join(folder, "prelude.js"), "");
});
afterAll(async () => {
  if (before === undefined) delete process.env.PLINTH_ISOLATE_GUEST;
  else process.env.PLINTH_ISOLATE_GUEST = before;
  await rm(folder, { recursive: true, force: true });
});

async function endOf(does: string): Promise<End> {
  const stdin = { contents: LIAR(does), resolveDir: import.meta.dirname, loader: "js" as const };
  await build({
    stdin,
    bundle: true,
    format: "esm",
    platform: "node",
    outfile: join(folder, "child.mjs"),
    conditions: ["development"],
    logLevel: "error",
  });
  process.env.PLINTH_ISOLATE_GUEST = folder;
  const host = new IsolateHost({ processMb: 256, heapMb: 48 }, { share: 0, burstMs: 300 });
  try {
    return await new Promise<End>((resolve) => {
      const input = { id: "acme.liar", source: "", cache: undefined, heapMb: 32, turnMs: 2_000, callMs: 30_000 };
      host.open(input, { opened() {}, ended: resolve, read() {}, slowed() {} } as never);
    });
  } finally {
    host.kill("the test is over");
    await host.ended;
  }
}

it.runIf(process.platform === "linux")("is ended for processor time that it does not tell of", { timeout: 90_000 }, async () => {
  const spin = "(function spin() { const until = Date.now() + 40; while (Date.now() < until); setImmediate(spin); })();";
  expect(await endOf(spin)).toEqual({ why: "its process used more processor time than its isolates tell of", part: "culprit", by: "acme.liar" });
});

it.runIf(process.platform === "linux")("is ended for memory that it does not tell of", { timeout: 90_000 }, async () => {
  const hog = "setInterval(() => held.push(Buffer.alloc(16 * 1024 ** 2, 1)), 20);";
  const { why, part } = await endOf(hog);
  expect(why).toMatch(/^its process took more memory than 26\d MiB$/);
  expect(part).toBe("culprit");
});

it("what is told, what frames cost and a fifth of a processor are explained; more is not", () => {
  const run = (cpuShare: number, told: number, frames: number): boolean => {
    const untold = new UntoldTime();
    for (let s = 0; s < 120; s++)
      if (untold.isTooMuch(s * 1_000 * cpuShare, { cpuMs: s * told, frames: s * frames, bytes: 0 }, s * 1_000)) return true;
    return false;
  };
  expect(run(0.19, 0, 0)).toBe(false);
  expect(run(1, 500, 0)).toBe(false);
  expect(run(1, 0, 1_000)).toBe(false);
  expect(run(0.5, 0, 0)).toBe(true);
  expect(run(1, 100, 100)).toBe(true);
});
