import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type BuildOptions, build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { boot } from "../../kernel/boot.ts";
import type { Host } from "../../kernel/host.ts";
import { admin, call, install, OWNER } from "../../kernel/test/product.ts";
import { cleanUp, newHome, root } from "./lab.ts";

/** Asks for whatever the test names, as an author would. */
const CODE = `
  import { defineExtension } from "@plinth/sdk";
  import { jsonRpcOver, linesOf } from "@plinth/sdk/kits/process";
  const bytes = (value) => value instanceof Uint8Array ? [...value] : value;
  let late = null;
  const ops = {
    files: async (ctx, op, ...args) => bytes(await ctx.files[op](...args)),
    exec: (ctx, ...args) => ctx.exec(...args),
    // What is written comes back: a request that it answers itself, through a program and back.
    async speak(ctx, ...words) {
      const program = await ctx.spawn("cat");
      const rpc = jsonRpcOver(program, { requests: { double: ({ word }) => word + word } });
      const doubled = await Promise.all(words.map((word) => rpc.request("double", { word }).catch(({ code }) => code)));
      await program.stdin.end();
      return { doubled, end: await program.exited, after: await rpc.request("double", {}).catch(({ code }) => code) };
    },
    async told(ctx, signal) { const program = await ctx.spawn("cat", [], { signal: AbortSignal.timeout(60_000) }); await program.signal(signal); return program.exited; },
    async lines(ctx, ...args) { const program = await ctx.spawn(...args); const all = []; for await (const line of linesOf(program.stdout)) all.push(line); return { all, end: await program.exited }; },
    fetch: async (ctx, url, options) => { const answer = await ctx.fetch(url, options); return { status: answer.status, text: (await answer.text()).slice(0, 100) }; },
    // What goes on after the call that began it.
    later: async (ctx, url) => { setTimeout(async () => { late = await Promise.all([ops.fetch(ctx, url).then(() => "done", ({ code }) => code), ctx.files.list("data").then(() => "done", ({ code }) => code)]); }, 50); },
    late: async () => late,
    async knock(ctx, url) { const one = await ctx.connect(url, { signal: AbortSignal.timeout(60_000) }); await one.close(4000); return (await one.closed).code; },
    async talk(ctx, url, messages) {
      const socket = await ctx.connect(url, { protocols: ["echo"] });
      const heard = [];
      for (const one of messages) await socket.send(typeof one === "string" ? one : new Uint8Array(one));
      for await (const one of socket) {
        heard.push(bytes(one));
        if (heard.length === messages.length) await socket.close(4000, "done");
      }
      return { protocol: socket.protocol, heard, closed: await socket.closed };
    },
  };
  export default defineExtension({ activate(ctx) { ctx.provide("plinth.tool", "reach", {
    async call({ args }) {
      const [op, ...rest] = args.ask;
      const outcome = await ops[op](ctx, ...rest).then((value) => ({ value }), (thrown) => ({ code: thrown.code, message: thrown.message, next: thrown.next }));
      return { content: [{ type: "text", text: JSON.stringify(outcome) }] };
    },
  }); } });`;

const servers: { close(): unknown }[] = [];
let package_: string;
let http: string;
let socket: string;

beforeAll(async () => {
  package_ = join(await newHome(), "package");
  await mkdir(package_);
  const options: BuildOptions = {
    bundle: true,
    format: "esm",
    target: "node26",
    conditions: ["development"],
    platform: "neutral",
    logLevel: "error",
  };
  const stdin = { contents: CODE, resolveDir: root, loader: "ts" } as const;
  await build({ ...options, stdin, outfile: join(package_, "index.js") } as BuildOptions);
  const server = createServer((request, response) =>
    response.end(request.url === "/large" ? "x".repeat(3_000_000) : String(request.headers["x-key"] ?? "hello")),
  );
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (one) => one.on("message", (data, binary) => one.send(data, { binary })));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push(sockets, server);
  const { port } = server.address() as AddressInfo;
  [http, socket] = [`http://127.0.0.1:${port}`, `ws://127.0.0.1:${port}`];
  const manifest = {
    id: "acme.reach",
    version: "1.0.0",
    title: "Reach",
    description: "Asks for whatever the test names.",
    engines: { plinth: "^0.1.0" },
    entry: "./index.js",
    tiers: ["isolate", "process", "host"],
    provides: [
      { contract: "plinth.tool", version: "1.0.0", id: "reach", descriptor: { description: "Asks.", input: { type: "object" }, effects: [] } },
    ],
    permissions: {
      net: ["loopback"],
      fs: ["data", "workspace", "/usr/share:ro"],
      exec: ["git", "cat *", "echo hello", "curl *"],
      secrets: ["REACH_KEY"],
    },
    budgets: { egressMbPerMinute: 1, storageMb: 1 },
  };
  await writeFile(join(package_, "plinth.json"), JSON.stringify(manifest));
});
afterAll(async () => {
  for (const one of servers) one.close();
  await cleanUp();
});

