import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import type { Duplex } from "node:stream";
import { PlinthError } from "@plinth/sdk";
import { type Found, folders, found, GuestRequests, MemoryWatch, permissionFlags, sealed, walled } from "@plinth/sdk/tiers";
import { type CallInfo, Peer, type Runner, type RunnerInput, type WorkData } from "@plinth/sdk/wire";
import { requireWall, type SandboxPolicy } from "./enforcement.ts";

const START_MS = 15_000;
const STOP_MS = 2_000;
const END_MS = 500;
const PING_MS = 1_000;
const OUTPUT_LIMIT = 64 * 1024;
const HEAP_MB = 128;
/** What the runtime takes besides the heap that an extension may fill. */
const RUNTIME_MB = 200;

/** The guest's program, in the product beside the extensions. */
const childProgram = (): string => process.env.PLINTH_CHILD_PROGRAM ?? join(import.meta.dirname, "../../guest/process.mjs");

/** An extension in a process of its own: the system's wall, Node's permission flags, no environment, no descriptor but the frames'. */
export class ProcessRunner implements Runner {
  readonly ended: Promise<Error>;
  readonly #input: RunnerInput;
  readonly #requests: GuestRequests;
  readonly #policy: SandboxPolicy;
  readonly #tools: () => Promise<Found>;
  #child: ChildProcess | null = null;
  #memory: MemoryWatch | null = null;
  /** Why the host ended it, when it did. */
  #why: PlinthError | null = null;
  #peer: Peer | null = null;
  #onEnded!: (error: Error) => void;
  #stopping = false;

  constructor(input: RunnerInput, policy: SandboxPolicy, tools: () => Promise<Found> = found) {
    this.#input = input;
    this.#policy = policy;
    this.#tools = tools;
    this.#requests = new GuestRequests(input);
    this.ended = new Promise((resolve) => {
      this.#onEnded = resolve;
    });
  }

