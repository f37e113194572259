import type { Bridge, ExecItem, ExecRequest, TerminalSize } from "@plinth/manifests/wire/bridge.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { linkedSignal } from "./linked-signal.ts";
import { Output } from "./output.ts";

/** What a program is given besides its arguments. */
export interface ProgramOptions {
  /** A granted folder or one below it; default the workspace if that is granted, else `/`. */
  cwd?: string;
  /** Variables besides `PATH`, `HOME`, `LANG` and `TZ`, which they may replace. */
  env?: Record<string, string>;
  /** Of the granted folders only these, written as in `permissions.fs`; `:ro` takes the right to write. Default all. */
  folders?: string[];
  /** Granted hosts that it may reach through the host's proxy, or `true` for all of them. Default none: it has no network. */
  net?: true | string[];
  signal?: AbortSignal;
}

export interface SpawnOptions extends ProgramOptions {
  /** A terminal of this size instead of three pipes: what it prints is all `stdout`, escape sequences included. */
  pty?: TerminalSize;
  /** Longest run in milliseconds; default a day, at most a week. */
  timeoutMs?: number;
  /** Most output of both streams together, in bytes; default no bound, since what nobody reads waits in the program. */
  maxBytes?: number;
}

/** How a program ended: its code, or 128 and the signal's number, with the signal's name. */
export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A running program. It ends with `options.signal`, with the extension, and with the host, and all that it started with it. */
export interface Program {
  readonly stdin: {
    /** Resolves when there is room for more. Fails with `PLINTH_EXEC_ENDED` when it reads no more. */
    write(data: string | Uint8Array): Promise<void>;
    /** There is no more to read. In a terminal: the key for it. */
    end(): Promise<void>;
  };
  /** As it comes, to be read once. What nobody reads waits in the program, which then waits too. */
  readonly stdout: AsyncIterable<Uint8Array>;
  /** The same; but until somebody begins to read it, only its last 64 KiB are kept, so that nothing waits for it. */
  readonly stderr: AsyncIterable<Uint8Array>;
  /** Resolves when it ended and its output was read. Fails when it was ended: by time, quota, `signal`. */
  readonly exited: Promise<ProgramEnd>;
  /** SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGSTOP, SIGCONT or SIGWINCH to the program itself; SIGKILL ends all of it. */
  signal(name: string): Promise<void>;
  resize(columns: number, rows: number): Promise<void>;
  /** End it with all that it started, now. Resolves when nothing of it runs any more; output that was not read is gone. */
  kill(): Promise<void>;
}

/** Bytes that go to the host at once. */
const PIECE = 256 * 1024;

/** Open a granted program, without a shell and behind the wall. Resolves when it was started. */
export async function spawnProgram(
  bridge: Pick<Bridge, "exec" | "execSend">,
  stopping: AbortSignal,
  program: string,
  args: readonly string[] = [],
  { signal, ...options }: SpawnOptions = {},
): Promise<Program> {
  const request: ExecRequest = { ...options, program: String(program), args: args.map(String), duplex: true };
  const linked = linkedSignal(stopping, signal);
  const iterator = bridge.exec(request, linked.signal)[Symbol.asyncIterator]();
  const first = await iterator.next().catch((thrown: unknown) => {
    linked.release();
    throw thrown;
  });
  if (first.done || !("open" in first.value)) throw new PlinthError("PLINTH_EXEC_FAILED", `${program} was not opened.`);
  const id = first.value.open;
  const [stdout, stderr] = [new Output("waits"), new Output("drops")];
  let killed = false;
  let last: Promise<unknown> = Promise.resolve();
  const inOrder = (step: () => Promise<void>): Promise<void> => {
    const done = last.then(step);
    last = done.catch(() => {});
    return done;
  };
  const writeAll = async (data: string | Uint8Array): Promise<void> => {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    for (let at = 0; at < bytes.length; at += PIECE) await bridge.execSend(id, { write: bytes.subarray(at, at + PIECE) });
  };
  const exited = pump(iterator, stdout, stderr, () => killed).finally(() => linked.release());
  // Who only reads its output is told there.
  exited.catch(() => {});
  return Object.freeze<Program>({
    stdin: Object.freeze({
      write: (data: string | Uint8Array) => inOrder(() => writeAll(data)),
      end: () => inOrder(() => bridge.execSend(id, { end: true })),
    }),
    stdout,
    stderr,
    exited,
    signal: (name: string) => bridge.execSend(id, { signal: String(name) }),
    resize: (columns: number, rows: number) => bridge.execSend(id, { resize: { columns, rows } }),
    async kill() {
      killed = true;
      for (const one of [stdout, stderr]) one.drop();
      await bridge.execSend(id, { signal: "SIGKILL" }).catch(() => {});
      await exited.catch(() => {});
    },
  });
}

async function pump(items: AsyncIterator<ExecItem>, stdout: Output, stderr: Output, killed: () => boolean): Promise<ProgramEnd> {
  let end: ProgramEnd = { code: null, signal: null };
  try {
    for (let step = await items.next(); !step.done; step = await items.next()) {
      const item = step.value;
      if ("stdout" in item) stdout.push(item.stdout);
      else if ("stderr" in item) stderr.push(item.stderr);
      else if ("code" in item) end = Object.freeze({ code: item.code, signal: item.signal });
      await Promise.all([stdout.room(), stderr.room()]);
    }
    for (const one of [stdout, stderr]) one.end();
    return end;
  } catch (thrown) {
    for (const one of [stdout, stderr]) one.end(killed() ? undefined : thrown);
    throw thrown;
  }
}
