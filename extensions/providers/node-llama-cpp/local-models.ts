import { constants } from "node:fs";
import { open, readFile, stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import type { Context, ModelRequest } from "@plinth/sdk";
import { failure } from "@plinth/sdk/kits/model-api";
import { Engine } from "./engine-process.ts";
import { Engines, type Lease } from "./engines.ts";
import type { Loaded } from "./messages.ts";

/** Its API was followed through this one. */
const MAJOR = "3";
const VERSION = "3.22.1";
const LIBRARY = "node-llama-cpp";
/** Threads wait for each other at each step, in loops: where a processor is busy otherwise, one thread too many slows all of them. */
const HALF = Math.max(1, Math.floor(availableParallelism() / 2));

/** A pipe is not waited for: whoever opens one holds a thread of the host's until somebody writes into it. */
const LOOK = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

export type Use = "chat" | "embedding";

interface Configured {
  readonly file: string;
  /** Default: chat. */
  readonly use?: readonly Use[];
  readonly contextTokens?: number;
}

interface Config {
  readonly models: Readonly<Record<string, Configured>>;
  readonly library?: string;
  readonly threads?: number;
  readonly memoryMb?: number;
  readonly parallel: number;
  readonly loaded: number;
  readonly queue: number;
  readonly idleMinutes: number;
}

/** The models that the configuration names, and what is known of them. */
export class LocalModels {
  readonly #config: Config;
  readonly #library: string;
  readonly #engines: Engines;
  readonly #known = new Map<string, Loaded>();

  constructor({ config, dataDir }: Pick<Context, "config" | "dataDir">) {
    this.#config = config as unknown as Config;
    const { library, parallel, loaded, queue, idleMinutes } = this.#config;
    this.#library = library ?? dataDir;
    this.#engines = new Engines({ parallel, loaded, queue, idleMs: idleMinutes * 60_000, start: (name, signal) => this.#start(name, signal) });
  }

  names(use: Use): string[] {
    return Object.entries(this.#config.models).flatMap(([name, { use: uses = ["chat"] }]) => (uses.includes(use) ? [name] : []));
  }

  configured(name: string): Configured {
    return this.#config.models[name]!;
  }

  /** Of one that was loaded before. */
  known(name: string): Loaded | undefined {
    return this.#known.get(name);
  }

  named(use: Use, asked: ModelRequest["model"] | undefined): string {
    const names = this.names(use);
    const name = asked === undefined || asked === "auto" ? names[0] : names.find((one) => one === asked);
    if (name !== undefined) return name;
    throw failure("UNKNOWN", `No model ${JSON.stringify(String(asked ?? "auto").slice(0, 64))} of this machine is configured for ${use}.`, {
      next: "Name its file: plinth config set extensions.plinth.node-llama-cpp.config.models.NAME.file /path/to/model.gguf",
    });
  }

  /** Looks at files, and loads nothing. */
  async status(use: Use): Promise<{ ready: boolean; reason?: string; defaultModel?: string }> {
    const [defaultModel] = this.names(use);
    if (defaultModel === undefined) return { ready: false, reason: `No model is configured for ${use}: "models" of its configuration names files.` };
    const reason = (await this.#libraryMissing()) ?? (await missing(this.configured(defaultModel).file));
    return reason === null ? { ready: true, defaultModel } : { ready: false, reason };
  }

  async lease(name: string, signal: AbortSignal): Promise<Lease> {
    const lease = await this.#engines.lease(name, signal);
    this.#known.set(name, lease.engine.loaded);
    return lease;
  }

  /** Vectors of one identity come from the same file. */
  async identity(name: string): Promise<string> {
    const { file } = this.configured(name);
    return `node-llama-cpp ${basename(file).slice(-400)} ${(await stat(file)).size}`;
  }

  stop(): Promise<void> {
    return this.#engines.stop();
  }

  async #start(name: string, signal: AbortSignal): Promise<Engine> {
    const { file, contextTokens = null } = this.configured(name);
    const { parallel, threads = HALF, memoryMb = null } = this.#config;
    const reason = (await this.#libraryMissing()) ?? (await missing(file));
    if (reason !== null)
      throw failure("SERVER", reason, {
        next: reason.startsWith(LIBRARY) ? `Install it: ${this.#install()}` : "Name another file, or put it there.",
        details: { retryable: false },
      });
    return Engine.start({ name, file, contextTokens, parallel, threads, memoryMb, library: this.#library }, signal);
  }

  async #libraryMissing(): Promise<string | null> {
    const read = await readFile(join(this.#library, "node_modules", LIBRARY, "package.json"), "utf8").catch(() => null);
    if (read === null) return `${LIBRARY} is not installed in ${this.#library}.`;
    const version = versionIn(read);
    return version.split(".")[0] === MAJOR ? null : `${LIBRARY} ${version} is in ${this.#library}, and it has to be ${MAJOR}.`;
  }

  /** Without its builds for graphics cards, which are many times its size, and without running anything of it. */
  #install(): string {
    const binary = `@${LIBRARY}/${process.platform.replace("darwin", "mac").replace("win32", "win")}-${process.arch}`;
    return `npm install --prefix ${this.#library} --ignore-scripts --omit=optional ${LIBRARY}@${VERSION} ${binary}@${VERSION}`;
  }
}

/** "unknown": it does not say. */
function versionIn(manifest: string): string {
  try {
    const { version } = JSON.parse(manifest) as { version?: unknown };
    return typeof version === "string" ? version : "unknown";
  } catch {
    return "unknown";
  }
}

/** What speaks against a file at first sight; the library reads on for ever in one that begins like a GGUF and is none. */
async function missing(file: string): Promise<string | null> {
  const head = Buffer.alloc(8);
  try {
    await using opened = await open(file, LOOK);
    if (!(await opened.stat()).isFile()) return `${file} is no file, but something else.`;
    await opened.read(head, 0, head.length, 0);
  } catch {
    return `The model's file ${file} is not there, or may not be read.`;
  }
  const version = head.readUInt32LE(4);
  return head.toString("latin1", 0, 4) === "GGUF" && version >= 1 && version <= 3
    ? null
    : `The model's file ${file} is no GGUF file that can be read.`;
}
