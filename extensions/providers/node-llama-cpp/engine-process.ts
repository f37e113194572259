import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { pathToFileURL } from "node:url";
import { failure } from "@plinth/sdk/kits/model-api";
import { exitSignal, found, insideOf, kill, launch, ownUser, permissionFlags, type Room, userEnded } from "@plinth/sdk/tiers";
import { engine } from "./engine.ts";
import type { Asked, Failure, Item, Loaded, Opening, Said } from "./messages.ts";

/** Of the runtime; a model's own memory is no part of it. */
const HEAP_MB = 512;
/** Beside what the file has: context, working memory, the runtime. */
const BESIDES_MB = 4_096;
const LOOK_MS = 1_000;
const LONGEST_LINE = 32 * 1_048_576;
const LAST_WORDS = 2_000;
/** How long a step that nobody waits for any more may last before all of it ends. */
const PATIENCE_MS = 5_000;
/** Until a model is loaded: less than the contract gives a whole answer, so that it is told why there is none. */
const LOAD_MS = 100_000;

const PROGRAM = `import { registerHooks } from "node:module";
import { Socket } from "node:net";
const connection = new Socket({ fd: 3, readable: true, writable: true });
await (${engine})({ connection, registerHooks, load: (url) => import(url) });
`;

export interface EngineOptions extends Omit<Opening, "library"> {
  /** The folder in which the library was installed. */
  readonly library: string;
  readonly name: string;
  /** Of the whole process, in MiB; null = what its file has and four GiB more. */
  readonly memoryMb: number | null;
}

type Ask = Asked extends infer One ? (One extends { id: number } ? Omit<One, "id"> : never) : never;

interface Waiting {
  item(item: Item): void;
  end(value: unknown): void;
  fail(error: Error): void;
}

/**
 * The process of one loaded model. It is behind the same walls as an extension's, with what those do not have: one native module,
 * and the model's file to read. It has no network, no other file, no processes.
 */
export class Engine {
  readonly name: string;
  readonly loaded: Loaded;
  /** Why it ended. */
  readonly closed: Promise<string>;
  readonly #process: EngineProcess;

  private constructor(name: string, loaded: Loaded, process: EngineProcess) {
    this.name = name;
    this.loaded = loaded;
    this.closed = process.closed;
    this.#process = process;
  }

  /** @param signal it is not wanted any more: what was begun ends. */
  static async start({ library, name, memoryMb, ...opening }: EngineOptions, signal: AbortSignal): Promise<Engine> {
    const [modules, file] = await Promise.all([realpath(join(library, "node_modules")), realpath(opening.file)]);
    const bytes = (await stat(file)).size;
    const process = await EngineProcess.launch(name, modules, file, memoryMb ?? Math.ceil(bytes / 1_048_576) + BESIDES_MB);
    const onAbort = (): void => process.kill();
    signal.addEventListener("abort", onAbort, { once: true });
    const late = setTimeout(() => process.kill(`its model was not loaded after ${LOAD_MS / 1_000} s`), LOAD_MS);
    const entry = pathToFileURL(join(modules, "node-llama-cpp/dist/index.js")).href;
    try {
      signal.throwIfAborted();
      const loaded = (await process.ask({ what: "open", ...opening, file, library: entry }, () => {})) as Loaded;
      return new Engine(name, loaded, process);
    } catch (thrown) {
      process.kill();
      await process.closed;
      throw thrown;
    } finally {
      clearTimeout(late);
      signal.removeEventListener("abort", onAbort);
    }
  }

  /**
   * Ask for something, and be told its items as they come. It fails at once where `signal` aborts; `settled` is when the process has
   * really left off, or was ended because it did not.
   */
  ask(asked: Ask, signal: AbortSignal, onItem: (item: Item) => void = () => {}): { answer: Promise<unknown>; settled: Promise<void> } {
    return this.#process.cancellable(asked, signal, onItem);
  }

  get pid(): number | null {
    return this.#process.pid;
  }

  async stop(): Promise<void> {
    this.#process.kill();
    await this.closed;
  }
}

class EngineProcess {
  readonly closed: Promise<string>;
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #connection: Duplex;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #words = "";
  #why: string | null = null;