  async start(): Promise<void> {
    const { manifest, info } = this.#input;
    const [tools, source] = await Promise.all([this.#tools(), this.#input.source()]);
    requireWall(this.#policy, manifest.id, tools);
    const program = childProgram();
    const heapMb = manifest.budgets?.heapMb ?? HEAP_MB;
    const granted = folders(this.#input);
    const env = { PATH: "/usr/bin:/bin", LANG: "C.UTF-8", TZ: process.env.TZ ?? "UTC" };
    // A data folder that was not granted is not there behind the wall.
    const cwd = granted.find(({ path }) => path === info.dataDir)?.path ?? "/";
    const room = { folders: granted, programs: [process.execPath, dirname(program)], cwd, env };
    const child = spawn(...walled(tools, room, [process.execPath, ...permissionFlags(granted, program, heapMb), program]), {
      stdio: sealed(["ignore", "pipe", "pipe", "pipe"]),
      env,
      cwd,
      detached: true,
      windowsHide: true,
    });
    this.#child = child;
    this.#capture(child);
    const peer = new Peer(child.stdio[3] as Duplex, manifest.id, this.#requests);
    this.#peer = peer;
    const limitMb = heapMb + RUNTIME_MB;
    this.#memory =
      child.pid === undefined
        ? null
        : new MemoryWatch(child.pid, limitMb, () => {
            this.#why = exited(manifest.id, `it took more memory than ${limitMb} MiB`);
            peer.close(this.#why);
          });
    child.on("error", (error) => peer.close(exited(manifest.id, error.message)));
    child.on("exit", (code, signal) => {
      this.#killGroup();
      this.#memory?.stop();
      const error = this.#why ?? exited(manifest.id, how(code, signal));
      peer.close(error);
      this.#requests.close();
      if (!this.#stopping) this.#onEnded(error);
    });
    // A connection that closes or breaks the protocol is the end of the process, whatever it still does.
    void peer.closed.then((error) => {
      if (this.#stopping) return;
      this.#killGroup();
      setImmediate(() => this.#onEnded(error));
    });
    this.#memory?.enter();
    await peer.call("start", { ...info, source }, { deadlineMs: START_MS }, AbortSignal.timeout(START_MS)).catch((thrown: PlinthError) => {
      this.#stopping = true;
      this.#killGroup();
      throw thrown.code === "PLINTH_ABORTED" ? late(manifest.id) : thrown;
    });
    this.#memory?.leave();
  }

  invoke(contract: string, id: string, method: string, input: unknown, call: CallInfo): unknown {
    return this.#enter(call, (meta) =>
      this.#connected().call("invoke", { contract, id, method, input, caller: call.caller, work: meta.data }, meta, call.signal),
    );
  }

  stream(contract: string, id: string, method: string, input: unknown, call: CallInfo): AsyncIterable<unknown> {
    const enter = (): (() => void) => this.#inside(call);
    const probe = (thrown: unknown): void => this.#probe(thrown);
    const peer = this.#connected();
    const params = { contract, id, method, input, caller: call.caller, work: workData(call.work) };
    return (async function* () {
      const leave = enter();
      try {
        yield* peer.open("invoke", params, { work: call.work?.id }, call.signal);
      } catch (thrown) {
        probe(thrown);
        throw thrown;
      } finally {
        leave();
      }
    })();
  }

  hook(name: string, payload: unknown, call: CallInfo): unknown {
    return this.#enter(call, (meta) => this.#connected().call("hook", { name, payload, caller: call.caller, work: meta.data }, meta, call.signal));
  }

  configure(config: Record<string, unknown>): void {
    this.#peer?.note("config", config);
  }

  async stop(reason: Error): Promise<void> {
    this.#stopping = true;
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    // The outer process may end before what is inside of it; its pipes are closed when nothing holds them any more.
    const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
    const stopped = this.#peer?.call("stop", { reason: reason.message }, {}, AbortSignal.timeout(STOP_MS));
    const late = await stopped?.then(
      () => false,
      () => true,
    );
    // Without its connection it ends by itself, and the wall cleans up after it; a killed one leaves that to the system.
    this.#peer?.close(exited(this.#input.manifest.id, "stopped"));
    const kill = setTimeout(() => this.#killGroup(), late === false ? END_MS : 0);
    await closed;
    clearTimeout(kill);
  }

  async #enter(call: CallInfo, run: (meta: { work?: string; data: unknown }) => Promise<unknown>): Promise<unknown> {
    const leave = this.#inside(call);
    try {
      return await run({ ...(call.work === undefined ? {} : { work: call.work.id }), data: workData(call.work) });
    } catch (thrown) {
      this.#probe(thrown);
      throw thrown;
    } finally {
      leave();
    }
  }

  /** A call is in there: its work counts, and memory is watched. */
  #inside(call: CallInfo): () => void {
    const leave = this.#requests.enter(call.work);
    this.#memory?.enter();
    return () => {
      leave();
      this.#memory?.leave();
    };
  }

  /** A missed deadline may be a loop that nothing inside can end: a process that does not answer is killed. */
  #probe(thrown: unknown): void {
    if ((thrown as { code?: unknown }).code !== "PLINTH_DEADLINE" || this.#stopping) return;
    this.#peer
      ?.call("ping", {}, {}, AbortSignal.timeout(PING_MS))
      .catch(() => this.#peer?.close(exited(this.#input.manifest.id, "it did not react any more")));
  }

  #connected(): Peer {
    if (this.#peer === null) throw exited(this.#input.manifest.id, "not started");
    return this.#peer;
  }

  /** What the child prints becomes log lines of its owner, bounded. */
  #capture(child: ChildProcess): void {
    let room = OUTPUT_LIMIT;
    for (const [stream, level] of [
      [child.stdout, "info"],
      [child.stderr, "warn"],
    ] as const) {
      stream?.on("data", (chunk: Buffer) => {
        if (room <= 0) return;
        const text = chunk.subarray(0, room).toString("utf8").trimEnd();
        room -= chunk.length;
        if (text !== "") this.#input.onLog(level, text);
        if (room <= 0) this.#input.onLog("warn", "it prints too much; the rest is dropped");
      });
    }
  }

  #killGroup(): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // The group is gone already.
    }
  }
}

const workData = (work: WorkData | undefined): unknown =>
  work === undefined ? null : { id: work.id, principal: work.principal, generation: work.generation };

/** A wall that waits for the process tells its signal as a number above 128. */
function how(code: number | null, signal: NodeJS.Signals | null): string {
  const number = (code ?? 0) - 128;
  const name = signal ?? Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
  return name ?? `exit code ${code}`;
}

const exited = (extension: string, how: string): PlinthError =>
  new PlinthError("PLINTH_EXTENSION_EXITED", `The process of ${extension} ended (${how}).`, {
    extension,
    next: "It is started again at its next use; `plinth status` says why it ended.",
    details: { retryable: true },
  });

const late = (extension: string): PlinthError =>
  new PlinthError("PLINTH_DEADLINE", `${extension} did not start within ${START_MS / 1000} s.`, {
    extension,
    next: "Report it to the author of the extension.",
  });
