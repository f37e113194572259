import { spawn } from "node:child_process";
import { once } from "node:events";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { Program } from "../../extension/spawn.ts";
import { companion, headerFraming, jsonRpcOver, lineFraming, linesOf } from "./index.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
async function* pieces(all: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let turn = 0; at < all.length; turn++) {
    const size = sizes[turn % sizes.length] as number;
    yield all.subarray(at, at + size);
    at += size;
  }
}
const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};
const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 });

describe("the lines of a program", () => {
  it("are the same however they come, characters of several bytes included", async () => {
    const line = fc.string({ unit: "grapheme", maxLength: 12 }).filter((text) => !/[\r\n]/.test(text));
    await fc.assert(
      fc.asyncProperty(fc.array(line), sizes, async (lines, how) => {
        expect(await collect(linesOf(pieces(bytes(lines.map((one) => `${one}\r\n`).join("")), how)))).toEqual(lines);
      }),
    );
    expect(await collect(linesOf(pieces(bytes("one\n\nlast"), [2])))).toEqual(["one", "", "last"]);
  });

  it("have a bound, also one that never ends", async () => {
    const endless = (async function* () {
      for (;;) yield new Uint8Array(1_000).fill(65);
    })();
    await expect(collect(linesOf(endless, 10_000))).rejects.toMatchObject({ code: "PLINTH_PAYLOAD" });
    await expect(collect(linesOf(pieces(bytes(`${"x".repeat(20)}\n`), [30]), 10))).rejects.toMatchObject({ code: "PLINTH_PAYLOAD" });
  });
});

describe("messages with a header", () => {
  it("are the same however they come", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: "grapheme", maxLength: 20 })), sizes, async (messages, how) => {
        const framed = bytes(messages.map((one) => headerFraming.write(one)).join(""));
        expect(await collect(headerFraming.read(pieces(framed, how), 1_000))).toEqual(messages);
      }),
    );
  });

  it("are refused without a length, or when that is too much", async () => {
    for (const text of ["Content-Type: x\r\n\r\n{}", "x".repeat(10_000), "Content-Length: 5000\r\n\r\n"])
      await expect(collect(headerFraming.read(pieces(bytes(text), [1_000]), 1_000))).rejects.toMatchObject({ code: "PLINTH_PAYLOAD" });
  });
});

/** A real process that speaks JSON-RPC, as `ctx.spawn` would give it. */
const SERVER = `
  import { createInterface } from "node:readline";
  const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\\n");
  console.log("Welcome to the server");
  console.error("started");
  let asked;
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, method, params, result } = JSON.parse(line);
    if (method === "echo") say({ id, result: params });
    if (method === "fail") say({ id, error: { code: -32602, message: "not so", data: { field: "x" } } });
    if (method === "ask back") { asked = id; say({ id: "mine", method: "confirm", params }); }
    if (method === "ask wrong") { asked = id; say({ id: "mine", method: "toString", params }); }
    if (id === "mine") say({ id: asked, result: result ?? JSON.parse(line).error.code });
    if (method === "tell") { say({ method: "told", params: { part: 1 } }); say({ method: "told", params: { part: 2 } }); say({ id, result: null }); }
    if (method === "leave") process.exit(3);
  }`;

function program(): Program {
  const child = spawn(process.execPath, ["--input-type=module", "-e", SERVER], { stdio: "pipe" });
  undo.push(() => child.kill("SIGKILL"));
  const exited = once(child, "close").then(([code, signal]) => ({ code: code as number | null, signal: signal as string | null }));
  return {
    stdin: {
      write: (data) => new Promise((resolve, reject) => child.stdin.write(data, (error) => (error ? reject(error) : resolve()))),
      end: async () => void child.stdin.end(),
    },
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    signal: async (name) => void child.kill(name as NodeJS.Signals),
    resize: async () => {},
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

describe("JSON-RPC with a real process", () => {
  it("asks, is asked and is told, both ways; what is no message is passed over", async () => {
    const told: unknown[] = [];
    const stray: string[] = [];
    const rpc = jsonRpcOver(program(), {
      framing: lineFraming,
      requests: { confirm: (params) => ({ confirmed: params }) },
      onNotification: (method, params) => told.push([method, params]),
      onStray: (text) => stray.push(text),
    });
    const answers = await Promise.all(["a", "b", "ü"].map((one) => rpc.request("echo", { one })));
    expect(answers).toEqual([{ one: "a" }, { one: "b" }, { one: "ü" }]);
    await expect(rpc.request("fail")).rejects.toMatchObject({ code: "PLINTH_RPC", rpcCode: -32602, data: { field: "x" } });
    expect(await rpc.request("ask back", { sure: 1 })).toEqual({ confirmed: { sure: 1 } });
    expect(await rpc.request("ask wrong")).toBe(-32601);
    expect(await rpc.request("tell")).toBeNull();
    expect(told).toEqual([
      ["told", { part: 1 }],
      ["told", { part: 2 }],
    ]);
    expect(stray).toEqual(["Welcome to the server"]);
  });

  it("fails what waits when the process ends, or when it is given up", async () => {
    const rpc = jsonRpcOver(program());
    const controller = new AbortController();
    const given = rpc.request("never answered", {}, controller.signal);
    controller.abort(new Error("given up"));
    await expect(given).rejects.toThrow("given up");
    const waiting = rpc.request("leave");
    await expect(waiting).rejects.toMatchObject({ code: "PLINTH_EXEC_ENDED" });
    await rpc.closed;
    await expect(rpc.request("echo")).rejects.toMatchObject({ code: "PLINTH_EXEC_ENDED" });
  });
});

describe("a companion", () => {
  it("is started once when it is needed, again after it ended, and is stopped", async () => {
    let opened = 0;
    const errors: string[] = [];
    const one = companion({
      open: async () => {
        opened++;
        return program();
      },
      begin: (running) => jsonRpcOver(running),
      onError: (line) => errors.push(line),
    });
    const [first, again] = await Promise.all([one.get(), one.get()]);
    expect(first).toBe(again);
    expect(await first.request("echo", 1)).toBe(1);
    await first.request("leave").catch(() => {});
    await first.closed;
    let second = await one.get();
    while (second === first) {
      await new Promise((resolve) => setImmediate(resolve));
      second = await one.get();
    }
    expect(await second.request("echo", 2)).toBe(2);
    while (errors.length < 2) await new Promise((resolve) => setImmediate(resolve));
    expect([opened, errors]).toEqual([2, ["started", "started"]]);
    await one.stop();
    await second.closed;
    await expect(second.request("echo")).rejects.toMatchObject({ code: "PLINTH_EXEC_ENDED" });
  });

  it("tries again after a start that failed", async () => {
    let tries = 0;
    const one = companion({
      open: async () => {
        if (++tries === 1) throw new Error("not yet");
        return program();
      },
      begin: (running) => jsonRpcOver(running),
    });
    await expect(one.get()).rejects.toThrow("not yet");
    expect(await (await one.get()).request("echo", "now")).toBe("now");
    await one.stop();
  });
});