  private constructor(name: string, child: ChildProcess, memoryMb: number) {
    this.#name = name;
    this.#child = child;
    this.#connection = child.stdio[3] as Duplex;
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk: Buffer) => {
        this.#words = (this.#words + chunk.toString("utf8")).slice(-LAST_WORDS);
      });
    this.#read();
    const watch = setInterval(() => {
      if (child.pid !== undefined && residentMb(child.pid) > memoryMb) this.kill(`it took more memory than ${memoryMb} MiB`);
    }, LOOK_MS).unref();
    child.on("error", (error) => this.#end(error.message));
    child.on("exit", (code, signal) => this.#end(exitSignal(code, signal) ?? (this.#words.trim().split("\n").at(-1) || `exit code ${code}`)));
    this.closed = new Promise((resolve) => {
      const over = (): void => {
        clearInterval(watch);
        resolve(this.#why ?? "it ended");
      };
      if (child.pid === undefined) child.once("error", over);
      else child.once("close", over);
    });
  }

  static async launch(name: string, modules: string, file: string, memoryMb: number): Promise<EngineProcess> {
    const tools = await found();
    if (tools.bwrap === null)
      throw failure("SERVER", `No model is loaded without a wall around its process: ${tools.why}.`, {
        next: process.platform === "linux" ? "Install bubblewrap, such as with: apt install bubblewrap" : "Use a server of models, such as Ollama.",
        details: { retryable: false },
      });
    const user = await ownUser(`the model ${name}`, null);
    const env = { PATH: "/usr/bin:/bin", LANG: "C.UTF-8", TZ: "UTC", HOME: "/" };
    const room: Room = { folders: [], programs: [process.execPath, modules, file], cwd: "/", env, user };
    // Of the system it reads which libraries are mapped, to know which of its binaries fits.
    const readable = [modules, file, "/proc/self/maps"].map((path) => `--allow-fs-read=${path}`);
    const flags = [...permissionFlags([], join(modules, "node-llama-cpp"), HEAP_MB), "--allow-addons", ...readable];
    const child = launch(tools, room, [process.execPath, ...flags, "--input-type=module", "-"], { input: "pipe" });
    child.once("close", () => userEnded(user));
    const made = new EngineProcess(name, child, memoryMb);
    // How it ends says more than that it did not read all.
    child.stdin?.on("error", () => {});
    child.stdin?.end(PROGRAM);
    return made;
  }

  get pid(): number | null {
    return this.#why === null ? (this.#child.pid ?? null) : null;
  }

  ask(asked: Ask, onItem: (item: Item) => void): Promise<unknown> {
    return this.#send(this.#nextId++, asked, onItem);
  }

  cancellable(asked: Ask, signal: AbortSignal, onItem: (item: Item) => void): { answer: Promise<unknown>; settled: Promise<void> } {
    const id = this.#nextId++;
    const answer = this.#send(id, asked, (item) => {
      if (!signal.aborted) onItem(item);
    });
    const settled = answer.then(
      () => {},
      () => {},
    );
    let late: NodeJS.Timeout | undefined;
    const aborted = new Promise<never>((_, reject) => {
      const onAbort = (): void => {
        this.#connection.write(`${JSON.stringify({ id, what: "cancel" } satisfies Asked)}\n`);
        late = setTimeout(() => this.kill("it did not leave off when it was told to"), PATIENCE_MS).unref();
        reject(signal.reason);
      };
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
      void settled.then(() => {
        clearTimeout(late);
        signal.removeEventListener("abort", onAbort);
      });
    });
    aborted.catch(() => {});
    return { answer: Promise.race([answer, aborted]), settled };
  }

  kill(why = "it was not needed any more"): void {
    kill(this.#child);
    this.#end(why);
  }

  #send(id: number, asked: Ask, onItem: (item: Item) => void): Promise<unknown> {
    if (this.#why !== null) return Promise.reject(this.#gone());
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { item: onItem, end: resolve, fail: reject });
      this.#connection.write(`${JSON.stringify({ ...asked, id })}\n`);
    });
  }

  #read(): void {
    let begun: string[] = [];
    let size = 0;
    this.#connection.setEncoding("utf8");
    this.#connection.on("error", () => {});
    this.#connection.on("data", (piece: string) => {
      const [first = "", ...others] = piece.split("\n");
      begun.push(first);
      size += first.length;
      if (size > LONGEST_LINE) return this.kill("it said something without end");
      const rest = others.pop();
      if (rest === undefined) return;
      for (const line of [begun.join(""), ...others]) this.#take(line);
      begun = [rest];
      size = rest.length;
    });
  }

  #take(line: string): void {
    let said: Said;
    try {
      said = JSON.parse(line) as Said;
    } catch {
      return this.kill("it said something that is not JSON");
    }
    const waiting = this.#waiting.get(said?.id);
    if (waiting === undefined) return;
    if ("item" in said) return waiting.item(said.item);
    this.#waiting.delete(said.id);
    if ("failed" in said) waiting.fail(coded(this.#name, said.failed));
    else waiting.end(said.done);
  }

  #end(why: string): void {
    this.#why ??= why;
    this.#connection.destroy();
    for (const { fail } of this.#waiting.values()) fail(this.#gone());
    this.#waiting.clear();
  }

  #gone(): Error {
    return failure("SERVER", `The process of the model ${this.#name} ended: ${(this.#why ?? "").slice(0, 400)}.`, {
      next: "It is loaded again at its next use; if it stays so, give it more memory (memoryMb) or a smaller context (contextTokens).",
    });
  }
}

/** Of a launched process and all inside: what is in memory and swapped out, also of the file. Its place in the queue stays: somebody waits for it. */
function residentMb(pid: number): number {
  let kb = 0;
  const all = [pid];
  for (const one of all) all.push(...insideOf(one));
  for (const one of all) {
    try {
      for (const [, amount] of readFileSync(`/proc/${one}/status`, "utf8").matchAll(/^Vm(?:RSS|Swap):\s+(\d+) kB$/gm)) kb += Number(amount);
    } catch {
      // It ended meanwhile, or this system does not tell.
    }
  }
  return kb / 1_024;
}

/** What went wrong in there, in the contract's words. */
function coded(name: string, { kind, message, limit, asked }: Failure): Error {
  const text = String(message).slice(0, 500);
  if (kind === "CONTEXT") return failure("CONTEXT", text, { details: { limitTokens: limit, askedTokens: asked } });
  if (kind === "UNSUPPORTED") return failure("UNSUPPORTED", `${name} cannot be held to this schema: ${text}`, { details: { param: "output" } });
  if (kind === "REQUEST") return failure("REQUEST", text);
  const memory = /memory|vram/i.test(text);
  return failure("SERVER", `node-llama-cpp failed with the model ${name}: ${text}`, {
    next: memory
      ? "Give it a smaller context (contextTokens), or use a smaller model."
      : "Check the model's file, and the version of node-llama-cpp.",
    details: { retryable: false },
  });
}