describe.each(["isolate", "process", "host"])("an extension in the %s tier", (tier) => {
  let home: string;
  let host: Host;
  beforeAll(async () => {
    home = await newHome();
    await writeFile(join(home, "plinth.json"), JSON.stringify({ extensions: { "acme.reach": { tier } }, policy: { audit: "all" } }));
    host = await boot({ dist: join(root, "dist"), home, env: {}, logLevel: "silent" });
    await install(host, package_);
    expect(host.current.instances.get("acme.reach")?.tier).toBe(tier);
    process.env.REACH_KEY = "value-of-reach-key";
  });
  afterAll(async () => {
    delete process.env.REACH_KEY;
    await host.stop();
  });
  const ask = async (...ask: unknown[]): Promise<{ value?: any; code?: string; message?: string; next?: string }> => {
    const { content } = await call(host, "plinth.tool", "reach", "call", { args: { ask } }, OWNER);
    return JSON.parse(content[0].text);
  };

  it("reads and writes granted folders, and nothing else, whatever leads out of them", async () => {
    expect(await ask("files", "write", "data/notes/a.txt", "é")).toEqual({});
    expect(await ask("files", "readText", "data/notes/a.txt")).toEqual({ value: "é" });
    expect(await ask("files", "read", "data/notes/a.txt")).toEqual({ value: [0xc3, 0xa9] });
    expect(await ask("files", "list", "data")).toMatchObject({ value: [{ name: "notes", kind: "folder" }] });
    expect(await ask("files", "stat", "data/none")).toEqual({ value: null });
    expect(await readFile(join(home, "state/acme.reach/notes/a.txt"), "utf8")).toBe("é");
    await symlink(home, join(home, "workspace/way-out")).catch(async () => {
      await mkdir(join(home, "workspace"), { recursive: true });
      await symlink(home, join(home, "workspace/way-out"));
    });
    expect(await ask("files", "read", "workspace/way-out/installed.json")).toMatchObject({ code: "PLINTH_FILE_KIND" });
    for (const path of ["workspace/../installed.json", join(home, "installed.json"), "/etc/passwd", "/usr/share/../bin/env"])
      expect(await ask("files", "read", path), path).toMatchObject({ code: "PLINTH_PERMISSION", next: expect.stringContaining("permissions.fs") });
    expect(await ask("files", "write", "/usr/share/x", "x")).toMatchObject({ code: "PLINTH_PERMISSION" });
    expect(await ask("files", "write", "data/large", "x".repeat(1_100_000))).toMatchObject({ code: "PLINTH_QUOTA" });
    if (tier !== "host") for (const path of [{}, [], 7, null]) expect(await ask("files", "read", path)).toMatchObject({ code: "PLINTH_PAYLOAD" });
    await rm(join(home, "workspace/way-out"));
  });

  it("runs granted programs with granted arguments, behind a wall", async () => {
    expect(await ask("exec", "echo", ["hello"])).toEqual({ value: { code: 0, signal: null, stdout: "hello\n", stderr: "" } });
    expect(await ask("exec", "cat", [], { input: "piped" })).toMatchObject({ value: { stdout: "piped" } });
    expect(await ask("exec", "cat", ["/etc/passwd", join(home, "installed.json")])).toMatchObject({ value: { code: 1, stdout: "" } });
    for (const [program, ...args] of [["echo", "bye"], ["sh", "-c", "id"], ["/bin/cat"]])
      expect(await ask("exec", program, args)).toMatchObject({ code: "PLINTH_PERMISSION", next: expect.stringContaining("permissions.exec") });
  });

  it("speaks with an open program, tells it signals, and gives it variables, a terminal and the network that it has itself", async () => {
    // Its own request comes back to it, and so does its answer.
    expect(await ask("speak", "one", "é")).toEqual({
      value: { doubled: ["oneone", "éé"], end: { code: 0, signal: null }, after: "PLINTH_EXEC_ENDED" },
    });
    expect(await ask("told", "SIGTERM")).toEqual({ value: { code: 143, signal: "SIGTERM" } });
    expect(await ask("told", "SIGSEGV")).toMatchObject({ code: "PLINTH_PERMISSION" });
    expect(await ask("lines", "cat", ["/proc/self/environ"], { env: { GIVEN: "a b" } })).toMatchObject({
      value: { all: [expect.stringContaining("GIVEN=a b")] },
    });
    expect(await ask("lines", "git", ["-c", "color.ui=auto", "--version"], { pty: { columns: 80, rows: 24 } })).toMatchObject({
      value: { end: { code: 0 } },
    });
    expect(await ask("lines", "curl", ["-s", `${http}/x?key=1`], { net: true })).toMatchObject({ value: { all: ["hello"], end: { code: 0 } } });
    expect(await ask("lines", "curl", ["-s", "http://10.0.0.1/x"], { net: true })).toMatchObject({
      value: { all: [expect.stringContaining("PLINTH_PERMISSION")] },
    });
    expect(await ask("lines", "curl", ["-s", http])).toMatchObject({ value: { all: [], end: { code: 7 } } });
    for (const args of [["sh"], ["cat", [], { net: ["10.0.0.1"], folders: ["/etc"] }], ["cat", [], { env: { LD_PRELOAD: "/x" } }]])
      expect(await ask("lines", ...args)).toMatchObject({ code: "PLINTH_PERMISSION" });
  }, 180_000);

  it("talks over a WebSocket, text and bytes, and learns how it ended", async () => {
    expect(await ask("talk", socket, ["é", [0, 255], "x"])).toEqual({
      value: { protocol: "echo", heard: ["é", [0, 255], "x"], closed: { code: 4_000, reason: "done" } },
    });
    // One that was closed without being read makes room for the next.
    for (let n = 0; n < 20; n++) expect(await ask("knock", socket)).toEqual({ value: 4_000 });
    expect(await ask("talk", "ws://example.com", ["x"])).toMatchObject({ code: "PLINTH_PERMISSION" });
  });

  it.skipIf(tier === "host")("may ask only in work that its grant is for, also when it goes on after the call", async () => {
    await admin(host, "grant", { id: "acme.reach", scope: { session: "main" } });
    const within = { ...OWNER, scope: { session: "main" } };
    const asked = async (...ask: unknown[]) =>
      JSON.parse((await call(host, "plinth.tool", "reach", "call", { args: { ask } }, within)).content[0].text);
    expect(await asked("files", "stat", "data/none")).toEqual({ value: null });
    expect(await asked("exec", "echo", ["hello"])).toMatchObject({ value: { code: 0 } });
    expect(await asked("talk", socket, ["x"])).toMatchObject({ value: { heard: ["x"] } });
    await asked("later", `${http}/`);
    await expect.poll(async () => (await asked("late")).value).toEqual(["PLINTH_GRANT_SCOPE", "PLINTH_GRANT_SCOPE"]);
    await admin(host, "grant", { id: "acme.reach", scope: null });
  });

  it("sends a secret that it never sees, and no more than its budget", async () => {
    expect(await ask("fetch", `${http}/`, { headers: { "x-key": "{{plinth-secret:REACH_KEY}}" } })).toEqual({
      value: { status: 200, text: "value-of-reach-key" },
    });
    expect(await ask("fetch", `${http}/`, { headers: { "x-key": "{{plinth-secret:OTHER_KEY}}" } })).toMatchObject({ code: "PLINTH_PERMISSION" });
    expect(await ask("fetch", `${http}/`, { method: "POST", body: "{{plinth-secret:REACH_KEY}}" })).toMatchObject({ value: { status: 200 } });
    expect(await ask("fetch", `${http}/large`)).toMatchObject({ code: "PLINTH_QUOTA", message: expect.stringContaining("1 MiB of network traffic") });
    expect(await ask("fetch", `${http}/`)).toMatchObject({ code: "PLINTH_QUOTA" });
    expect(host.current.instances.get("acme.reach")?.counts.egressBytes).toBeGreaterThan(1_048_576);
  });

  it("leaves a record of what it asked for, without what is secret", async () => {
    await ask("fetch", `${http}/path?token=abc`);
    let records: { kind: string; what: string; allowed: boolean; code?: string; principal?: string }[] = [];
    await expect
      .poll(async () => {
        ({ records } = await call(host, "plinth.audit", null, "query", { extension: "acme.reach", limit: 1_000 }, OWNER));
        return records.some(({ what }) => what.includes("/path"));
      })
      .toBe(true);
    const told = (kind: string, allowed: boolean) => records.filter((one) => one.kind === kind && one.allowed === allowed).map(({ what }) => what);
    expect(told("files", true)).toContain("write data/notes/a.txt");
    expect(told("files", false)).toContain("read /etc/passwd");
    expect(told("exec", true)).toContain("echo hello");
    expect(told("exec", false)).toContain("sh -c id");
    // What programs asked of the network is told as what the extension asked itself.
    expect(told("net", true)).toContain(`GET ${http}/x`);
    expect(told("net", false)).toContain("GET http://10.0.0.1/x");
    expect(told("net", true)).toEqual(expect.arrayContaining([`GET ${http}/`, `WebSocket ${socket}/`]));
    expect(told("net", false)).toEqual(expect.arrayContaining(["WebSocket ws://example.com/", `GET ${http}/path`]));
    expect(told("secret", true).join()).toContain("REACH_KEY");
    expect(new Set(records.map(({ principal }) => principal).filter(Boolean))).toEqual(new Set(["owner via test"]));
    for (const kind of ["net", "files", "exec"]) expect(records.find((one) => one.kind === kind && one.allowed)?.principal).toBe("owner via test");
    expect(JSON.stringify(records)).not.toMatch(/value-of-reach-key|token=abc/);
  });
});
