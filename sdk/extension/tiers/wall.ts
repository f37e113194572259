import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { RunnerInput } from "../wire.ts";
import type { GrantedFolder } from "./granted-path.ts";
import type { OwnUser } from "./own-user.ts";
import { closedFolders, lends } from "./reach.ts";
import type { Confine, Folder, Room, Tools } from "./room.ts";

const MAX_FILE_BYTES = 1024 ** 3;
const MAX_DESCRIPTORS = 1024;

/** Which numbers descriptors have in the child; absent where there are none. */
export interface Places {
  readonly filter?: number;
  /** In the order of `room.folders`. */
  readonly folders?: readonly (number | undefined)[];
  readonly lending?: readonly (number | undefined)[];
  readonly connection?: boolean;
}

/** `command` behind the strongest wall that is here. Descriptors that were handed over stay open. */
export function walled(tools: Tools, room: Room, command: readonly string[], places: Places = {}): [string, string[]] {
  const [program = "", ...args] = limited(tools, inner(tools, room, command, places), room);
  return [program, args];
}

function inner(tools: Tools, room: Room, command: readonly string[], places: Places): string[] {
  if (tools.bwrap === null)
    return tools.confine === null ? leashed(tools, command, room.user) : confined(tools.confine, tools.libraries, room, command, places);
  const filter = places.filter === undefined ? [] : ["--seccomp", String(places.filter)];
  const outer = boxed({ ...tools, bwrap: [...tools.bwrap, ...filter] }, room, command, places.folders);
  return room.folders.some(({ lent }) => lent != null) ? lentInto(tools, room, outer, places) : outer;
}

/** The user as whom the outermost program is started; null where that has to be root, to build the room first. */
export const leastRoot = ({ bwrap, builtByRoot, confine }: Tools, { user }: Room): OwnUser | null =>
  user == null || (bwrap === null ? confine !== null : builtByRoot === true) ? null : user;

/** It becomes the user only in there: nobody else could build the room, and enter a folder that is for that user alone. */
const BUILDER_CAPABILITIES = ["SETUID", "SETGID", "SETPCAP", "DAC_READ_SEARCH"].flatMap((name) => ["--cap-add", `CAP_${name}`]);
const HIDDEN = ["--uid", "65534", "--gid", "65534"];

/**
 * Every namespace of its own, no capabilities, nothing to see but what `room` names. All of it ends with the outer process.
 * It stays in the session that it was launched in, which has no terminal: so its share of the processors stays too.
 */
