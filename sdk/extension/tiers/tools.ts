import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { boxed, leashed, limited, type Tools } from "./wall.ts";

export interface Found extends Tools {
  /** Why there is no wall of the operating system, a sentence's end. */
  readonly why: string | null;
}

const PROBE_MS = 5_000;
const NAMESPACES = ["--unshare-all", "--unshare-user"];

let probed: Promise<Found> | null = null;

/** What this machine has; tried once, when it is first needed, by running something behind each wall. */
export const found = (): Promise<Found> => {
  probed ??= probe();
  return probed;
};

async function probe(): Promise<Found> {
  const libraries = linkedLibraries();
  const [boxes, setpriv, prlimit] = await Promise.all([
    probeBwrap(libraries),
    works("setpriv", (path) => leashed({ setpriv: path }, RUNTIME)),
    works("prlimit", (path) => limited({ prlimit: path }, RUNTIME)),
  ]);
  return { ...boxes, setpriv, prlimit, libraries };
}

const RUNTIME = [process.execPath, "--version"];

async function probeBwrap(libraries: string[]): Promise<{ bwrap: string[] | null; why: string | null }> {
  const path = program("bwrap");
  if (process.platform !== "linux") return { bwrap: null, why: "bubblewrap is for Linux only" };
  if (path === undefined) return { bwrap: null, why: "bubblewrap is not installed" };
  const room = { folders: [], programs: [process.execPath], cwd: "/", env: {} };
  let why: string | null = null;
  // Before version 0.8 it cannot forbid namespaces within.
  for (const bwrap of [
    [path, ...NAMESPACES, "--disable-userns"],
    [path, ...NAMESPACES],
  ]) {
    why = await run(boxed(bwrap, libraries, room, RUNTIME));
    if (why === null) return { bwrap, why };
  }
  return { bwrap: null, why: `bubblewrap does not work here: ${why}` };
}

async function works(name: string, command: (path: string) => string[]): Promise<string | null> {
  const path = program(name);
  return path !== undefined && (await run(command(path))) === null ? path : null;
}

/** Where the system keeps its programs; never the search path, which may be anybody's. */
const program = (name: string): string | undefined =>
  process.platform === "linux" ? ["/usr/bin", "/bin"].map((dir) => `${dir}/${name}`).find((path) => existsSync(path)) : undefined;

/** Null when it ends well, otherwise the last line of what it said. */
const run = ([command = "", ...args]: string[]): Promise<string | null> =>
  new Promise((resolve) => {
    execFile(command, args, { timeout: PROBE_MS, killSignal: "SIGKILL", env: {} }, (error, _out, said) =>
      resolve(error === null ? null : (said.trim().split("\n").at(-1) || error.message).slice(0, 200)),
    );
  });

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
