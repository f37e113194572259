import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { RunnerInput } from "../wire.ts";

/** What this machine has to hold a process with; made by `found()`. Null = not here, or it does not work here. */
export interface Tools {
  /** The program and the flags for namespaces that it understands. */
  readonly bwrap: readonly string[] | null;
  /** What bubblewrap lays over system calls. */
  readonly filter: Buffer | null;
  /** Only looked for where bubblewrap does not work. */
  readonly confine: Confine | null;
  readonly setpriv: string | null;
  readonly prlimit: string | null;
  /** What the runtime is linked with: a program behind the wall needs it. */
  readonly libraries: readonly string[];
}

/** Landlock and a filter of system calls, which a program applies to itself before it becomes the command. */
export interface Confine {
  readonly program: string;
  /** Version of the kernel's interface; 0 = not here. */
  readonly landlock: number;
  readonly seccomp: boolean;
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
  /** It may start programs of its own: then no system calls are filtered. */
  readonly processes?: boolean;
  /** Of one file that it writes, in bytes; default 1 GiB. */
  readonly maxFileBytes?: number;
}

const MAX_FILE_BYTES = 1024 ** 3;
const MAX_DESCRIPTORS = 1024;

/** `command` behind the strongest wall that is here. Descriptors that were handed over stay open. */
export function walled(tools: Tools, room: Room, command: readonly string[], filterAt?: number): [string, string[]] {
  const [program = "", ...args] = limited(tools, inner(tools, room, command, filterAt), room.maxFileBytes);
  return [program, args];
}

function inner(tools: Tools, room: Room, command: readonly string[], filterAt: number | undefined): string[] {
  if (tools.bwrap === null) return tools.confine === null ? leashed(tools, command) : confined(tools.confine, tools.libraries, room, command);
  const filter = filterAt === undefined ? [] : ["--seccomp", String(filterAt)];
  return boxed([...tools.bwrap, ...filter], tools.libraries, room, command);
}

/**
 * Every namespace of its own, no capabilities, nothing to see but what `room` names. All of it ends with the outer process.
 * It stays in the session that it was launched in, which has no terminal: so its share of the processors stays too.
 */
export function boxed(bwrap: readonly string[], libraries: readonly string[], room: Room, command: readonly string[]): string[] {
  // Outer folders first, so that an inner one keeps its own rights; what must not be written comes on top of them.
  const folders = [...room.folders].sort((a, b) => a.path.length - b.path.length);
  // What lies in a granted folder is there already, and may be a link that cannot be covered.
  const missing = libraries.filter((path) => !folders.some((folder) => path.startsWith(folder.path.replace(/\/*$/, "/"))));
  return [
    ...bwrap,
    ...["--uid", "65534", "--gid", "65534", "--die-with-parent", "--cap-drop", "ALL", "--clearenv"],
    ...Object.entries(room.env).flatMap(([name, value]) => ["--setenv", name, value]),
    ...folders.flatMap(({ path, write }) => [write ? "--bind-try" : "--ro-bind-try", path, path]),
    ...[...missing, ...room.programs].flatMap((path) => ["--ro-bind", path, path]),
    ...["--proc", "/proc", "--dev-bind", "/dev/null", "/dev/null"],
    ...(folders.some(({ path }) => path === "/") ? [] : ["--remount-ro", "/"]),
    ...["--chdir", room.cwd, "--"],
    ...command,
  ];
}

/** The same view of the files, by Landlock; no sockets, no processes, no signals to others. It ends with the host. */
function confined({ program, landlock, seccomp }: Confine, libraries: readonly string[], room: Room, command: readonly string[]): string[] {
  const rules = [
    ...room.folders.map((folder) => ({ ...folder, execute: false })),
    ...[...libraries, ...room.programs].map((path) => ({ path, write: false, execute: true })),
    { path: "/dev/null", write: true, execute: false },
    // How many processors and how much memory there is: libraries divide their work by it.
    ...["/proc/cpuinfo", "/proc/stat", "/proc/meminfo"].map((path) => ({ path, write: false, execute: false })),
  ];
  const confinement = { parent: process.pid, rules, landlock: landlock > 0, seccomp: seccomp && !room.processes };
  return [process.execPath, "--no-warnings", program, JSON.stringify(confinement), ...command];
}

/** Root would keep its powers, also where its files are not to be reached. */
const WITHOUT_CAPABILITIES = ["--bounding-set", "-all", "--inh-caps", "-all"];

/** A child that loops cannot notice that its host died: the system kills it then, and lets it gain no privileges before. */
export function leashed({ setpriv }: Pick<Tools, "setpriv">, command: readonly string[]): string[] {
  if (setpriv === null) return [...command];
  const root = process.getuid?.() === 0 ? WITHOUT_CAPABILITIES : [];
  return [setpriv, "--no-new-privs", "--pdeathsig", "KILL", ...root, "--", ...command];
}

/** No core files, bounded descriptors and file sizes. Not `nproc`: it counts every process of the user, and not those of root. */
export const limited = ({ prlimit }: Pick<Tools, "prlimit">, command: readonly string[], maxFileBytes = MAX_FILE_BYTES): string[] =>
  prlimit === null ? [...command] : [prlimit, "--core=0", `--nofile=${MAX_DESCRIPTORS}`, `--fsize=${maxFileBytes}`, "--", ...command];

/** The folders that were granted: what the manifest declares, narrowed by the operator. Missing ones cannot be granted. */
export function folders({ info, workspace }: Pick<RunnerInput, "info" | "workspace">): Folder[] {
  return (info.manifest.permissions?.fs ?? []).flatMap((entry) => {
    const name = entry.replace(/:ro$/, "");
    if (name === "workspace") mkdirSync(workspace, { recursive: true });
    const path = name === "data" ? info.dataDir : name === "workspace" ? workspace : name;
    return path === null ? [] : [{ path, write: name === entry }];
  });
}

/** Parts of the runtime that a guest has no use for; the flag is left out where the runtime does not know it. */
const SWITCHED_OFF = ["sqlite", "webstorage", "ffi", "network-inspection"].map((name) => `--no-experimental-${name}`);

/** Node's permission model: the guest's program and what was granted; no network, no processes, no addons. */
export function permissionFlags(granted: readonly Folder[], program: string, heapMb: number): string[] {
  return [
    "--permission",
    `--allow-fs-read=${dirname(program)}`,
    ...SWITCHED_OFF.filter((flag) => process.allowedNodeEnvironmentFlags.has(flag)),
    "--disable-sigusr1",
    "--disable-proto=delete",
    "--no-warnings",
    `--max-old-space-size=${heapMb}`,
    ...granted.flatMap(({ path, write }) => [`--allow-fs-read=${path}`, ...(write ? [`--allow-fs-write=${path}`] : [])]),
  ];
}
