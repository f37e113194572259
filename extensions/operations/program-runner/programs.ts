import { randomBytes, randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { isPlinthError, PlinthError, type Provider } from "@plinth/sdk";
import { admits, descriptorLimit, type Found, holdFolders, makesMounts, openTerminal, ownUser, releaseFolders, userEnded } from "@plinth/sdk/tiers";
import { throughDoor } from "./door.ts";
import { fileLimit, type OwnFolder, OwnFolders, ownFolder } from "./own-folders.ts";
import { pinnedCopy } from "./pinned.ts";
import type { Input, Message, Reach } from "./requests.ts";
import { launched, narrowed, resolved, roomOf, workingFolder } from "./room.ts";
import { type Item, RunningProgram } from "./running-program.ts";
import { variablesOf, wayOut } from "./variables.ts";

const MAX_RUNNING = 8;
/** One program for so many descriptors of the host; it takes a few, and most are kept for other things. */
const DESCRIPTORS = 16;
const DEFAULT_MS = 60_000;
const MAX_MS = 600_000;
/** An open one is a companion: an agent, a server of a language. */
const DUPLEX_MS = 24 * 3_600_000;
const MAX_DUPLEX_MS = 7 * DUPLEX_MS;
const MAX_BYTES = 8 * 1_048_576;

type Proxy = (input: Parameters<Provider<"plinth.egress">["proxy"]>[0], signal: AbortSignal) => AsyncIterable<Reach>;

interface Started {
  readonly run: RunningProgram;
  /** For its variables or its way out. */
  readonly waits: boolean;
  readonly own: OwnFolder | null;
}

/** Programs of extensions: which may run, behind what, how many at one time. */
export class Programs {
  readonly #tools: () => Promise<Found>;
  readonly #home: string;
  readonly #proxy: Proxy;
  readonly #pins: string;
  readonly #most = Math.max(1, Math.floor(descriptorLimit() / DESCRIPTORS));
  readonly #running = new Set<RunningProgram>();
  readonly #open = new Map<string, RunningProgram>();
  readonly #places = new Map<string, number>();
  readonly #folders = new OwnFolders();

  /**
   * @param home of this host, which no folder may hold.
   * @param proxy what answers a program's way to the network.
   * @param dataDir where it keeps files of its own.
   */
  constructor(tools: () => Promise<Found>, home: string, proxy: Proxy, dataDir: string) {
    this.#tools = tools;
    this.#home = home;
    this.#proxy = proxy;
    this.#pins = join(dataDir, "pinned");
  }

  async *open(input: Input, caller: AbortSignal): AsyncGenerator<Item> {
    const over = new AbortController();
    const signal = AbortSignal.any([caller, over.signal]);
    const leave = await this.#admit(input);
    const id = input.request.duplex === true ? randomUUID() : null;
    let run: RunningProgram | undefined;
    try {
      const started = await this.#start(input);
      run = started.run;
      this.#running.add(run);
      if (started.waits) await this.#begin(run, input, signal);
      if (id !== null) {
        this.#open.set(id, run);
        yield { open: id };
      }
      for await (const item of run.items(caller)) {
        if ("code" in item && started.own !== null) await this.#folders.left(started.own, run.program);
        yield item;
      }
    } finally {
      if (id !== null) this.#open.delete(id);
      over.abort(new Error("The program is over."));
      await run?.stop();
      if (run !== undefined) this.#running.delete(run);
      leave();
    }
  }

  async send(extension: string, id: string, message: Message): Promise<void> {
    const run = this.#open.get(id);
    if (run?.extension === extension) return run.send(message);
    throw new PlinthError("PLINTH_EXEC_ENDED", "The program is over.", { extension, next: "Open it again." });
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running].map((one) => one.stop()));
  }

  /** A place for one more, if it may run at all. The result gives the place back. */
  async #admit({ extension, programs, hosts = [], request: { program, args, net } }: Input): Promise<() => void> {
    if (program.includes("\0") || args.some((one) => one.includes("\0"))) throw denied(extension, "give a program a null byte");
    if (!admits(programs, program, args)) throw denied(extension, `run ${[program, ...args].join(" ").slice(0, 200)}`);
    if (net !== undefined && hosts.length === 0) throw denied(extension, "give a program a way to the network");
    const tools = await this.#tools();
    if (tools.bwrap === null) throw noWall(extension, tools.why ?? "bubblewrap does not work here");
    const [own, all] = [this.#places.get(extension) ?? 0, [...this.#places.values()].reduce((sum, one) => sum + one, 0)];
    if (all >= this.#most) throw crowded(extension, this.#most);
    if (own >= MAX_RUNNING) throw busy(extension);
    this.#places.set(extension, own + 1);
    return () => {
      const left = (this.#places.get(extension) ?? 1) - 1;
      if (left === 0) this.#places.delete(extension);
      else this.#places.set(extension, left);
    };
  }

  async #start({ extension, folders: granted, storageMb, pinned, request }: Input): Promise<Started> {
    const { program, args, input, base64, timeoutMs, maxBytes, duplex = false, net, pty } = request;
    variablesOf(extension, request.env);
    const folders = narrowed(extension, granted, request.folders);
    const cwd = workingFolder(extension, folders, request.cwd);
    const path = resolved(extension, program);
    const own = ownFolder(extension, folders, storageMb);
    if (own !== null) await this.#folders.assertRoom(own, program);
    const copy = pinned === undefined ? null : await pinnedCopy(extension, path, pinned, request.env ?? {}, this.#pins);
    // Its own folder and the workspace are the host's to make; another one is the owner's.
    for (const folder of folders) if (!folder.name.startsWith("/")) mkdirSync(folder.path, { recursive: true, mode: 0o700 });
    const tools = await this.#tools();
    const user = await ownUser(extension, granted.find(({ name }) => name === "data")?.path ?? null);
    try {
      const held = await holdFolders(extension, this.#home, folders, user, makesMounts(tools));
      const waits = net !== undefined || request.env !== undefined;
      try {
        const terminal = pty === undefined ? null : openTerminal(extension, pty.columns, pty.rows);
        const room = {
          ...roomOf(path, cwd, { waits, net: net !== undefined, terminal: terminal !== null, copy }),
          folders: held,
          user,
          ...fileLimit(own, folders),
        };
        const child = launched(extension, tools, room, [path, ...args], { terminal, waits, net: net !== undefined });
        const run = new RunningProgram({
          extension,
          program,
          child,
          terminal,
          input: input === undefined && duplex ? null : Buffer.from(input ?? "", base64 ? "base64" : "utf8"),
          timeoutMs: duplex ? bounded(timeoutMs, DUPLEX_MS, MAX_DUPLEX_MS) : bounded(timeoutMs, DEFAULT_MS, MAX_MS),
          maxBytes: duplex ? (maxBytes ?? Number.POSITIVE_INFINITY) : bounded(maxBytes, MAX_BYTES, MAX_BYTES),
        });
        void run.closed.then(() => userEnded(user));
        if (own !== null) this.#folders.watch(own, run);
        return { run, waits, own };
      } finally {
        // It has its own descriptors of the folders by now.
        releaseFolders(held);
      }
    } catch (thrown) {
      userEnded(user);
      throw thrown;
    }
  }

  /** Variables and a way out for a program that waits for them. */
  async #begin(run: RunningProgram, { extension, hosts = [], request }: Input, signal: AbortSignal): Promise<void> {
    const { program, net, pty } = request;
    const [password, only] = [randomBytes(18).toString("base64url"), net === true ? hosts : (net ?? [])];
    const stop = (): void => void run.stop();
    signal.addEventListener("abort", stop, { once: true });
    try {
      if (signal.aborted) stop();
      const listener = await throughDoor(extension, program, run.child, (port) => ({
        ...roomOf("/", "/", { terminal: pty !== undefined }).env,
        ...variablesOf(extension, request.env),
        ...(net === undefined ? {} : wayOut(port, password, only)),
      }));
      if (listener !== null) void run.tell(this.#proxy({ extension, hosts: [...hosts], only: [...only], listener, password }, signal));
    } catch (thrown) {
      if (signal.aborted && isPlinthError(signal.reason)) throw signal.reason;
      throw thrown;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }
}

/** What is no number of this range counts as not given. */
const bounded = (value: number | undefined, preset: number, most: number): number =>
  value !== undefined && value >= 0 ? Math.min(value, most) : preset;

const denied = (extension: string, what: string): PlinthError =>
  new PlinthError("PLINTH_PERMISSION", `${extension} may not ${what}.`, {
    extension,
    next: "Its manifest must declare it in permissions.exec, or the hosts in permissions.net, and an owner must consent.",
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
