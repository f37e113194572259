import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Duplex } from "node:stream";
import { PlinthError } from "@plinth/sdk";
import { found, MemoryWatch, permissionFlags, sealed, walled } from "@plinth/sdk/tiers";
import { encodeMux, MuxReader, parseBatch, type Receiver, type Transport } from "@plinth/sdk/wire";

const HEAP_MB = 128;
const OUTPUT_LIMIT = 16 * 1024;

/** The guest's programs, in the product beside the extensions. */
const guestFolder = (): string => process.env.PLINTH_ISOLATE_GUEST ?? join(import.meta.dirname, "../../guest/isolate");

/** The addon that fits this runtime; the package has it built. */
export function addonPath(): string {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve("isolated-vm/package.json"));
    const { path } = createRequire(join(folder, "package.json"))("node-gyp-build") as { path(folder: string): string };
    return path(folder);
  } catch {
    throw new PlinthError("PLINTH_SANDBOX", "The isolate tier cannot run here: the package isolated-vm has no build for this runtime.", {
      extension: "plinth.tier-isolate",
      next: "Install isolated-vm beside Plinth, or choose the process tier.",
    });
  }
}

export interface TenantHandler {
  receiver: Receiver | null;
  opened(): void;
  ended(why: string): void;
}

/** A process full of isolates that trust each other, and the frames to each of them. */
export class IsolateHost {
  readonly ended: Promise<void>;
  readonly ready: Promise<void>;
  readonly #processMb: number;
  readonly #tenants = new Map<number, TenantHandler & { heapMb: number }>();
  #child: ChildProcess | null = null;
  #socket: Duplex | null = null;
  #memory: MemoryWatch | null = null;
  #next = 1;
  #said = "";
  #drained: Promise<void> | null = null;
  #onEnded!: () => void;
  #onReady!: { resolve(): void; reject(error: Error): void };
  over = false;

  constructor(processMb: number) {
    this.#processMb = processMb;
    this.ended = new Promise((resolve) => {
      this.#onEnded = resolve;
    });
    this.ready = new Promise((resolve, reject) => {
      this.#onReady = { resolve, reject };
    });
    this.ready.catch(() => {});
    this.#start().catch((thrown: Error) => this.#end(thrown.message));
  }

