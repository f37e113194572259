import { execFile, spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Found, found, walled } from "@plinth/sdk/tiers";
import type { CallInfo, RunnerInput } from "@plinth/sdk/wire";
import { type BuildOptions, build } from "esbuild";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Told } from "./attempts.testing.ts";
import { enforcementOf } from "./enforcement.ts";
import { ProcessRunner } from "./process-runner.ts";

const tools = await found();
if (tools.why !== null) console.warn(`tests of the wall of the operating system are skipped: ${tools.why}`);
const KEY = "host-key-that-must-stay-here";
const ENTRY = `
  import { attempts, hogs, insideAttempts, sendDatagram, tryAll } from "./attempts.testing.ts";
  const held = [];
  const hostile = {
    attempts: (told) => tryAll({ ...attempts, ...insideAttempts }, told),
    datagram: (told) => sendDatagram(told).catch((thrown) => thrown.code),
    hog: (name) => { held.push(hogs[name]()); return new Promise(() => {}); },
    heap: () => { for (;;) held.push(Array.from({ length: 1e5 }, Math.random)); },
    loop: () => { for (;;); },
    pid: () => process.pid,
    save: (told) => import("node:fs").then((fs) => { fs.writeFileSync(told.data + "/saved", "x"); return fs.readFileSync(told.data + "/saved", "utf8"); }),
  };
  export default { plinth: 1, async start(bridge, info, { provide }) { provide("test.hostile", "it", hostile); return { async stop() {} }; } };
`;

let lab: string;
let told: Told;
let source: string;
let datagrams = 0;
const undo: (() => unknown)[] = [];
const running: ProcessRunner[] = [];

beforeAll(async () => {
  lab = await mkdtemp(join(tmpdir(), "plinth-wall-"));
  const [data, outside] = [join(lab, "data"), join(lab, "outside")];
  await Promise.all([mkdir(data), mkdir(outside)]);
  const esm: BuildOptions = { bundle: true, format: "esm", platform: "node", target: "node26", conditions: ["development"], logLevel: "error" };
  process.env.PLINTH_CHILD_PROGRAM = join(lab, "guest/process.mjs");
  process.env.WALL_TEST_KEY = KEY;
  const entry = { contents: ENTRY, resolveDir: import.meta.dirname, loader: "ts" } as const;
  const [bundle] = await Promise.all([
    build({ ...esm, stdin: entry, write: false } as BuildOptions),
    build({
      ...esm,
      entryPoints: [join(import.meta.dirname, "../../../sdk/guest/process.ts")],
      outfile: process.env.PLINTH_CHILD_PROGRAM,
    } as BuildOptions),
    build({ ...esm, entryPoints: [join(import.meta.dirname, "attempts.testing.ts")], outfile: join(lab, "bare/attempts.mjs") } as BuildOptions),
  ]);
  source = bundle.outputFiles?.[0]?.text ?? "";
  await writeFile(join(outside, "secret"), "the owner's secret");
  await writeFile(join(outside, "addon.node"), "");
  await symlink(join(outside, "secret"), join(data, "link-of-the-owner"));
  const tcp = createServer((socket) => socket.destroy());
  const local = createServer((socket) => socket.destroy());
  const abstract = createServer((socket) => socket.destroy());
  const udp = createSocket("udp4").on("message", () => datagrams++);
  const socketPath = join(outside, "socket");
  await Promise.all([
    new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve)),
    new Promise<void>((resolve) => local.listen(socketPath, resolve)),
    new Promise<void>((resolve) => (process.platform === "linux" ? abstract.listen(`\0${socketPath}`, resolve) : resolve())),
    new Promise<void>((resolve) => udp.bind(0, "127.0.0.1", resolve)),
  ]);
  undo.push(
    () => [tcp, local, abstract, udp].forEach((one) => void one.close()),
    () => rm(lab, { recursive: true, force: true }),
  );
  const tcpPort = (tcp.address() as { port: number }).port;
  told = { secretFile: join(outside, "secret"), key: KEY, hostPid: process.pid, tcpPort, udpPort: udp.address().port, socketPath, outside, data };
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop(new Error("the test is over"))));
});

afterAll(async () => {
  for (const step of undo) await step();
});

async function start(
  using: Found = tools,
  budgets: object = {},
): Promise<{ runner: ProcessRunner; call(method: string, input?: unknown): Promise<any> }> {
  const manifest = { id: "acme.hostile", permissions: { fs: ["data"] }, budgets };
  const info = { manifest, config: {}, env: {}, dataDir: told.data, methods: {} };
  const input = { manifest, info, workspace: lab, bridge: {}, within: (_: unknown, body: () => unknown) => body(), source: async () => source };
  const runner = new ProcessRunner({ ...input, onLog: () => {} } as unknown as RunnerInput, "best", async () => using);
  running.push(runner);
  await runner.start();
  const call: CallInfo = { signal: new AbortController().signal, caller: "host", work: undefined };
  return { runner, call: async (method, argument) => runner.invoke("test.hostile", "it", method, argument, call) };
}

