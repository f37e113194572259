import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { homedir, release } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { launch } from "./launch.ts";
import { ownUser, userEnded } from "./own-user.ts";
import type { Room, Tools } from "./room.ts";

/** What the probe could do behind a wall that should refuse it; null where the probe itself could not be run. */
export type Leaks = readonly string[] | null;

const PROBE_MS = 10_000;
const done = new Map<string, Promise<Leaks>>();

/**
 * Try from inside what the wall has to refuse, as a guest and as a program. Once for each boot of this machine, kernel,
 * bubblewrap and runtime: what was found is kept in the home.
 */
export function selfTest(tools: Tools): Promise<Leaks> {
  const key = keyOf(tools);
  const known = done.get(key) ?? test(tools, key);
  done.set(key, known);
  return known;
}

/** Both rooms at once: programs may do more than guests, but none of these. */
export async function test(tools: Tools, key: string, file = keptFile()): Promise<Leaks> {
  const kept = read(file);
  if (kept?.key === key) return kept.leaks;
  const [guest, program] = await Promise.all([probed(tools, false), tools.bwrap === null ? [] : probed(tools, true)]);
  if (guest === null || program === null) return null;
  const leaks = [...new Set([...guest, ...program])];
  keep(file, { key, leaks });
  return leaks;
}

/** In the product beside the extensions; in a checkout, the source. */
const probeProgram = (): string | undefined =>
  [join(import.meta.dirname, "../../guest/probe.mjs"), join(import.meta.dirname, "../../guest/probe.ts")].find((path) => existsSync(path));

/** Run behind these, alone; what it printed. */
export async function probed(tools: Tools, processes: boolean): Promise<Leaks> {
  const program = probeProgram();
  if (program === undefined) return null;
  const user = await ownUser("the self-test", null);
  // As a source, it imports what lies beside its folder.
  const folder = program.endsWith(".ts") ? dirname(dirname(dirname(program))) : dirname(program);
  const room: Room = { folders: [], programs: [process.execPath, folder], cwd: "/", env: {}, user, processes };
  try {
    const child = launch(tools, room, [process.execPath, "--no-warnings", program], { connection: false });
    const late = setTimeout(() => child.kill("SIGKILL"), PROBE_MS);
    child.stderr?.resume();
    const said = await text(child.stdout as NodeJS.ReadableStream as never);
    clearTimeout(late);
    return JSON.parse(said) as string[];
  } catch {
    return null;
  } finally {
    userEnded(user);
  }
}

interface Kept {
  readonly key: string;
  readonly leaks: readonly string[];
}

function keyOf(tools: Tools): string {
  const boot = existsSync("/proc/sys/kernel/random/boot_id") ? readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim() : "";
  const files = [tools.bwrap?.[0], probeProgram(), import.meta.filename].map((path) => {
    const found = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false });
    return [path, found?.size, found?.mtimeMs];
  });
  const all = [boot, release(), process.version, process.getuid?.(), files, tools];
  return createHash("sha256").update(JSON.stringify(all)).digest("hex");
}

/** Where this host keeps what is its own; nothing is kept where that is not there. */
const keptFile = (): string => join(process.env.PLINTH_HOME || join(homedir(), ".plinth"), "host", "self-test.json");

function read(file: string): Kept | null {
  try {
    // Whoever else could write it could also say that the wall holds.
    const { uid, mode } = statSync(file);
    return uid === process.getuid?.() && (mode & 0o022) === 0 ? (JSON.parse(readFileSync(file, "utf8")) as Kept) : null;
  } catch {
    return null;
  }
}

function keep(file: string, kept: Kept): void {
  try {
    // In place: half of it is no JSON, and is tried and written again. A draft would be left by whoever is killed here.
    writeFileSync(file, JSON.stringify(kept), { mode: 0o600 });
  } catch {
    // Then it is tried again the next time.
  }
}