  /** Make an isolate for `source`. The transport is for its peer; `handler` hears how it goes. */
  open(source: string, heapMb: number, turnMs: number, handler: TenantHandler): { transport: Transport; close(): void } {
    const number = this.#next++;
    this.#tenants.set(number, { ...handler, heapMb });
    this.#watchMemory();
    const held = this.#tenants.get(number) as TenantHandler;
    void this.ready.then(
      () => this.#send(0, JSON.stringify({ open: number, heapMb, turnMs, source })),
      () => {},
    );
    const close = (): void => {
      if (!this.#tenants.delete(number) || this.over) return;
      this.#send(0, JSON.stringify({ close: number }));
      this.#watchMemory();
      if (this.#tenants.size === 0) this.kill("nothing of its publisher runs any more");
    };
    const host = this;
    const transport: Transport = {
      get full() {
        return host.#socket?.writableNeedDrain ?? false;
      },
      // One message a frame: in there, each message has a turn of its own.
      send: (batch) => {
        for (const message of batch) this.#send(number, `[${message}]`);
      },
      bytes: (text) => Buffer.byteLength(text),
      drained: () => this.#whenDrained(),
      listen: (receiver) => {
        held.receiver = receiver;
      },
      close,
    };
    return { transport, close };
  }

  kill(why: string): void {
    if (this.over) return;
    const pid = this.#child?.pid;
    if (pid === undefined) return this.#end(why);
    this.#killGroup(pid);
    this.#end(why, false);
  }

  async #start(): Promise<void> {
    const tools = await found();
    if (this.over) return;
    const [folder, addon] = [guestFolder(), addonPath()];
    const program = join(folder, "child.mjs");
    const env = { PATH: "/usr/bin:/bin", LANG: "C.UTF-8", TZ: process.env.TZ ?? "UTC" };
    const flags = [...permissionFlags([], program, HEAP_MB), "--allow-addons", `--allow-fs-read=${dirname(addon)}`];
    const room = { folders: [], programs: [process.execPath, folder, dirname(addon)], cwd: "/", env };
    const command = [process.execPath, ...flags, program, addon, join(folder, "prelude.js")];
    const child = spawn(...walled(tools, room, command), {
      stdio: sealed(["ignore", "pipe", "pipe", "pipe"]),
      env,
      cwd: "/",
      detached: true,
      windowsHide: true,
    });
    this.#child = child;
    this.#watchMemory();
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.#said = (this.#said + chunk.toString("utf8")).slice(-OUTPUT_LIMIT);
      });
    }
    child.on("error", (error) => this.#end(error.message));
    child.on("exit", (code, signal) => {
      if (child.pid !== undefined) this.#killGroup(child.pid);
      this.#end(this.#said.trim().split("\n").at(-1) || (signal ?? `exit code ${code}`));
    });
    child.on("close", () => this.#onEnded());
    const socket = child.stdio[3] as Duplex;
    this.#socket = socket;
    const reader = new MuxReader((number, body) => this.#receive(number, body));
    socket.on("data", (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch {
        this.kill("its process broke the frame protocol");
      }
    });
    socket.on("error", () => this.kill("its connection broke"));
    socket.on("close", () => this.kill("its connection was closed"));
  }

  #receive(number: number, body: string): void {
    if (number === 0)
      return this.#told(JSON.parse(body) as { ready?: true; opened?: number; failed?: number; ended?: number; why?: string; stuck?: boolean });
    const receiver = this.#tenants.get(number)?.receiver;
    if (receiver === null || receiver === undefined) return;
    try {
      receiver.messages(parseBatch(body));
    } catch (thrown) {
      receiver.broke(thrown instanceof Error ? thrown.message : "unreadable frame");
    }
  }

  #told({
    ready,
    opened,
    failed,
    ended,
    why,
    stuck,
  }: {
    ready?: true;
    opened?: number;
    failed?: number;
    ended?: number;
    why?: string;
    stuck?: boolean;
  }): void {
    if (ready) return this.#onReady.resolve();
    if (opened !== undefined) return this.#tenants.get(opened)?.opened();
    const number = failed ?? ended;
    if (number === undefined) return;
    const tenant = this.#tenants.get(number);
    this.#tenants.delete(number);
    tenant?.ended(String(why).slice(0, 500));
    // What does not react cannot be ended alone: its thread would go on.
    if (stuck) this.kill("another isolate of its publisher did not react any more");
    else if (this.#tenants.size === 0) this.kill("nothing of its publisher runs any more");
  }

  /** Always, not only during calls: timers run between them. The limit follows the heaps of the isolates in there. */
  #watchMemory(): void {
    const pid = this.#child?.pid;
    this.#memory?.stop();
    if (pid === undefined || this.over || this.#tenants.size === 0) return;
    const limitMb = [...this.#tenants.values()].reduce((sum, one) => sum + one.heapMb, this.#processMb);
    this.#memory = new MemoryWatch(pid, limitMb, () => this.kill(`its process took more memory than ${limitMb} MiB`));
    this.#memory.enter();
  }

  #send(tenant: number, body: string): void {
    if (!this.over) this.#socket?.write(encodeMux(tenant, body));
  }

  #whenDrained(): Promise<void> {
    const socket = this.#socket;
    if (socket === null || this.over) return Promise.resolve();
    this.#drained ??= new Promise<void>((resolve) => {
      const done = (): void => {
        socket.off("drain", done);
        socket.off("close", done);
        this.#drained = null;
        resolve();
      };
      socket.on("drain", done);
      socket.on("close", done);
    });
    return this.#drained;
  }

  #end(why: string, closed = this.#child?.pid === undefined): void {
    if (closed) this.#onEnded();
    if (this.over) return;
    this.over = true;
    this.#memory?.stop();
    this.#onReady.reject(new Error(why));
    const tenants = [...this.#tenants.values()];
    this.#tenants.clear();
    for (const tenant of tenants) tenant.ended(why);
    this.#socket?.destroy();
  }

  #killGroup(pid: number): void {
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // The group is gone already.
    }
  }
}
