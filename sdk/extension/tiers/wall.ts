import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { RunnerInput } from "../wire.ts";

/** What this machine has to hold a process with; made by `found()`. Null = not here, or it does not work here. */
export interface Tools {
  /** The program and the flags for namespaces that it understands. */
  readonly bwrap: readonly string[] | null;
  readonly setpriv: string | null;
  readonly prlimit: string | null;
  /** What the runtime is linked with: a program behind the wall needs it. */
  readonly libraries: readonly string[];
}

export interface Folder {
  readonly path: string;
  readonly write: boolean;
}

/** What a process behind the wall sees of this machine. */
export interface Room {
  readonly folders: readonly Folder[];
  /** Programs and their folders; read-only, also where a granted folder holds them. */
  readonly programs: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

const MAX_FILE_BYTES = 1024 ** 3;
const MAX_DESCRIPTORS = 1024;

/** `command` behind the strongest wall that is here. Descriptors that were handed over stay open. */
export function walled(tools: Tools, room: Room, command: readonly string[]): [string, string[]] {
  const inside = tools.bwrap === null ? leashed(tools, command) : boxed([...tools.bwrap], tools.libraries, room, command);
  const [program = "", ...args] = limited(tools, inside);
  return [program, args];
}

/** Every namespace of its own, no capabilities, nothing to see but what `room` names. All of it ends with the outer process. */
export function boxed(bwrap: readonly string[], libraries: readonly string[], room: Room, command: readonly string[]): string[] {
  // Outer folders first, so that an inner one keeps its own rights; what must not be written comes on top of them.
  const folders = [...room.folders].sort((a, b) => a.path.length - b.path.length);
  // What lies in a granted folder is there already, and may be a link that cannot be covered.
  const missing = libraries.filter((path) => !folders.some((folder) => path.startsWith(folder.path.replace(/\/*$/, "/"))));
  return [
    ...bwrap,
    ...["--uid", "65534", "--gid", "65534", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"],
    ...Object.entries(room.env).flatMap(([name, value]) => ["--setenv", name, value]),
    ...folders.flatMap(({ path, write }) => [write ? "--bind-try" : "--ro-bind-try", path, path]),
    ...[...missing, ...room.programs].flatMap((path) => ["--ro-bind", path, path]),
    ...["--proc", "/proc", "--dev-bind", "/dev/null", "/dev/null"],
    ...(folders.some(({ path }) => path === "/") ? [] : ["--remount-ro", "/"]),
    ...["--chdir", room.cwd, "--"],
    ...command,
  ];
}

/** A child that loops cannot notice that its host died: the system kills it then, and lets it gain no privileges before. */
export const leashed = ({ setpriv }: Pick<Tools, "setpriv">, command: readonly string[]): string[] =>
  setpriv === null ? [...command] : [setpriv, "--no-new-privs", "--pdeathsig", "KILL", "--", ...command];

/** No core files, bounded descriptors and file sizes. Not `nproc`: it counts every process of the user, and not those of root. */
export const limited = ({ prlimit }: Pick<Tools, "prlimit">, command: readonly string[]): string[] =>
  prlimit === null ? [...command] : [prlimit, "--core=0", `--nofile=${MAX_DESCRIPTORS}`, `--fsize=${MAX_FILE_BYTES}`, "--", ...command];

/** The folders that were granted: what the manifest declares, narrowed by the operator. Missing ones cannot be granted. */
export function folders({ info, workspace }: Pick<RunnerInput, "info" | "workspace">): Folder[] {
  return (info.manifest.permissions?.fs ?? []).flatMap((entry) => {
    const name = entry.replace(/:ro$/, "");
    if (name === "workspace") mkdirSync(workspace, { recursive: true });
    const path = name === "data" ? info.dataDir : name === "workspace" ? workspace : name;
    return path === null ? [] : [{ path, write: name === entry }];
  });
}

/** Node's permission model: the guest's program and what was granted; no network, no processes, no addons. */
export function permissionFlags(granted: readonly Folder[], program: string, heapMb: number): string[] {
  return [
    "--permission",
    `--allow-fs-read=${dirname(program)}`,
    "--no-experimental-sqlite",
    "--no-experimental-webstorage",
    "--disable-sigusr1",
    "--disable-proto=delete",
    "--no-warnings",
    `--max-old-space-size=${heapMb}`,
    ...granted.flatMap(({ path, write }) => [`--allow-fs-read=${path}`, ...(write ? [`--allow-fs-write=${path}`] : [])]),
  ];
}
