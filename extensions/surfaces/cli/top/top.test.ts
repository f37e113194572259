import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { commandProof, digestOf, gatewayProof, homeIdentity, processOf } from "@plinth/sdk/home";
import { createTestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import extension from "../index.ts";
import type { TerminalItem } from "../line.ts";
import manifest from "../plinth.json" with { type: "json" };
import { width } from "../table.ts";
import { tickOf } from "./rates.ts";
import { rowsOf, screen } from "./screen.ts";
import type { Usage } from "./usage-feed.ts";

type Extension = Usage["extensions"][number];
const MIB = 1_048_576;
const counts = { calls: 0, errors: 0, refused: 0, activations: 1, activateMs: 1, blockedMs: 0, longestBlockMs: 0, egressBytes: 0 };
const one = (id: string, more: Partial<Extension> = {}): Extension => ({
  id,
  tier: "isolate",
  state: "active",
  bundled: false,
  inFlight: 0,
  counts,
  budgets: {},
  breakerOpen: false,
  ...more,
});
const usage = (at: number, extensions: Extension[], more: Partial<Usage> = {}): Usage => ({
  at,
  pid: 4_711,
  uptimeMs: 65_000,
  generation: 7,
  draining: [],
  safeMode: false,
  memory: { rss: 100 * MIB, heapUsed: 50 * MIB },
  cpuMs: at,
  eventLoop: { meanMs: 0.3, p99Ms: 4, maxMs: 12 },
  extensions,
  ...more,
});
const lived = (cpuMs: number, memoryMib: number, shared = false, hostMs = 0) => ({ pid: 9, cpuMs, memoryBytes: memoryMib * MIB, shared, hostMs });
const view = { sort: "cpu", all: false } as const;
const wide = { columns: 80, color: false };

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
});

/** A gateway that proves itself and answers host.usage with these, one after the other. */
async function gateway(answers: Usage[]) {
  const seen: any[] = [];
  const parties = { instance: "of-this-test", way: "", home: "" };
  const server = createServer((request, response) => {
    const asked = String(request.headers["x-plinth-nonce"]);
    response.end(JSON.stringify({ nonce: "once", proof: gatewayProof("secret", parties, asked, "once") }));
  });
  const sockets = new WebSocketServer({ server });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  undo.push(() => {
    for (const client of sockets.clients) client.terminate();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  parties.way = `port ${port}`;
  sockets.on("connection", (socket, { headers }) => {
    const wanted = { method: "GET", target: "/ws", body: digestOf("") };
    seen.push({ mayEnter: headers.authorization === `Plinth once.${commandProof("secret", parties, "once", wanted)}` });
    socket.on("message", (data) => {
      const frame = JSON.parse(String(data));
      seen.push(frame);
      if (answers.length > 0) socket.send(JSON.stringify({ type: "res", id: frame.id, ok: true, result: answers.shift() }));
      else socket.close();
    });
  });
  return { seen, parties, url: `http://127.0.0.1:${port}` };
}

async function start(running?: { url: string; token?: string; pid?: number; process?: string | undefined; parties?: { home: string } }) {
  const host = await createTestHost({ extensions: [{ manifest, extension }] });
  undo.push(() => host.close());
  const dir = join(host.home, "state", "plinth.gateway");
  await mkdir(dir, { recursive: true });
  const told = { token: "secret", pid: process.pid, startedAt: 1, version: "0", instance: "of-this-test", home: homeIdentity(host.home) };
  if (running?.parties) running.parties.home = told.home;
  if (running) await writeFile(join(dir, "running.json"), JSON.stringify({ ...told, ...running }));
  return async (...argv: string[]) => {
    const seen = { out: "", err: "", exit: 0 };
    const terminal = { cwd: "/", json: false, tty: false, columns: 80, color: false, local: true };
    await host.as({ role: "owner", via: "test" }, async () => {
      for await (const item of host.use("plinth.entry").one().main({ argv, terminal }) as AsyncIterable<TerminalItem>) {
        if ("out" in item) seen.out += item.out;
        if ("err" in item) seen.err += item.err;
        if ("exit" in item) seen.exit = item.exit;
      }
    });
    return seen;
  };
}

describe("plinth top", () => {
  const first = usage(1_000, [one("demo.dice", { counts: { ...counts, calls: 10 }, process: lived(100, 20) })]);
  const second = usage(2_000, [one("demo.dice", { counts: { ...counts, calls: 30 }, process: lived(350, 21, false, 70) })]);

  it("asks the gateway that has proven itself, with a proof of its own, and prints once where nobody can press a key", async () => {
    const { seen, ...running } = await gateway([first, second]);
    const { out, exit } = await (await start(running))("top");
    expect(exit).toBe(0);
    expect(out).toMatch(/demo\.dice +isol +active +20 +0 +0 +25\.0 +7 +21M +0 +0ms +0\n/);
    expect(out).toContain("process 4711, up 1 min, generation 7\n");
    expect(seen[0]).toEqual({ mayEnter: true });
    expect(seen.slice(1).map(({ method }) => method)).toEqual(["host.usage", "host.usage"]);
    expect(JSON.stringify(seen)).not.toContain("secret");
    expect(out).not.toContain("\u001b");
  });

  it("--once --json gives one object with every extension", async () => {
    const { out } = await (await start(await gateway([first, second])))("top", "--once", "--json");
    expect(JSON.parse(out)).toMatchObject({
      host: { pid: 4_711, cpuPercent: 100 },
      extensions: [{ id: "demo.dice", callsPerSecond: 20, cpuPercent: 25, hostPercent: 7, memoryBytes: 21 * MIB, sharedProcess: false }],
    });
  });

  it("--json gives a line each second until the gateway ends, and says so", async () => {
    const running = await gateway([first, second, usage(3_000, second.extensions)]);
    const { out, err, exit } = await (await start(running))("top", "--json");
    const lines = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ at }) => at)).toEqual([2_000, 3_000]);
    expect([exit, err]).toEqual([1, expect.stringContaining("PLINTH_GATEWAY_GONE")]);
  });

  it.each([
    ["no gateway runs", undefined, "PLINTH_NO_GATEWAY"],
    ["its process is gone", { url: "http://127.0.0.1:9", pid: 2 ** 22 }, "PLINTH_NO_GATEWAY"],
    ["nobody listens there, and its process may be another by now", { url: "http://127.0.0.1:9" }, "PLINTH_NO_GATEWAY"],
  ])("says what to do when %s", async (_name, running, code) => {
    const { err, exit } = await (await start(running))("top", "--once");
    expect([exit, err]).toEqual([1, expect.stringContaining(code)]);
    expect(err).toContain("next: Start it");
  });

  it("says so when its process lives and does not answer", async () => {
    const process_ = processOf(process.pid)?.identity;
    const { err, exit } = await (await start({ url: "http://127.0.0.1:9", process: process_ }))("top", "--once");
    expect([exit, err]).toEqual([1, expect.stringContaining("PLINTH_GATEWAY_SILENT")]);
  });

  it("tells nothing to what knows another token, and wrong usage before it asks", async () => {
    const { seen, ...running } = await gateway([]);
    expect((await (await start({ ...running, token: "other" }))("top", "--once")).err).toContain("PLINTH_NO_GATEWAY");
    expect((await (await start(running))("top", "--sort", "colour")).err).toContain("cpu, host, memory, name, calls, errors");
    expect(seen).toEqual([]);
  });
});

