/** A machine in small: secrets, sockets and a hostile extension in the process tier, with the walls that a test chooses. */
import { createSocket } from "node:dgram";
import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { type Found, launch, ownUser } from "@plinth/sdk/tiers";
import type { Bridge, CallInfo, RunnerInput } from "@plinth/sdk/wire";
import { type BuildOptions, build } from "esbuild";
import type { Told } from "./attempts.testing.ts";
import { ProcessRunner } from "./process-runner.ts";

const KEY = "host-key-that-must-stay-here";
const ENTRY = `
  import { attempts, hogs, insideAttempts, sendDatagram, tryAll } from "./attempts.testing.ts";
  import { ordinary } from "./ordinary.testing.ts";
  const held = [];
  let folder;
  const hostile = {
    attempts: (told) => tryAll({ ...attempts, ...insideAttempts }, told),
    datagram: (told) => sendDatagram(told).catch((thrown) => thrown.code),
    hog: (name) => { held.push(hogs[name]()); return new Promise(() => {}); },
    hogLater: (name) => { setTimeout(() => held.push(hogs[name]()), 5); },
    heap: () => { for (;;) held.push(Array.from({ length: 1e5 }, Math.random)); },
    loop: () => { for (;;); },
    spin: (ms) => { const until = Date.now() + ms; while (Date.now() < until); },
    loopBetweenCalls: () => { setTimeout(() => { for (;;); }, 20); },
    keep: async ({ files, mb }) => { const { writeFileSync } = await import("node:fs"); for (let n = 0; n < files; n++) writeFileSync(folder + "/kept-" + n, Buffer.alloc(mb * 1024 ** 2, 1)); },
    spinBetweenCalls: () => { setInterval(() => { const until = Date.now() + 20; while (Date.now() < until); }, 1); },
    print: (size) => { process.stdout.write("x".repeat(size)); },
    pid: () => process.pid,
    async *count(to) { for (let n = 0; n < to; n++) yield n; },
    save: (told) => import("node:fs").then((fs) => { fs.writeFileSync(told.data + "/saved", "x"); return fs.readFileSync(told.data + "/saved", "utf8"); }),
    ...ordinary,
  };
  export default { plinth: 1, async start(bridge, info, { provide }) { folder = info.dataDir; provide("test.hostile", "it", hostile); return { async stop() {} }; } };
`;

export interface Started {
  readonly runner: ProcessRunner;
  call(method: string, input?: unknown): Promise<any>;
}

/** What an extension in the lab is started with, besides the walls. */
export interface Asked {
  budgets?: object;
  bridge?: Partial<Bridge>;
  sandbox?: RunnerInput["sandbox"];
  onLog?: RunnerInput["onLog"];
}

export class Lab {
  readonly told: Told;
  readonly folder: string;
  datagrams = 0;
  readonly #source: string;
  readonly #undo: (() => unknown)[] = [];
  readonly #running: ProcessRunner[] = [];

  private constructor(folder: string, source: string, told: Told) {
    this.folder = folder;
    this.#source = source;
    this.told = told;
  }

  static async open(): Promise<Lab> {
    const folder = await mkdtemp(join(tmpdir(), "plinth-wall-"));
    // Programs lie in it, and a user of its own has to reach them; a product's are open to everybody as well.
    await chmod(folder, 0o755);
    const [data, outside] = [join(folder, "data"), join(folder, "outside")];
    await Promise.all([mkdir(data), mkdir(outside)]);
    process.env.PLINTH_CHILD_PROGRAM = join(folder, "guest/process.mjs");
    process.env.WALL_TEST_KEY = KEY;
    const source = await bundles(folder);
    await writeFile(join(outside, "secret"), "the owner's secret");
    await writeFile(join(outside, "addon.node"), "");
    await symlink(join(outside, "secret"), join(data, "link-of-the-owner"));
    const told: Told = {
      ...{ secretFile: join(outside, "secret"), socketPath: join(outside, "socket"), key: KEY, hostPid: process.pid, outside, data },
      ...{ tcpPort: 0, udpPort: 0 },
    };
    const lab = new Lab(folder, source, told);
    await lab.#listen();
    return lab;
  }

