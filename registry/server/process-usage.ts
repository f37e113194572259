import { readFile } from "node:fs/promises";

/** What a process uses, and the processes that it has started. */
export interface Usage {
  /** Processor time since it began, in milliseconds. */
  cpuMs: number;
  /** Resident memory. */
  bytes: number;
}

/** Milliseconds of one tick in /proc; 100 ticks a second everywhere where Linux runs today. */
const TICK_MS = 10;
const NOTHING: Usage = { cpuMs: 0, bytes: 0 };

/** Linux tells; on other systems nothing is known, and only time bounds what a process does. */
export async function usedBy(pid: number): Promise<Usage> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  const all = await Promise.all([pid, ...children.split(" ").filter(Boolean).map(Number)].map(usageOf));
  return all.reduce((sum, { cpuMs, bytes }) => ({ cpuMs: sum.cpuMs + cpuMs, bytes: sum.bytes + bytes }), NOTHING);
}

async function usageOf(pid: number): Promise<Usage> {
  try {
    const [stat, status] = await Promise.all([readFile(`/proc/${pid}/stat`, "utf8"), readFile(`/proc/${pid}/status`, "utf8")]);
    // After the name, which may hold anything: utime, stime, and those of children that have ended.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return { cpuMs: ticks * TICK_MS, bytes: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024 };
  } catch {
    return NOTHING;
  }
}
