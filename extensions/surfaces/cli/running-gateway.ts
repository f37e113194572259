import { readFile } from "node:fs/promises";
import { join } from "node:path";

export interface RunningGateway {
  url: string;
  pid: number;
  /** Let nobody see it. */
  token: string;
}

/** The gateway of a home, from the file in which a running one tells where it listens; undefined where none runs. */
export async function runningGateway(home: string): Promise<RunningGateway | undefined> {
  try {
    const file = join(home, "state", "plinth.gateway", "running.json");
    const { url, pid, token } = JSON.parse(await readFile(file, "utf8")) as { [name: string]: unknown };
    if (typeof pid !== "number" || pid <= 0 || !isAlive(pid)) return undefined;
    return typeof url === "string" && typeof token === "string" ? { url, pid, token } : undefined;
  } catch {
    // No file, or half a file: then nothing runs that could be reached.
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}
