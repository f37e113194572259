import { existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { PlinthError, type Provider } from "@plinth/sdk";
import {
  descriptorLimit,
  type Found,
  type GrantedFolder,
  grantedPath,
  holdFolders,
  launch,
  makesMounts,
  ownUser,
  type Room,
  releaseFolders,
  userEnded,
} from "@plinth/sdk/tiers";
import { admits } from "./patterns.ts";
import { type Item, RunningProgram } from "./running-program.ts";

const MAX_RUNNING = 8;
/** One program for so many descriptors of the host; it takes a few, and most are kept for other things. */
const DESCRIPTORS = 16;
const DEFAULT_MS = 60_000;
const MAX_MS = 600_000;
const MAX_BYTES = 8 * 1_048_576;
/** Where programs are looked for; never in a search path, which may be anybody's. */
const FOLDERS = ["/usr/bin", "/bin"];
/** What programs need besides themselves, read-only. */
const SYSTEM = ["/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc/alternatives", "/etc/ld.so.cache"];

type Input = Parameters<Provider<"plinth.program-runner">["run"]>[0];

/** Programs of extensions: which may run, behind what, how many at one time. */
export class Programs {
  readonly #tools: () => Promise<Found>;
  readonly #home: string;
  readonly #most = Math.max(1, Math.floor(descriptorLimit() / DESCRIPTORS));
  readonly #running = new Map<RunningProgram, string>();

  /** @param home of this host, which no folder may hold. */
  constructor(tools: () => Promise<Found>, home: string) {
    this.#tools = tools;
    this.#home = home;
  }

  async *run({ extension, programs, folders, request }: Input, signal: AbortSignal): AsyncGenerator<Item> {
    const { program, args, input, base64, timeoutMs, maxBytes } = request;
    if (program.includes("\0") || args.some((one) => one.includes("\0"))) throw denied(extension, "give a program a null byte");
    if (!admits(programs, program, args)) throw denied(extension, `run ${[program, ...args].join(" ").slice(0, 200)}`);
    const cwd = workingFolder(extension, folders, request.cwd);
    const path = resolved(extension, program);
    // Its own folder and the workspace are the host's to make; another one is the owner's.
    for (const folder of folders) if (!folder.name.startsWith("/")) mkdirSync(folder.path, { recursive: true, mode: 0o700 });
    const tools = await this.#tools();
    if (tools.bwrap === null) throw noWall(extension, tools.why ?? "bubblewrap does not work here");
    if (this.#running.size >= this.#most) throw crowded(extension, this.#most);
    if ([...this.#running.values()].filter((one) => one === extension).length >= MAX_RUNNING) throw busy(extension);
    const user = await ownUser(extension, folders.find(({ name }) => name === "data")?.path ?? null);
    const held = await holdFolders(extension, this.#home, folders, user, makesMounts(tools)).catch((thrown: unknown) => {
      userEnded(user);
      throw thrown;
    });
    const room: Room = { ...roomOf(path, cwd), folders: held, user };
    const run = new RunningProgram({
      extension,
      program,
      // It has its own descriptors of the folders by then.
      start() {
        try {
          return launch({ ...tools, libraries: [] }, room, [path, ...args], { input: "pipe", connection: false });
        } finally {
          releaseFolders(held);
        }
      },
      input: input === undefined ? null : Buffer.from(input, base64 ? "base64" : "utf8"),
      timeoutMs: bounded(timeoutMs, DEFAULT_MS, MAX_MS),
      maxBytes: bounded(maxBytes, MAX_BYTES, MAX_BYTES),
    });
    this.#running.set(run, extension);
    try {
      yield* run.items(signal);
    } finally {
      await run.stop();
      this.#running.delete(run);
      userEnded(user);
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((one) => one.stop()));
  }
}

/** It sees the system's programs and the granted folders, and nothing else of this machine; there is no network. */
const roomOf = (path: string, cwd: string): Omit<Room, "folders" | "user"> => ({
  programs: [...SYSTEM.filter((one) => existsSync(one)), ...(SYSTEM.some((one) => path.startsWith(`${one}/`)) ? [] : [path])],
  cwd,
  env: { PATH: FOLDERS.join(":"), HOME: "/", LANG: "C.UTF-8", TZ: process.env.TZ ?? "UTC" },
  processes: true,
});

/** What is no number of this range counts as not given. */
const bounded = (value: number | undefined, preset: number, most: number): number =>
  value !== undefined && value >= 0 ? Math.min(value, most) : preset;

function workingFolder(extension: string, folders: readonly GrantedFolder[], asked: string | undefined): string {
  const preset = folders.find(({ name }) => name === "workspace")?.path ?? "/";
  if (asked === undefined) return preset;
  const { folder, steps } = grantedPath(extension, folders, asked);
  return join(folder.path, ...steps);
}

function resolved(extension: string, program: string): string {
  const found = (program.startsWith("/") ? [program] : FOLDERS.map((folder) => join(folder, program))).find((path) =>
    statSync(path, { throwIfNoEntry: false })?.isFile(),
  );
  if (found !== undefined) return found;
  throw new PlinthError("PLINTH_EXEC_FAILED", `There is no program ${program} here.`, { extension, next: `Install it into ${FOLDERS[0]}.` });
}

const denied = (extension: string, what: string): PlinthError =>
  new PlinthError("PLINTH_PERMISSION", `${extension} may not ${what}.`, {
    extension,
    next: "Its manifest must declare the program and these arguments in permissions.exec, and an owner must consent.",
  });

const crowded = (extension: string, most: number): PlinthError =>
  new PlinthError("PLINTH_QUOTA", `${extension} cannot run a program now: all extensions of this host may run ${most} at one time.`, {
    extension,
    next: "Wait for some to end.",
  });

const busy = (extension: string): PlinthError =>
  new PlinthError("PLINTH_QUOTA", `${extension} used up its budget: ${MAX_RUNNING} programs at one time.`, {
    extension,
    next: "Wait for some to end.",
  });

const noWall = (extension: string, why: string): PlinthError =>
  new PlinthError("PLINTH_SANDBOX", `${extension} cannot run programs: there is no wall to run them behind (${why}).`, {
    extension,
    next: "Install bubblewrap and allow user namespaces.",
  });
