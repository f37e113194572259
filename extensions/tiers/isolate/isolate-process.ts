import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Duplex } from "node:stream";
import { PlinthError } from "@plinth/sdk";
import { exitSignal, found, type HostTime, kill, launch, ownUser, ProcessTree, paced, permissionFlags, userEnded } from "@plinth/sdk/tiers";
import { encodeMux, MuxReader } from "@plinth/sdk/wire";

const HEAP_MB = 128;
const OUTPUT_LIMIT = 16 * 1024;
/** A connection closes a moment before the exit that says why. */
const EXIT_FOLLOWS_MS = 200;

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

/** How a process ended: `asked` = the host killed it; otherwise the signal says whether it was its own doing. */
export interface Exit {
  readonly why: string;
  readonly asked: boolean;
  readonly signal: string | null;
}

export interface ProcessHandler {
  frame(tenant: number, body: string): void;
  exit(exit: Exit): void;
  /** What it sends is read slowly. */
  slow(): void;
}

/** A process for isolates behind the walls, and the frames to and from it. */
export class IsolateProcess {
  /** It takes code now. */
  readonly ready: Promise<void>;
  /** Nothing of it is left. */
  readonly ended: Promise<void>;
  readonly #handler: ProcessHandler;
  readonly #heapMb: number;
  readonly #time: HostTime;
  #child: ChildProcess | null = null;
  #socket: Duplex | null = null;
  #tree: ProcessTree | null = null;
  #said = "";
  #killed: string | null = null;
  #drained: Promise<void> | null = null;
  #onReady!: { resolve(): void; reject(error: Error): void };
  #onEnded!: () => void;
  over = false;
  /** All that went in. */
  readonly sent = { frames: 0, bytes: 0 };

  /** `heapMb`: of the isolates that most extensions get; `time`: of the host, that goes into this process. */
  constructor(heapMb: number, time: HostTime, handler: ProcessHandler) {
    this.#heapMb = heapMb;
    this.#time = time;
    time.guestMs = () => this.#tree?.look().cpuMs ?? 0;
    this.#handler = handler;
    this.ended = new Promise((resolve) => {
      this.#onEnded = resolve;
    });
    this.ready = new Promise((resolve, reject) => {
      this.#onReady = { resolve, reject };
    });
    this.ready.catch(() => {});
    this.#start().catch((thrown: Error) => this.#end({ why: thrown.message, asked: false, signal: null }, true));
  }

  get full(): boolean {
    return this.#socket?.writableNeedDrain ?? false;
  }

  /** Bytes that it has not read yet, of all its isolates. */
  get unsent(): number {
    return this.#socket?.writableLength ?? 0;
  }

  send(tenant: number, body: string): void {
    if (this.over) return;
    this.sent.frames++;
    this.sent.bytes += body.length;
    this.#socket?.write(encodeMux(tenant, body));
  }

  drained(): Promise<void> {
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

  /** What the system says that all of it uses; 0 where the system does not tell. */
  used(): { memoryMb: number; cpuMs: number } {
    const { memoryBytes = 0, cpuMs = 0 } = this.#tree?.look() ?? {};
    return { memoryMb: memoryBytes / 1024 ** 2, cpuMs };
  }

  get pid(): number | null {
    return this.over ? null : (this.#tree?.innermost ?? null);
  }

  kill(why: string): void {
    if (this.over) return;
    this.#killed = why;
    const child = this.#child;
    if (child?.pid !== undefined) kill(child);
    this.#end({ why, asked: true, signal: "SIGKILL" }, child?.pid === undefined);
  }

  async #start(): Promise<void> {
    const tools = await found();
    // It has no files: an id for as long as it lives.
    const user = await ownUser(`isolates ${randomUUID()}`, null);
    void this.ended.then(() => userEnded(user));
    if (this.over) return;
    const [folder, addon] = [guestFolder(), addonPath()];
    const program = join(folder, "child.mjs");
    const env = { PATH: "/usr/bin:/bin", LANG: "C.UTF-8", TZ: process.env.TZ ?? "UTC" };
    const flags = [...permissionFlags([], program, HEAP_MB), "--allow-addons", `--allow-fs-read=${dirname(addon)}`];
    const room = { folders: [], programs: [process.execPath, folder, dirname(addon)], cwd: "/", env, user };
    const child = launch(tools, room, [process.execPath, ...flags, program, addon, join(folder, "prelude.js"), String(this.#heapMb)]);
    this.#child = child;
    if (child.pid !== undefined) this.#tree = new ProcessTree(child.pid);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.#said = (this.#said + chunk.toString("utf8")).slice(-OUTPUT_LIMIT);
      });
    }
    child.on("error", (error) => this.#end({ why: error.message, asked: false, signal: null }, true));
    child.on("exit", (code, signal) => {
      const name = exitSignal(code, signal);
      const why = this.#killed ?? (name === null ? this.#said.trim().split("\n").at(-1) || `exit code ${code}` : name);
      this.#end({ why, asked: this.#killed !== null, signal: name });
    });
    child.on("close", () => this.#onEnded());
    this.#listen(child.stdio[3] as Duplex);
  }

  #listen(socket: Duplex): void {
    this.#socket = socket;
    const reader = new MuxReader((number, body) => {
      if (number === 0 && body === '{"ready":true}') this.#onReady.resolve();
      else this.#handler.frame(number, body);
    });
    socket.on("data", (chunk: Buffer) => {
      const began = performance.now();
      try {
        reader.push(chunk);
      } catch {
        this.kill("its process broke the frame protocol");
      }
      this.#time.spend(performance.now() - began);
    });
    paced(socket, { time: this.#time, unsent: () => socket.writableLength, onSlow: () => this.#handler.slow() });
    // The exit that follows says more.
    socket.on("error", () => {});
    socket.on("close", () => setTimeout(() => this.kill("its connection was closed"), EXIT_FOLLOWS_MS).unref());
  }

  #end(exit: Exit, nothingLeft = false): void {
    if (nothingLeft) this.#onEnded();
    if (this.over) return;
    this.over = true;
    this.#onReady.reject(new Error(exit.why));
    this.#socket?.destroy();
    this.#handler.exit(exit);
  }
}