const done = (outcome: Record<string, string>): string[] => Object.keys(outcome).filter((name) => outcome[name]?.startsWith("DONE"));
const outsideNow = async (): Promise<string[]> => (await readdir(told.outside)).sort();
const UNTOUCHED = ["addon.node", "secret", "socket"];

describe.skipIf(tools.bwrap === null)("behind the wall of the operating system", () => {
  it("refuses everything that a hostile extension tries", async () => {
    const { call } = await start();
    const outcome = await call("attempts", told);
    expect(Object.keys(outcome).length).toBeGreaterThan(25);

    expect(done(outcome)).toEqual([]);
    expect(await outsideNow()).toEqual(UNTOUCHED);
  });

  it("still holds when nothing of Node's permission model does", async () => {
    const { call } = await start();
    expect(await call("datagram", told)).not.toBe("sent");
    const outcome = await bare("attempts");

    expect(done(outcome)).toEqual([]);
    expect(outcome).toMatchObject({
      "read /etc/passwd": "ENOENT",
      "read through a link that was there before": "ENOENT",
      "read the host's environment": "ENOENT",
      "write into its own program": "EROFS",
      "open a TCP connection to this machine": "ECONNREFUSED",
      "open an abstract socket": "ECONNREFUSED",
      "run a shell": "ENOENT",
      "signal the host": "ESRCH",
    });
    expect(await outsideNow()).toEqual(UNTOUCHED);
  });

  it("lets no datagram out, even without Node's permission model", async () => {
    const before = datagrams;
    expect(await bare("datagram")).toBe("sent");
    const own = createSocket("udp4");
    await new Promise((resolve) => own.send("in", told.udpPort, "127.0.0.1", resolve));
    await expect.poll(() => datagrams).toBe(before + 1);
    own.close();
  });

  it("lets it use the folder that it was granted", async () => {
    const { call } = await start();
    expect(await call("save", told)).toBe("x");
    expect(readFileSync(join(told.data, "saved"), "utf8")).toBe("x");
  });

  it.each(["/", dirname(process.execPath), dirname(tmpdir())])("starts when %s is granted to read, and writes nothing there", (path) => {
    const room = { folders: [{ path, write: false }], programs: [process.execPath], cwd: "/", env: {} };
    const code = `try { require("node:fs").writeFileSync(${JSON.stringify(join(path, "plinth-wall-attempt"))}, "x"); } catch (error) { console.log(error.code); }`;
    const [program, args] = walled(tools, room, [process.execPath, "-e", code]);
    expect(String(spawnSync(program, args).stdout).trim()).toBe("EROFS");
  });

  it("shows it a process id that says nothing about this machine", async () => {
    const { call } = await start();
    expect(await call("pid")).toBe(2);
  });

  it("ends everything inside when the outer process is killed", async () => {
    const before = descendants(process.pid);
    const { runner, call } = await start();
    const made = descendants(process.pid).filter((pid) => !before.includes(pid));
    expect(made.length).toBe(3);
    const looping = call("loop").catch((thrown) => thrown.code);
    process.kill(-(made[0] as number), "SIGKILL");
    expect(await looping).toBe("PLINTH_EXTENSION_EXITED");
    expect(await runner.ended).toMatchObject({ code: "PLINTH_EXTENSION_EXITED" });
    await expect.poll(() => made.filter((pid) => alive(pid)), { timeout: 10_000 }).toEqual([]);
  });

  it("ends everything inside when the host is killed", async () => {
    const script = "setTimeout(() => {}, 60_000)";
    const room = { folders: [], programs: [process.execPath], cwd: "/", env: {} };
    const [program, args] = walled(tools, room, [process.execPath, "-e", "for (;;);"]);
    const code = `require("node:child_process").spawn(${JSON.stringify(program)}, ${JSON.stringify(args)}, { detached: true, stdio: "ignore" }); ${script}`;
    const host = spawn(process.execPath, ["-e", code], { stdio: "ignore" });
    await expect.poll(() => descendants(host.pid as number).length, { timeout: 10_000 }).toBe(3);
    const made = descendants(host.pid as number);
    host.kill("SIGKILL");
    await expect.poll(() => made.filter((pid) => alive(pid)), { timeout: 10_000 }).toEqual([]);
  });
});

