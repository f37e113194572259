import type { IOType } from "node:child_process";
import { openSync, readdirSync, readFileSync } from "node:fs";

type End = IOType | "ipc" | number;
type Stdio = readonly End[];

const CLOSED_ON_EXEC = 0o2000000;

let leaks: readonly number[] | null = null;
let nothing: number | null = null;

/**
 * Descriptors that the host was started with, from a shell or a service manager, would go on to every child: Node marks
 * only the lowest. `stdio` with nothing in the place of each.
 */
export function sealed(stdio: Stdio): End[] {
  leaks ??= inheritable();
  const all: End[] = [...stdio];
  for (const fd of leaks) {
    if (fd < stdio.length) continue;
    while (all.length < fd) all.push("ignore");
    nothing ??= openSync("/dev/null", "r");
    all[fd] = nothing;
  }
  return all;
}

/** Open descriptors of this process that a child would get, lowest first; none where the system does not tell. */
function inheritable(): number[] {
  if (process.platform !== "linux") return [];
  const numbers = readdirSync("/proc/self/fdinfo").map(Number);
  return numbers.filter(isInheritable).sort((a, b) => a - b);
}

function isInheritable(fd: number): boolean {
  try {
    const flags = /^flags:\s+([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "0";
    return (Number.parseInt(flags, 8) & CLOSED_ON_EXEC) === 0;
  } catch {
    // It was the one that listed the others.
    return false;
  }
}

/** Where the system does not tell. */
const USUAL_LIMIT = 1_024;

/** How many descriptors this process may have open. Whoever shares them out keeps most of them for the host. */
export function descriptorLimit(): number {
  if (process.platform !== "linux") return USUAL_LIMIT;
  const soft = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
  return Math.min(soft === undefined ? USUAL_LIMIT : Number(soft), MOST);
}

/** More is not needed, however high the limit is. */
const MOST = 65_536;