export function boxed(
  {
    bwrap,
    builtByRoot,
    setpriv,
    setprivLibraries = [],
    libraries,
  }: Pick<Tools, "bwrap" | "builtByRoot" | "setpriv" | "setprivLibraries" | "libraries">,
  room: Room,
  command: readonly string[],
  descriptors: readonly (number | undefined)[] = [],
): string[] {
  const becomes = builtByRoot === true && room.user != null && setpriv !== null ? room.user : null;
  // Outer folders first, so that an inner one keeps its own rights; what must not be written comes on top of them.
  const folders = room.folders.map((folder, at) => ({ ...folder, at: descriptors[at] })).sort((a, b) => a.path.length - b.path.length);
  const needed = becomes === null ? libraries : [...new Set([...libraries, ...setprivLibraries, setpriv as string])];
  // What lies in a granted folder or beside the programs is there already, and may be a link that cannot be covered.
  const there = [...folders.map(({ path }) => path), ...(room.processes ? room.programs : [])];
  const missing = needed.filter((path) => !there.some((one) => path.startsWith(one.replace(/\/*$/, "/"))));
  // Those that it makes by itself on the way are for their maker alone.
  const ways =
    becomes === null
      ? []
      : waysTo(["/dev/null", ...folders.map(({ path }) => path), ...missing, ...room.programs, ...(room.covers ?? []).map(({ to }) => to)]);
  return [
    ...(bwrap ?? []),
    ...(becomes === null ? HIDDEN : []),
    ...["--die-with-parent", "--cap-drop", "ALL", ...(becomes === null ? [] : BUILDER_CAPABILITIES), "--clearenv"],
    ...Object.entries(room.env).flatMap(([name, value]) => ["--setenv", name, value]),
    ...ways.flatMap((path) => ["--dir", path]),
    ...folders.flatMap(({ path, write, at }) =>
      at === undefined ? [write ? "--bind-try" : "--ro-bind-try", path, path] : [write ? "--bind-fd" : "--ro-bind-fd", String(at), path],
    ),
    ...[...missing, ...room.programs].flatMap((path) => ["--ro-bind", path, path]),
    ...(room.covers ?? []).flatMap(({ from, to }) => ["--ro-bind", from, to]),
    // What can be written in there is the machine's, also for who may do nothing else.
    ...["--proc", "/proc", "--remount-ro", "/proc", "--dev-bind", "/dev/null", "/dev/null"],
    ...(room.terminal ? ["--dev-bind", "/dev/tty", "/dev/tty"] : []),
    ...(folders.some(({ path }) => path === "/") ? [] : ["--remount-ro", "/"]),
    ...["--chdir", room.cwd, "--"],
    ...(becomes === null ? command : become({ setpriv: setpriv as string }, becomes, command)),
  ];
}

/** All that these lie in, from the outermost on. */
function waysTo(paths: readonly string[]): string[] {
  const ways = new Set<string>();
  for (const path of paths) for (let at = dirname(path); at !== dirname(at); at = dirname(at)) ways.add(at);
  return [...ways].sort((a, b) => a.length - b.length);
}

/** What the program of ours gets told; see `sdk/guest/confine.ts`. */
const lentOf = ({ folders }: Room, { lending = [], folders: held = [] }: Places): { path: string; held: number | null; mapping: number }[] =>
  folders.flatMap(({ path }, at) => (lending[at] === undefined ? [] : [{ path, held: held[at] ?? null, mapping: lending[at] }]));

/** Mounts that lend the folders, and in them the program that builds the room. */
function lentInto(tools: Tools, room: Room, outer: readonly string[], places: Places): string[] {
  const program = lends(tools);
  if (program === undefined) throw new TypeError("the program that lends folders is missing");
  const keep = [places.connection === false ? undefined : 3, places.filter, ...(places.folders ?? [])].filter((fd) => fd !== undefined);
  return [
    process.execPath,
    "--no-warnings",
    program,
    JSON.stringify({ parent: process.pid, lent: lentOf(room, places), keep, wall: null }),
    ...outer,
  ];
}

/** The same view of the files, by Landlock; no sockets, no processes, no signals to others. It ends with the host. */
function confined(
  { program, landlock, seccomp }: Confine,
  libraries: readonly string[],
  room: Room,
  command: readonly string[],
  places: Places,
): string[] {
  const user = room.user ?? null;
  const programs = [...libraries, ...room.programs];
  const rules = [
    ...room.folders.map(({ path, write }, at) => {
      const held = places.folders?.[at];
      // Lent, it is another mount than the one that was opened.
      return { path: held === undefined || user !== null ? path : `/proc/self/fd/${held}`, write, execute: false };
    }),
    ...programs.map((path) => ({ path, write: false, execute: true })),
    { path: "/dev/null", write: true, execute: false },
    // How many processors and how much memory there is: libraries divide their work by it.
    ...["/proc/cpuinfo", "/proc/stat", "/proc/meminfo"].map((path) => ({ path, write: false, execute: false })),
  ];
  const within = [...room.folders.map(({ path }) => path), ...programs];
  const closed = user === null ? [] : closedFolders(within, user);
  const opened = within.filter((path) => closed.some((one) => path.startsWith(`${one}/`)));
  const wall = { rules, landlock: landlock > 0, seccomp, user, closed, opened };
  const confinement = { parent: process.pid, lent: lentOf(room, places), keep: [3], wall };
  return [process.execPath, "--no-warnings", program, JSON.stringify(confinement), ...command];
}

/** Root would keep its powers, also where its files are not to be reached. */
const WITHOUT_CAPABILITIES = ["--bounding-set", "-all", "--inh-caps", "-all"];

/** For good: nothing of root is left, and nothing of any group. */
function become({ setpriv }: { setpriv: string }, { uid, gid }: OwnUser, command: readonly string[]): string[] {
  return [setpriv, "--reuid", String(uid), "--regid", String(gid), "--clear-groups", "--no-new-privs", ...WITHOUT_CAPABILITIES, "--", ...command];
}

/** A child that loops cannot notice that its host died: the system kills it then, and lets it gain no privileges before. */
export function leashed({ setpriv }: Pick<Tools, "setpriv">, command: readonly string[], user: OwnUser | null | undefined = null): string[] {
  if (setpriv === null) return [...command];
  const root = process.getuid?.() === 0 && user == null ? WITHOUT_CAPABILITIES : [];
  return [setpriv, "--no-new-privs", "--pdeathsig", "KILL", ...root, "--", ...command];
}

/** Processes of a user who is nobody else. */
const MAX_PROCESSES = 512;

/** No core files, bounded descriptors and file sizes. Processes only of an own user: the system counts those of the whole user, and not those of root. */
export function limited(
  { prlimit }: Pick<Tools, "prlimit">,
  command: readonly string[],
  { maxFileBytes = MAX_FILE_BYTES, user }: Partial<Room> = {},
): string[] {
  if (prlimit === null) return [...command];
  const processes = user == null ? [] : [`--nproc=${MAX_PROCESSES}`];
  return [prlimit, "--core=0", `--nofile=${MAX_DESCRIPTORS}`, `--fsize=${maxFileBytes}`, ...processes, "--", ...command];
}

/** The folders that were granted: what the manifest declares, narrowed by the operator. Missing ones cannot be granted. */
export function folders({ info, workspace }: Pick<RunnerInput, "info" | "workspace">): GrantedFolder[] {
  return (info.manifest.permissions?.fs ?? []).flatMap((entry) => {
    const name = entry.replace(/:ro$/, "");
    if (name === "workspace") mkdirSync(workspace, { recursive: true });
    const path = name === "data" ? info.dataDir : name === "workspace" ? workspace : name;
    return path === null ? [] : [{ name, path, write: name === entry }];
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
