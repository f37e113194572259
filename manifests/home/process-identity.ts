import { readFileSync } from "node:fs";

const BOOT = "/proc/sys/kernel/random/boot_id";

export interface ProcessIdentity {
  /** The boot and the tick at which it started: no other process ever has the same, whoever gets its id later. */
  identity: string;
  /** It holds everything and does nothing: Ctrl+Z, a debugger, a frozen container. */
  stopped: boolean;
}

/** What the system says about a process; null where there is no such process or the system says nothing. */
export function processOf(pid: number): ProcessIdentity | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The program's name stands in brackets and may hold anything.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const state = fields[0];
    if (state === "Z" || state === "X") return null;
    return { identity: `${readFileSync(BOOT, "latin1").trim()}:${fields[19]}`, stopped: state === "T" || state === "t" };
  } catch {
    return null;
  }
}

/** Whether a process is there: `true` only for the very one, `null` where the system cannot tell it from a later one. */
export function isSameProcess(pid: number, identity: string | null): boolean | null {
  if (identity !== null) return processOf(pid)?.identity === identity;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return null;
}

/** This process as the beginning of a file's name, so that others can tell whether who made it still runs. */
export function ownerName(): string {
  const identity = processOf(process.pid)?.identity.replace(":", "-");
  return identity === undefined ? String(process.pid) : `${process.pid}-${identity}`;
}

/** Whether the process whose `ownerName` a file's name begins with may still run; not where it begins with none. */
export function isOwnerRunning(name: string): boolean {
  const [, pid, boot, tick] = /^(\d{1,10})(?:-([0-9a-f-]{36})-(\d+))?(?:\.|$)/.exec(name) ?? [];
  return pid !== undefined && isSameProcess(Number(pid), boot === undefined ? null : `${boot}:${tick}`) !== false;
}
