import { type ChildProcess, type IOType, spawn } from "node:child_process";
import type { Writable } from "node:stream";
import { sealed } from "./descriptors.ts";
import { insideOf } from "./inside.ts";
import { assertReachable } from "./reach.ts";
import type { Room, Tools } from "./room.ts";
import { systemCallFilter } from "./seccomp.ts";
import { leastRoot, type Places, walled } from "./wall.ts";

/** Where the program around the command finds what it needs: the filter of system calls, or the host's end. It is closed for the command. */
const OUTER_AT = 4;
const FOLDERS_AT = 5;
const GRACE_MS = 500;
/** Waits for the command, and meanwhile for the host: when that is gone, however it went, the whole group is killed. */
const WATCHING_SHELL = `{ read -r line <&${OUTER_AT}; kill -KILL 0; } & dog=$!; "$@" ${OUTER_AT}<&-; code=$?; kill -KILL $dog; wait; exit $code`;

export interface Ends {
  /** Default: nothing to read. */
  readonly input?: "pipe";
  /** The far end of a terminal, open here: in the place of all three. */
  readonly terminal?: number | undefined;
  /** Number 3, a connection to the host; default true. `ipc`: as between two of the runtime's processes. */
  readonly connection?: boolean | "ipc";
}

/**
 * Start `command` behind the strongest wall that is here, in a process group of its own. Descriptors: nothing to read (or a
 * pipe), two pipes for what it prints, and number 3, a connection to the host. Throws `PLINTH_ROOT` where the room's user
 * could not reach what is in it.
 */
export function launch(tools: Tools, room: Room, command: readonly string[], { input, terminal, connection = true }: Ends = {}): ChildProcess {
  const { user } = room;
  if (user != null) assertReachable(tools, room);
  const filter =
    tools.bwrap !== null && tools.filter ? systemCallFilter({ pid: null, processes: room.processes === true, ownUser: user != null }) : null;
  const shell = tools.bwrap === null && tools.confine === null && tools.setpriv === null && process.platform !== "win32";
  const outer = filter !== null || shell;
  const folders = tools.bwrap === null ? tools.confine !== null : tools.bindsDescriptors === true;
  const held = folders ? room.folders.map(({ fd }) => fd) : [];
  const lending = room.folders.map(({ lent }) => lent?.mapping);
  const all = [...held, ...lending].filter((fd) => fd !== undefined);
  const at = (fd: number | undefined): number | undefined => (fd === undefined ? undefined : FOLDERS_AT + all.indexOf(fd));
  const places: Places = {
    ...(filter === null ? {} : { filter: OUTER_AT }),
    folders: held.map(at),
    lending: lending.map(at),
    connection: connection !== false,
  };
  const [program, args] = walled(tools, room, shell ? watched(command) : command, places);
  const spoken: IOType[] | number[] = terminal === undefined ? [input ?? "ignore", "pipe", "pipe"] : [terminal, terminal, terminal];
  const child = spawn(program, args, {
    stdio: sealed([...spoken, connection === "ipc" ? "ipc" : connection ? "pipe" : "ignore", outer ? "pipe" : "ignore", ...all]),
    env: room.env,
    cwd: leastRoot(tools, room) === null ? room.cwd : "/",
    detached: true,
    windowsHide: true,
    ...leastRoot(tools, room),
  });
  const pipe = child.stdio[OUTER_AT] as Writable | null | undefined;
  // It ends before it has read all of it when something else is wrong; how it ends tells.
  if (outer) pipe?.on("error", () => {});
  if (filter !== null) pipe?.end(filter);
  return child;
}
/** Where nothing of the system ties a process to its host: what loops does not notice the host's end. */
const watched = (command: readonly string[]): string[] => ["/bin/sh", "-c", WATCHING_SHELL, "sh", ...command];

/**
 * Kill what was launched with everything inside. Namespaces end with their first process; the outer one then sees that,
 * and leaves nothing behind that nobody waits for. What has not ended in time is killed from outside.
 */
export function kill(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  // Also those who left the group: of them the outer process is the parent.
  const inside = running(child) ? insideOf(pid) : [];
  if (inside.length === 0) return killGroup(pid);
  for (const one of inside) signal(one);
  setTimeout(() => {
    if (running(child)) killGroup(pid);
  }, GRACE_MS).unref();
}

const running = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null;

const killGroup = (pid: number): void => signal(-pid);

function signal(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
}
