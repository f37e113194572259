import type { ChildProcess } from "node:child_process";
import { dirname, join } from "node:path";
import type { Duplex } from "node:stream";
import { PlinthError } from "@plinth/sdk";
import {
  exitSignal,
  FOLDER_MB,
  FolderWatch,
  type Found,
  type HostTime,
  kill,
  launch,
  ProcessWatch,
  paced,
  permissionFlags,
  type Room,
} from "@plinth/sdk/tiers";
import { type Handler, Peer, type RunnerInput, StreamTransport } from "@plinth/sdk/wire";

const OUTPUT_LIMIT = 64 * 1024;
/** The end of what it said is looked at when it ends. */
const LAST_WORDS = 4 * 1024;
const HEAP_MB = 128;
/** What the runtime takes besides the heap that an extension may fill. */
const RUNTIME_MB = 200;
const PING_MS = 4_000;
/** A connection closes a moment before the exit that says why. */
const EXIT_FOLLOWS_MS = 200;

const SLOW = "it makes the host work more than it works itself: what it sends is read slowly";

/** The guest's program, in the product beside the extensions. */
const childProgram = (): string => process.env.PLINTH_CHILD_PROGRAM ?? join(import.meta.dirname, "../../guest/process.mjs");

/** One process behind its walls, with the frames to and from it, watched as long as it lives. */
export class GuestProcess {
  readonly peer: Peer;
  readonly watch: ProcessWatch | null;
  /** Nothing of it runs any more, and nothing holds its pipes. */
  readonly closed: Promise<void>;
  readonly #input: RunnerInput;
  readonly #child: ChildProcess;
  readonly #heapMb: number;
  #lastWords = "";
  #folder: FolderWatch | null = null;

  constructor(input: RunnerInput, tools: Found, { user, folders: granted }: Pick<Room, "user" | "folders">, handler: Handler, time: HostTime) {
    const { manifest, info } = input;
    this.#input = input;
    this.#heapMb = manifest.budgets?.heapMb ?? HEAP_MB;
    const program = childProgram();
    // A data folder that was not granted is not there behind the wall.
    const cwd = granted.find(({ path }) => path === info.dataDir)?.path ?? "/";
    // Libraries ask for a home, and there is no list of users to look it up in.
    const env = { PATH: "/usr/bin:/bin", LANG: "C.UTF-8", TZ: process.env.TZ ?? "UTC", HOME: cwd };
    const storageMb = manifest.budgets?.storageMb ?? FOLDER_MB;
    const mayWrite = granted.some(({ path, write }) => write && path === info.dataDir);
    // Where only its own folder is written to; a workspace may hold larger files than it may keep itself.
    const narrow = mayWrite && granted.every(({ path, write }) => !write || path === info.dataDir);
    const maxFileBytes = narrow ? { maxFileBytes: storageMb * 1024 ** 2 } : {};
    const room: Room = { folders: granted, programs: [process.execPath, dirname(program)], cwd, env, user, ...maxFileBytes };
    const child = launch(tools, room, [process.execPath, ...permissionFlags(granted, program, this.#heapMb), program]);
    this.#child = child;
    this.#capture();
    const connection = child.stdio[3] as Duplex;
    this.peer = new Peer(patient(new StreamTransport(connection, time.spend)), manifest.id, handler, time.spend);
    paced(connection, { time, unsent: () => connection.writableLength, onSlow: () => input.onLog("warn", SLOW) });
    const limits = { memoryMb: this.#heapMb + RUNTIME_MB, cpuMsPerCall: manifest.budgets?.cpuMsPerCall ?? null };
    const watch =
      child.pid === undefined
        ? null
        : new ProcessWatch(
            child.pid,
            limits,
            (why) => this.end(why),
            () => this.#ping(),
          );
    this.watch = watch;
    time.guestMs = () => watch?.usage().cpuMs ?? 0;
    if (watch !== null && mayWrite && info.dataDir !== null) {
      this.#folder = new FolderWatch({
        dir: info.dataDir,
        maxMb: storageMb,
        pids: () => [watch.innermost],
        cost: (ms) => time.cost(ms),
        onOver: (why) => this.end(why),
      });
    }
    this.closed = new Promise((resolve) => child.once("close", () => resolve()));
    child.on("error", (error) => this.end(error.message));
    child.on("exit", (code, signal) => {
      this.watch?.stop();
      this.#folder?.stop();
      this.end(this.#ending(code, signal));
    });
    // A connection that closes or breaks the protocol is the end of the process, whatever it still does.
    void this.peer.closed.then(() => this.kill());
  }

  /** Calls in it fail with the reason; it is killed. Whatever ended it first is the reason. */
  end(why: string): void {
    this.peer.close(exited(this.#input.manifest.id, why));
  }

  kill(): void {
    kill(this.#child);
  }

  get over(): boolean {
    return this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Busy though nobody called: what reacts may go on as far as its share allows. */
  #ping(): void {
    this.peer.call("ping", {}, {}, AbortSignal.timeout(PING_MS)).catch(() => this.end("it did not react any more"));
  }

  #ending(code: number | null, signal: NodeJS.Signals | null): string {
    if (/heap out of memory|invalid (table|array|string) (size|length) Allocation failed/i.test(this.#lastWords))
      return `its heap is full: budgets.heapMb allows ${this.#heapMb} MiB`;
    // The wall could not be built: it says why, and nothing of the extension ran.
    const built = /^(?:bwrap|setpriv|prlimit): .*$/m.exec(this.#lastWords)?.[0] ?? (code === 126 ? this.#lastWords.trim() : undefined);
    return exitSignal(code, signal) ?? `exit code ${code}${built === undefined ? "" : `, ${built.slice(0, 300)}`}`;
  }

  /** What it prints becomes log lines of its owner, bounded. */
  #capture(): void {
    let room = OUTPUT_LIMIT;
    for (const [stream, level] of [
      [this.#child.stdout, "info"],
      [this.#child.stderr, "warn"],
    ] as const) {
      stream?.on("data", (chunk: Buffer) => {
        if (level === "warn") this.#lastWords = (this.#lastWords + chunk.subarray(-LAST_WORDS).toString("utf8")).slice(-LAST_WORDS);
        if (room <= 0) return;
        const text = chunk.subarray(0, room).toString("utf8").trimEnd();
        room -= chunk.length;
        if (text !== "") this.#input.onLog(level, text);
        if (room <= 0) this.#input.onLog("warn", "it prints too much; the rest is dropped");
      });
    }
  }
}

/** Gives the exit time to say more than that the connection was closed. */
function patient(transport: StreamTransport): StreamTransport {
  const listen = transport.listen.bind(transport);
  transport.listen = (receiver) =>
    listen({
      messages: (batch) => receiver.messages(batch),
      broke: (why) => receiver.broke(why),
      ended: (how) => void setTimeout(() => receiver.ended(how), EXIT_FOLLOWS_MS),
    });
  return transport;
}

export const exited = (extension: string, how: string): PlinthError =>
  new PlinthError("PLINTH_EXTENSION_EXITED", `The process of ${extension} ended (${how}).`, {
    extension,
    next: "It is started again at its next use; `plinth status` says why it ended.",
    details: { retryable: true },
  });
