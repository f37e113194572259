import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { insideOf } from "@plinth/sdk/tiers";
import { describe, expect, it } from "vitest";
import { Engine } from "./engine-process.ts";
import { Engines, type EnginesOptions } from "./engines.ts";
import { writeTinyGguf } from "./tiny-gguf.testing.ts";

const never = new AbortController().signal;

/** Engines of nothing, and what became of them. */
function lab(options: Partial<EnginesOptions> = {}) {
  const [started, stopped]: string[][] = [[], []];
  const ends = new Map<string, (why: string) => void>();
  const start = async (name: string): Promise<Engine> => {
    started!.push(name);
    if (name === "ill") throw new Error("it does not load");
    const closed = new Promise<string>((resolve) => ends.set(name, resolve));
    const stop = async () => {
      stopped!.push(name);
      ends.get(name)!("stopped");
    };
    return { name, closed, stop } as unknown as Engine;
  };
  const engines = new Engines({ loaded: 1, parallel: 1, queue: 16, idleMs: 60_000, start, ...options });
  return { engines, started: started!, stopped: stopped!, crash: (name: string) => ends.get(name)!("it crashed") };
}

describe("loaded models", () => {
  it("are loaded once for all, one after the other, and the next only when the one before has answered", async () => {
    const { engines, started, stopped } = lab();
    const first = await engines.lease("a", never);
    const order: string[] = [];
    const others = ["a", "b", "a"].map(async (name) => {
      const { release } = await engines.lease(name, never);
      order.push(name);
      release();
    });
    expect(order).toEqual([]);
    first.release();
    first.release();
    await Promise.all(others);
    expect(order).toEqual(["a", "b", "a"]);
    expect(started).toEqual(["a", "b", "a"]);
    expect(stopped).toEqual(["a", "b"]);
    await engines.stop();
    expect(stopped).toEqual(["a", "b", "a"]);
  });

  it("stay side by side where that is allowed, and answer several at one time", async () => {
    const { engines, started, stopped } = lab({ loaded: 2, parallel: 2 });
    const leases = await Promise.all(["a", "a", "b"].map((name) => engines.lease(name, never)));
    expect(started).toEqual(["a", "b"]);
    for (const { release } of leases) release();
    expect(stopped).toEqual([]);
    await engines.stop();
  });

  it("are let go of when nobody asked for a while", async () => {
    const { engines, stopped } = lab({ idleMs: 1 });
    (await engines.lease("a", never)).release();
    await expect.poll(() => stopped).toEqual(["a"]);
    (await engines.lease("a", never)).release();
    await engines.stop();
  });

  it("lose nobody who waits: one gives up, one does not load, one crashes", async () => {
    const { engines, started, crash } = lab({ queue: 2 });
    const first = await engines.lease("a", never);
    const giving = new AbortController();
    const given = engines.lease("b", giving.signal);
    const second = engines.lease("a", never);
    await expect(engines.lease("c", never)).rejects.toMatchObject({ code: "PLINTH_MODEL_OVERLOADED" });
    giving.abort();
    await expect(given).rejects.toThrow();
    first.release();
    const last = await second;
    crash("a");
    last.release();
    await expect(engines.lease("ill", never)).rejects.toThrow("it does not load");
    (await engines.lease("a", never)).release();
    expect(started).toEqual(["a", "ill", "a"]);
    await engines.stop();
  });
});

const library = join(import.meta.dirname, "../../../test/peers");
describe.runIf(existsSync(join(library, "node_modules/node-llama-cpp")) && existsSync("/usr/bin/bwrap"))("the process of a model", () => {
  it("is behind the walls: no network of the machine, no privileges, a filter, nobody of the system; and ends with its signal", async () => {
    const folder = await mkdtemp(join(tmpdir(), "plinth-engine-"));
    const file = await writeTinyGguf(join(folder, "tiny.gguf"));
    const options = { name: "tiny", library, file, contextTokens: 256, parallel: 1, threads: 1, memoryMb: null };
    const engine = await Engine.start(options, never);
    try {
      expect(engine.loaded).toEqual({ contextTokens: 256, tools: true, title: "Tiny" });
      const all = [engine.pid!];
      for (const pid of all) all.push(...insideOf(pid));
      const pid = all.at(-1)!;
      const status = Object.fromEntries(
        readFileSync(`/proc/${pid}/status`, "utf8")
          .split("\n")
          .map((line) => line.split(":\t")),
      );
      expect(status).toMatchObject({ NoNewPrivs: "1", Seccomp: "2", CapEff: "0000000000000000" });
      if (process.getuid?.() === 0) expect(status.Uid).not.toMatch(/^0\b/);
      for (const one of ["net", "pid", "ipc"]) expect(readlinkSync(`/proc/${pid}/ns/${one}`)).not.toBe(readlinkSync(`/proc/self/ns/${one}`));
      const ends = new AbortController();
      const starting = Engine.start(options, ends.signal);
      ends.abort();
      await expect(starting).rejects.toThrow();
    } finally {
      await engine.stop();
      await rm(folder, { recursive: true, force: true });
    }
    expect(engine.pid).toBe(null);
  });

  it("ends when it takes more memory than it may, and says so", async () => {
    const folder = await mkdtemp(join(tmpdir(), "plinth-engine-"));
    const file = await writeTinyGguf(join(folder, "tiny.gguf"));
    const engine = await Engine.start({ name: "tiny", library, file, contextTokens: 256, parallel: 1, threads: 1, memoryMb: 10 }, never).catch(
      (thrown) => thrown,
    );
    expect(engine instanceof Engine ? await engine.closed : engine.message).toContain("more memory than 10 MiB");
    await rm(folder, { recursive: true, force: true });
  });
});