describe("rates", () => {
  it("are 0 for a single look, and never negative for a new instance", () => {
    const look = usage(1_000, [one("demo.dice", { counts: { ...counts, calls: 10 }, process: lived(100, 20) })]);
    const restarted = usage(2_000, [one("demo.dice", { counts: { ...counts, calls: 2 }, process: lived(5, 20) })]);
    expect(tickOf(undefined, look).extensions[0]).toMatchObject({ callsPerSecond: 0, cpuPercent: 0 });
    expect(tickOf(look, restarted).extensions[0]).toMatchObject({ callsPerSecond: 0, cpuPercent: 0 });
  });
});

describe("the screen", () => {
  const fault = { code: "PLINTH_X", message: "It threw.", phase: "call", at: 1, count: 3 };
  const tick = tickOf(
    usage(0, []),
    usage(1_000, [
      one("plinth.files", { tier: "host", bundled: true }),
      one("plinth.idle", { tier: "host", bundled: true, state: "ready" }),
      one("acme.small", { process: lived(1, 1.5), state: "quarantined", fault }),
      one("acme.a-very-long-name-that-nobody-should-have", {
        process: lived(9, 700, true),
        counts: { ...counts, calls: 12_345_678, egressBytes: 3e9, blockedMs: 123_456 },
      }),
      one("acme.\u001b[2J\u202eevil", { process: lived(3, 3_000), inFlight: 12_345 }),
    ]),
  );
  const ids = (sort: Parameters<typeof rowsOf>[1]["sort"], all = false) => rowsOf(tick, { sort, all }).map(({ id }) => id.slice(0, 12));

  it.each([40, 60, 80, 200])("is never wider than %i columns, and nothing in it steers the terminal", (columns) => {
    for (const line of screen(tick, { ...view, all: true }, { columns, color: false }, true)) {
      expect(width(line)).toBeLessThanOrEqual(columns);
      expect(line).not.toMatch(/[\p{Cc}\u202e]/u);
    }
  });

  it("marks memory that is shared, and shows what runs in the host without figures of its own", () => {
    const text = screen(tick, view, wide, false).join("\n");
    expect(text).toMatch(/acme\.a-very-lon… +isol +active.* 700M\*/);
    expect(text).toMatch(/plinth\.files +host +active +0 +0 +0 +- +- +-/);
    expect(text).toContain("* shared process");
    expect(text).toMatch(/acme\.small +isol +faulty .* 3$/m);
  });

  it("leaves out bundled extensions that do not run, unless asked for all", () => {
    expect(ids("name")).not.toContain("plinth.idle");
    expect(ids("name", true)).toContain("plinth.idle");
  });

  it("sorts by CPU, memory, name", () => {
    const at = (sort: "cpu" | "memory" | "name") => ids(sort).findIndex((id) => id.startsWith("acme.small"));
    expect(ids("name")).toEqual([...ids("name")].sort());
    expect(ids("memory")[0]?.startsWith("acme.\u001b")).toBe(true);
    expect(at("memory")).toBe(2);
    expect(ids("cpu").at(-1)).toBe("plinth.files");
  });

  it("says how many do not fit the height", () => {
    const lines = screen(tick, view, { ...wide, rows: 10 }, true);
    expect(lines.length).toBeLessThanOrEqual(10);
    expect(lines.join("\n")).toMatch(/… \d more/);
  });
});
