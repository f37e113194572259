import { readFileSync } from "node:fs";

/** A process on this machine: its number, and when it began, because numbers are given again. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since the system started; 0 where the system does not tell. */
  readonly began: number;
}

let own: ProcessIdentity | undefined;

export function thisProcess(): ProcessIdentity {
  own ??= { pid: process.pid, began: beganOf(process.pid) ?? 0 };
  return own;
}

/** Whether that very process still runs. Where the system does not tell when it began, one of its number counts as it. */
export function isRunning({ pid, began }: ProcessIdentity): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const now = beganOf(pid);
  return began === 0 || now === undefined || now === began;
}

/** As a part of a file's name. */
export const nameOfProcess = ({ pid, began }: ProcessIdentity): string => `${pid}-${began}`;

/** From such a part; undefined where it is none. */
export function processOfName(name: string): ProcessIdentity | undefined {
  const match = /^(\d{1,10})-(\d{1,20})(?:$|[-.])/.exec(name);
  return match === null ? undefined : { pid: Number(match[1]), began: Number(match[2]) };
}

/** Field 22 of `/proc/PID/stat`; the program's name before it may hold anything. */
function beganOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[19]);
  } catch {
    return undefined;
  }
}
