import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const STEP_MS = 10;

/** The children of a process, the oldest first; none where it is gone, or the system does not tell. */
export function insideOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/**
 * Send a signal to what was launched in namespaces: the command itself, not what builds its room and waits for it. Resolves to
 * whether it was there.
 *
 * @param pid of the outermost process.
 * @param gone whether it ended meanwhile: then nobody has its number any more.
 */
export async function signalInside(pid: number, signal: NodeJS.Signals, gone: () => boolean): Promise<boolean> {
  while (!gone()) {
    const [first] = insideOf(pid);
    const [command] = first === undefined ? [] : insideOf(first);
    if (command !== undefined) {
      try {
        return process.kill(command, signal);
      } catch {
        return false;
      }
    }
    // Its room is still being built.
    await sleep(STEP_MS);
  }
  return false;
}
