import { closeSync, openSync, readdirSync, readlinkSync, readSync, statSync } from "node:fs";

/** Shared memory that has no name in a file system: anonymous, memfd, of System V, removed from /dev/shm. */
const SHARED = /^([0-9a-f]+)-([0-9a-f]+) \S{4} \S+ \S+ (\d+) +(?:\/dev\/zero|\/memfd:.*|\/SYSV.*|\/dev\/shm\/.*)(?: \(deleted\))?$/gm;
const MEMFD = /^\/memfd:/;
/** More than ten thousand mappings: nobody has so many by accident, and to read them takes too long. */
const MOST_BYTES = 1_048_576;
const BLOCK = 512;
const room = Buffer.allocUnsafe(MOST_BYTES);

/**
 * Shared memory of processes in KiB, beyond what counts as resident: pages of it stay when no process has them mapped any
 * more. It is counted by its size, once for all processes that have it; those who look at too little of it to tell pay for
 * all that they map.
 */
export function hiddenKb(pids: readonly number[]): Map<number, number> {
  const seen = new Set<string>();
  const all = new Map<number, number>();
  for (const pid of pids) {
    const kb = hiddenOf(pid, seen);
    if (kb > 0) all.set(pid, kb);
  }
  return all;
}

function hiddenOf(pid: number, seen: Set<string>): number {
  const status = read(`/proc/${pid}/status`, 8_192);
  const maps = read(`/proc/${pid}/maps`, MOST_BYTES);
  if (maps.length >= MOST_BYTES) return field(status, "VmSize");
  let kb = 0;
  for (const [, from = "0", to = "0", inode = "0"] of maps.matchAll(SHARED)) {
    if (inode === "0" || seen.has(inode)) continue;
    seen.add(inode);
    kb += (Number.parseInt(to, 16) - Number.parseInt(from, 16)) / 1_024;
  }
  const resident = Math.min(kb, field(status, "RssShmem"));
  return kb - resident + heldKb(pid, seen);
}

/** Open, and mapped by nobody. */
function heldKb(pid: number, seen: Set<string>): number {
  let kb = 0;
  for (const fd of entries(`/proc/${pid}/fd`)) {
    const path = `/proc/${pid}/fd/${fd}`;
    try {
      if (!MEMFD.test(readlinkSync(path))) continue;
      const { ino, blocks } = statSync(path);
      if (seen.has(String(ino))) continue;
      seen.add(String(ino));
      kb += (blocks * BLOCK) / 1_024;
    } catch {
      // It was closed meanwhile.
    }
  }
  return kb;
}

const field = (status: string, name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0);

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // It ended, or it is not ours to look at.
    return [];
  }
}

/** At most so many bytes: a process decides how long some of these files are. */
function read(path: string, most: number): string {
  try {
    const fd = openSync(path, "r");
    try {
      let length = 0;
      for (let more = 1; more > 0 && length < most; length += more) more = readSync(fd, room, length, most - length, null);
      return room.toString("latin1", 0, length);
    } finally {
      closeSync(fd);
    }
  } catch {
    return "";
  }
}
