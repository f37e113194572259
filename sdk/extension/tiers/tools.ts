import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { launch } from "./launch.ts";
import { systemCallFilter } from "./seccomp.ts";
import { leashed, limited, type Tools } from "./wall.ts";

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
  const [boxes, setpriv, prlimit] = await Promise.all([
    probeBwrap(libraries, without),
    without.has("setpriv") ? null : works("setpriv", (path) => leashed({ setpriv: path }, RUNTIME)),
    without.has("prlimit") ? null : works("prlimit", (path) => limited({ prlimit: path }, RUNTIME)),
  ]);
  const tools = { ...boxes, setpriv, prlimit, libraries };
  // Behind namespaces it has nothing to add, and costs the start of another runtime.
  if (boxes.bwrap !== null) return { ...tools, confine: null, whyNotConfined: null };
  return { ...tools, ...(await probeConfine(tools, without)) };
}

const RUNTIME = [process.execPath, "--version"];
const EMPTY_ROOM = { folders: [], programs: [process.execPath], cwd: "/", env: {} };

async function probeBwrap(libraries: string[], without: ReadonlySet<Part>): Promise<Pick<Found, "bwrap" | "filter" | "why">> {
  const none = { bwrap: null, filter: null };
  const path = program("bwrap");
  if (without.has("bubblewrap")) return { ...none, why: "bubblewrap is switched off by PLINTH_WITHOUT_WALLS" };
  if (process.platform !== "linux") return { ...none, why: "bubblewrap is for Linux only" };
  if (path === undefined) return { ...none, why: "bubblewrap is not installed" };
  const calls = without.has("seccomp") ? null : systemCallFilter(null);
  let why: string | null = null;
  for (const filter of calls === null ? [null] : [calls, null]) {
    // Before version 0.8 it cannot forbid namespaces within.
    for (const bwrap of [
      [path, ...NAMESPACES, "--disable-userns"],
      [path, ...NAMESPACES],
    ]) {
      why = await tried({ bwrap, filter, confine: null, setpriv: null, prlimit: null, libraries });
      if (why === null) return { bwrap, filter, why };
    }
  }
  return { ...none, why: `bubblewrap does not work here: ${why}` };
}

/** Landlock and the filter of system calls, both or one of them: which a kernel has is known only when they hold something. */
async function probeConfine(tools: Omit<Tools, "confine">, without: ReadonlySet<Part>): Promise<Pick<Found, "confine" | "whyNotConfined">> {
  const program = confineProgram();
  if (program === undefined) return { confine: null, whyNotConfined: "the program that applies Landlock is missing" };
  const asked = await output([process.execPath, "--no-warnings", program]);
  if (asked.out === null) return { confine: null, whyNotConfined: `Landlock does not work here: ${asked.why}` };
  const has = JSON.parse(asked.out) as { landlock: number; seccomp: boolean };
  const landlock = without.has("landlock") ? 0 : has.landlock;
  const seccomp = has.seccomp && !without.has("seccomp");
  let why: string | null = landlock === 0 ? "this kernel has no Landlock, or it is switched off" : null;
  const parts = [
    { program, landlock, seccomp },
    { program, landlock, seccomp: false },
    { program, landlock: 0, seccomp },
  ];
  for (const confine of parts) {
    if (confine.landlock === 0 && !confine.seccomp) continue;
    const failed = await tried({ ...tools, confine });
    if (failed !== null) why ??= failed;
    else return { confine, whyNotConfined: why };
  }
  return { confine: null, whyNotConfined: why };
}

/** In the product beside the extensions; in a checkout, the source. */
const confineProgram = (): string | undefined =>
  [
    process.env.PLINTH_CONFINE_PROGRAM ?? "",
    join(import.meta.dirname, "../../guest/confine.mjs"),
    join(import.meta.dirname, "../../guest/confine.ts"),
  ].find((path) => path !== "" && existsSync(path));

async function works(name: string, command: (path: string) => string[]): Promise<string | null> {
  const path = program(name);
  return path !== undefined && (await output(command(path))).out !== null ? path : null;
}

/** Where the system keeps its programs; never the search path, which may be anybody's. */
const program = (name: string): string | undefined =>
  process.platform === "linux" ? ["/usr/bin", "/bin"].map((dir) => `${dir}/${name}`).find((path) => existsSync(path)) : undefined;

/** Null when the runtime starts behind these, otherwise why not. */
const tried = (tools: Tools): Promise<string | null> =>
  new Promise((resolve) => {
    let said = "";
    const child = launch(tools, EMPTY_ROOM, RUNTIME);
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

const output = ([command = "", ...args]: string[]): Promise<{ out: string | null; why: string }> =>
  new Promise((resolve) => {
    execFile(command, args, { timeout: PROBE_MS, killSignal: "SIGKILL", env: {} }, (error, out, said) =>
      resolve(error === null ? { out, why: "" } : { out: null, why: lastLine(said) || error.message }),
    );
  });

const lastLine = (said: string): string => (said.trim().split("\n").at(-1) ?? "").slice(0, 200);

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
