import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { launch } from "./launch.ts";
import { ownUser, userEnded } from "./own-user.ts";
import type { Room, Tools } from "./room.ts";
import { column } from "./system-calls.ts";
import { leashed, limited } from "./wall.ts";

export interface Found extends Tools {
  /** Why there are no namespaces of its own, a sentence's end; null when there are. */
  readonly why: string | null;
  /** The same of Landlock and the filter of system calls, where they were needed; null when both are there or nobody looked. */
  readonly whyNotConfined: string | null;
}

/** Parts that may be left out on purpose, to see how the others hold: names in PLINTH_WITHOUT_WALLS, separated by spaces. */
export type Part = "bubblewrap" | "landlock" | "seccomp" | "setpriv" | "prlimit";

const PROBE_MS = 5_000;
const NAMESPACES = ["--unshare-all", "--unshare-user"];
/** Root needs no user namespace, and who is in the room is another user. */
const NAMESPACES_OF_ROOT = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"];

const probed = new Map<string, Promise<Found>>();

/** What this machine has; tried once, when it is first needed, by running something behind each wall. */
export function found(without: readonly Part[] = (process.env.PLINTH_WITHOUT_WALLS ?? "").split(" ").filter(Boolean) as Part[]): Promise<Found> {
  const key = [...without].sort().join(" ");
  const known = probed.get(key) ?? probe(new Set(without));
  probed.set(key, known);
  return known;
}

async function probe(without: ReadonlySet<Part>): Promise<Found> {
  const libraries = linkedLibraries();
  const [setpriv, prlimit] = await Promise.all([
    without.has("setpriv") ? null : works("setpriv", (path) => leashed({ setpriv: path }, RUNTIME)),
    without.has("prlimit") ? null : works("prlimit", (path) => limited({ prlimit: path }, RUNTIME)),
  ]);
  const basic = { setpriv, prlimit, libraries, setprivLibraries: setpriv === null ? [] : await librariesOf(setpriv), lender: confineProgram() };
  const tools = { ...basic, ...(await probeBwrap(basic, without)) };
  // Behind namespaces it has nothing to add, and costs the start of another runtime.
  if (tools.bwrap !== null) return { ...tools, confine: null, whyNotConfined: null };
  return { ...tools, ...(await probeConfine(tools, without)) };
}

const RUNTIME = [process.execPath, "--version"];
const EMPTY_ROOM: Room = { folders: [], programs: [process.execPath], cwd: "/", env: {}, user: null };

type Basic = Pick<Found, "setpriv" | "setprivLibraries" | "prlimit" | "libraries" | "lender">;
type Boxes = Pick<Found, "bwrap" | "builtByRoot" | "bindsDescriptors" | "filter" | "why">;

async function probeBwrap(basic: Basic, without: ReadonlySet<Part>): Promise<Boxes> {
  const none = { bwrap: null, filter: false };
  const path = program("bwrap");
  if (without.has("bubblewrap")) return { ...none, why: "bubblewrap is switched off by PLINTH_WITHOUT_WALLS" };
  if (process.platform !== "linux") return { ...none, why: "bubblewrap is for Linux only" };
  if (path === undefined) return { ...none, why: "bubblewrap is not installed" };
  const bindsDescriptors = (await output([path, "--help"])).out?.includes("--bind-fd") === true;
  const user = await ownUser("what is tried", null).catch(() => null);
  // Before version 0.8 it cannot forbid namespaces within. Where no user can be had, nothing is started in the end.
  const ways: { bwrap: string[]; builtByRoot: boolean }[] = [
    ...(user !== null && basic.setpriv !== null ? [{ bwrap: [path, ...NAMESPACES_OF_ROOT], builtByRoot: true }] : []),
    { bwrap: [path, ...NAMESPACES, "--disable-userns"], builtByRoot: false },
    { bwrap: [path, ...NAMESPACES], builtByRoot: false },
  ];
  let why: string | null = null;
  for (const filter of without.has("seccomp") || column() === null ? [false] : [true, false]) {
    for (const way of ways) {
      const tools = { ...basic, ...way, bindsDescriptors, filter, confine: null };
      why = await tried(tools, { ...EMPTY_ROOM, user });
      if (why !== null) continue;
      userEnded(user);
      return { ...way, bindsDescriptors, filter, why };
    }
  }
  userEnded(user);
  return { ...none, why: `bubblewrap does not work here: ${why}` };
}