  async start(using: Found, { budgets = {}, bridge = {}, sandbox = "best", onLog = () => {} }: Asked = {}): Promise<Started> {
    const manifest = { id: "acme.hostile", permissions: { fs: ["data"] }, budgets };
    const info = { manifest, config: {}, env: {}, dataDir: this.told.data, methods: {} };
    const within = (_: unknown, body: () => unknown): unknown => body();
    const input = { manifest, info, workspace: this.folder, bridge, sandbox, onLog, within, source: async () => this.#source };
    const runner = new ProcessRunner(input as unknown as RunnerInput, async () => using);
    this.#running.push(runner);
    await runner.start();
    const call: CallInfo = { signal: new AbortController().signal, caller: "host", work: undefined };
    return { runner, call: async (method, argument) => runner.invoke("test.hostile", "it", method, argument, call) };
  }

  /** The attempts in the same room, with no permission flag at all: what the operating system's wall does alone. */
  async bare(using: Found, what: "attempts" | "datagram", filtered = false): Promise<any> {
    const run = what === "attempts" ? "tryAll(attempts, told)" : "sendDatagram(told).catch((thrown) => thrown.code)";
    await writeFile(
      join(this.folder, "bare/run.mjs"),
      `import { attempts, sendDatagram, tryAll } from "./attempts.mjs";\nconst told = ${JSON.stringify(this.told)};\nconsole.log(JSON.stringify(await ${run}));`,
    );
    const programs = [process.execPath, join(this.folder, "bare")];
    const user = await ownUser("acme.hostile", this.told.data);
    const room = { folders: [{ path: this.told.data, write: true }], programs, cwd: "/", env: { PATH: "/usr/bin" }, user };
    const { stdout, stderr } = launch({ ...using, filter: filtered && using.filter }, room, [
      process.execPath,
      "--no-warnings",
      join(this.folder, "bare/run.mjs"),
    ]);
    const [out, said] = await Promise.all([text(stdout as Readable), text(stderr as Readable)]);
    if (out === "") throw new Error(said);
    return JSON.parse(out);
  }

  outside = async (): Promise<string[]> => (await readdir(this.told.outside)).sort();

  /** Stop what runs. */
  async quiet(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((one) => one.stop(new Error("the test is over"))));
  }

  async close(): Promise<void> {
    for (const step of this.#undo) await step();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #listen(): Promise<void> {
    const [tcp, local, abstract] = [0, 1, 2].map(() => createServer((socket) => socket.destroy())) as [Server, Server, Server];
    const udp = createSocket("udp4").on("message", () => this.datagrams++);
    await Promise.all([
      new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve)),
      new Promise<void>((resolve) => local.listen(this.told.socketPath, resolve)),
      new Promise<void>((resolve) => (process.platform === "linux" ? abstract.listen(`\0${this.told.socketPath}`, resolve) : resolve())),
      new Promise<void>((resolve) => udp.bind(0, "127.0.0.1", resolve)),
    ]);
    this.#undo.push(() => [tcp, local, abstract, udp].forEach((one) => void one.close()));
    this.told.tcpPort = (tcp.address() as { port: number }).port;
    this.told.udpPort = udp.address().port;
  }
}

type Server = ReturnType<typeof createServer>;

/** The guest's program and the attempts alone into `folder`; the extension's code is the result. */
async function bundles(folder: string): Promise<string> {
  const esm: BuildOptions = { bundle: true, format: "esm", platform: "node", target: "node26", conditions: ["development"], logLevel: "error" };
  const entry = { contents: ENTRY, resolveDir: import.meta.dirname, loader: "ts" } as const;
  const guest = join(import.meta.dirname, "../../../sdk/guest/process.ts");
  const attempts = join(import.meta.dirname, "attempts.testing.ts");
  const [bundle] = await Promise.all([
    build({ ...esm, stdin: entry, write: false } as BuildOptions),
    build({ ...esm, entryPoints: [guest], outfile: join(folder, "guest/process.mjs") } as BuildOptions),
    build({ ...esm, entryPoints: [attempts], outfile: join(folder, "bare/attempts.mjs") } as BuildOptions),
  ]);
  return bundle.outputFiles?.[0]?.text ?? "";
}

/** A process that ended and waits for somebody to notice is not alive. */
export const alive = (pid: number): boolean => existsSync(`/proc/${pid}`) && stateOf(pid) !== "Z";

export function stateOf(pid: number): string | null {
  try {
    return /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? null;
  } catch {
    return null;
  }
}

export function descendants(pid: number): number[] {
  if (!existsSync(`/proc/${pid}/task`)) return [];
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}