describe.skipIf(process.platform !== "linux")("without bubblewrap", () => {
  const lesser: Found = { ...tools, bwrap: null, why: "bubblewrap is not installed" };

  it("refuses all but links out of a granted folder that were there before and the network's addresses", async () => {
    const { call } = await start(lesser);
    expect(done(await call("attempts", told))).toEqual(["read through a link that was there before", "see the machine's network"]);
    expect(await call("datagram", told)).not.toBe("sent");
    expect(await outsideNow()).toEqual(UNTOUCHED);
  });

  it("says what is missing, and runs nothing when the whole wall is required", async () => {
    expect(enforcementOf(lesser)).toMatchObject({
      level: "partial",
      detail: expect.arrayContaining([expect.stringContaining("bubblewrap is not installed")]),
    });
    const runner = new ProcessRunner(
      { manifest: { id: "acme.hostile" }, info: {}, source: async () => source } as unknown as RunnerInput,
      "require-full",
      async () => lesser,
    );
    await expect(runner.start()).rejects.toMatchObject({ code: "PLINTH_SANDBOX", next: expect.stringContaining("Install bubblewrap") });
  });
});

describe.skipIf(process.platform !== "linux")("memory", () => {
  it.each(["buffers", "resizable buffers", "WebAssembly"])("outside the heap is counted: %s", async (kind) => {
    const { runner, call } = await start(tools, { heapMb: 32 });
    await expect(call("hog", kind)).rejects.toMatchObject({ code: "PLINTH_EXTENSION_EXITED", message: expect.stringContaining("memory") });
    expect(await runner.ended).toMatchObject({ message: expect.stringContaining("232 MiB") });
  });

  it("of the heap is bounded by the budget", async () => {
    const { call } = await start(tools, { heapMb: 32 });
    await expect(call("heap")).rejects.toMatchObject({ code: "PLINTH_EXTENSION_EXITED" });
  });
});

it.skipIf(process.platform !== "linux")("hands on no descriptor that the host itself was started with", () => {
  const look = `try { console.log(require("node:fs").readlinkSync("/proc/self/fd/40")); } catch { console.log("closed"); }`;
  const host = `
    import { spawnSync } from "node:child_process";
    import { sealed } from ${JSON.stringify(join(import.meta.dirname, "../../../sdk/extension/tiers/descriptors.ts"))};
    for (const stdio of [["ignore", "pipe", "pipe"], sealed(["ignore", "pipe", "pipe"])])
      process.stdout.write(spawnSync(process.execPath, ["-e", ${JSON.stringify(look)}], { stdio }).output[1]);`;
  const secret = openSync(told.secretFile, "r");
  const stdio = Array.from({ length: 41 }, (_, fd) => (fd === 1 ? "pipe" : fd === 40 ? secret : "ignore"));
  const { output } = spawnSync(process.execPath, ["--no-warnings", "--input-type=module", "-e", host], { stdio });
  closeSync(secret);
  expect(String(output[1]).trim().split("\n")).toEqual([told.secretFile, "/dev/null"]);
});

it("leaves nothing behind when it is stopped", async () => {
  const before = descendants(process.pid);
  const { runner } = await start();
  const made = descendants(process.pid).filter((pid) => !before.includes(pid));
  await runner.stop(new Error("enough"));
  // A dying process closes its pipes a moment before it leaves the process table.
  await expect.poll(() => made.filter((pid) => alive(pid)), { timeout: 5_000 }).toEqual([]);
});

/** A process that ended and waits for somebody to notice is not alive. */
const alive = (pid: number): boolean => existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));

/** The same attempts in the same room, with no permission flag at all. */
async function bare(what: "attempts" | "datagram"): Promise<any> {
  const run = what === "attempts" ? "tryAll(attempts, told)" : "sendDatagram(told)";
  await writeFile(
    join(lab, "bare/run.mjs"),
    `import { attempts, sendDatagram, tryAll } from "./attempts.mjs";\nconst told = ${JSON.stringify(told)};\nconsole.log(JSON.stringify(await ${run}));`,
  );
  const programs = [process.execPath, join(lab, "bare")];
  const room = { folders: [{ path: told.data, write: true }], programs, cwd: "/", env: { PATH: "/usr/bin" } };
  const [program, args] = walled(tools, room, [process.execPath, "--no-warnings", join(lab, "bare/run.mjs")]);
  return new Promise((resolve, reject) => {
    execFile(program, args, { env: {} }, (error, out, said) => (error === null ? resolve(JSON.parse(out)) : reject(new Error(said))));
  });
}

function descendants(pid: number): number[] {
  if (!existsSync(`/proc/${pid}/task`)) return [];
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}