/** Landlock and the filter of system calls, both or one of them: which a kernel has is known only when they hold something. */
async function probeConfine(tools: Omit<Tools, "confine">, without: ReadonlySet<Part>): Promise<Pick<Found, "confine" | "whyNotConfined">> {
  const program = confineProgram();
  if (program === undefined) return { confine: null, whyNotConfined: "the program that applies Landlock is missing" };
  const asked = await output([process.execPath, "--no-warnings", program]);
  if (asked.out === null) return { confine: null, whyNotConfined: `Landlock does not work here: ${asked.why}` };
  const has = JSON.parse(asked.out) as { landlock: number; seccomp: boolean; mounts: boolean };
  const { mounts } = has;
  const landlock = without.has("landlock") ? 0 : has.landlock;
  const seccomp = has.seccomp && !without.has("seccomp");
  let why: string | null = landlock === 0 ? "this kernel has no Landlock, or it is switched off" : null;
  const parts = [
    { program, landlock, seccomp, mounts },
    { program, landlock, seccomp: false, mounts },
    { program, landlock: 0, seccomp, mounts },
  ];
  for (const confine of parts) {
    if (confine.landlock === 0 && !confine.seccomp) continue;
    const failed = await tried({ ...tools, confine }, EMPTY_ROOM);
    if (failed !== null) why ??= failed;
    else return { confine, whyNotConfined: why };
  }
  return { confine: null, whyNotConfined: why };
}

/** In the product beside the extensions; in a checkout, the source. A package's code lies nowhere: it has none of them. */
const guestProgram = (name: string): string | undefined =>
  import.meta.dirname === undefined
    ? undefined
    : [join(import.meta.dirname, `../../guest/${name}.mjs`), join(import.meta.dirname, `../../guest/${name}.ts`)].find((path) => existsSync(path));

const confineProgram = (): string | undefined => process.env.PLINTH_CONFINE_PROGRAM || guestProgram("confine");

/** The program of ours behind which a granted one begins, where that needs a way out or variables. */
export const doorProgram = (): string | undefined => guestProgram("door");

async function works(name: string, command: (path: string) => string[]): Promise<string | null> {
  const path = program(name);
  return path !== undefined && (await output(command(path))).out !== null ? path : null;
}

/** Where the system keeps its programs; never the search path, which may be anybody's. */
const program = (name: string): string | undefined =>
  process.platform === "linux" ? ["/usr/bin", "/bin"].map((dir) => `${dir}/${name}`).find((path) => existsSync(path)) : undefined;

/** Null when the runtime starts behind these, otherwise why not. */
const tried = (tools: Tools, room: Room): Promise<string | null> =>
  new Promise((resolve) => {
    let said = "";
    const child = launch(tools, room, RUNTIME);
    const late = setTimeout(() => child.kill("SIGKILL"), PROBE_MS);
    child.stderr?.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString("utf8")).slice(-4_000);
    });
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => {
      clearTimeout(late);
      resolve(code === 0 ? null : lastLine(said) || `it ended with ${signal ?? code}`);
    });
  });

const output = ([command = "", ...args]: string[], env: Record<string, string> = {}): Promise<{ out: string | null; why: string }> =>
  new Promise((resolve) => {
    execFile(command, args, { timeout: PROBE_MS, killSignal: "SIGKILL", env }, (error, out, said) =>
      resolve(error === null ? { out, why: "" } : { out: null, why: lastLine(said) || error.message }),
    );
  });

const lastLine = (said: string): string => (said.trim().split("\n").at(-1) ?? "").slice(0, 200);

/** What the linker would load for a program of the system, as it says itself. */
async function librariesOf(path: string): Promise<string[]> {
  const { out } = await output([path, "--version"], { LD_TRACE_LOADED_OBJECTS: "1" });
  return [...(out ?? "").matchAll(/(?:=> |^\s*)(\/[^\s(]+) \(/gm)].map(([, found = ""]) => found).filter((found) => existsSync(found));
}

/** As the linker found them for this process, which runs the same program. Addons are not of the program. */
function linkedLibraries(): string[] {
  if (process.platform !== "linux") return [];
  // Without the network: that part may look up names.
  const report = process.report as NodeJS.ProcessReport & { excludeNetwork: boolean };
  const before = report.excludeNetwork;
  report.excludeNetwork = true;
  try {
    const { sharedObjects = [] } = report.getReport() as { sharedObjects?: string[] };
    return sharedObjects.filter((path) => path.startsWith("/") && !path.endsWith(".node") && existsSync(path));
  } finally {
    report.excludeNetwork = before;
  }
}
