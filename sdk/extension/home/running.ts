import { closeSync, constants, fstatSync, openSync, readSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";

/** What a running gateway tells on this machine: `state/plinth.gateway/running.json`, for its user alone. */
export interface Running {
  url: string;
  token: string;
  pid: number;
  /** Milliseconds since 1970. */
  startedAt: number;
  version: string;
  /** Random, new at each start; the gateway proves that it is this one. */
  instance: string;
  /** The home that it serves. A copy of the file in another folder names a home that is not there. */
  home: string;
  /** See `processOf`; null where the system does not say. */
  process: string | null;
  /** Whether it listens on `gateway.sock` beside the file. */
  socket: boolean;
}

export const GATEWAY_STATE = join("state", "plinth.gateway");
export const RUNNING_FILE = "running.json";
const MAX_BYTES = 16_384;

/** The place of a folder: its true path, and the very folder that is there. Copies and later folders of that name differ. */
export function homeIdentity(home: string): string {
  const path = realpathSync(home);
  const { dev, ino } = statSync(path, { bigint: true });
  return `${dev}:${ino}:${path}`;
}

/**
 * The announcement in a folder, when it is whole and its user's own. Which home it is about and whether it is still true
 * is for the reader to find out.
 */
export function readRunning(folder: string): Running | undefined {
  const text = readOwn(join(folder, RUNNING_FILE));
  if (text === undefined) return undefined;
  try {
    const { url, token, pid, startedAt, version, instance, home, process: identity, socket } = JSON.parse(text) as Record<string, unknown>;
    if (typeof url !== "string" || new URL(url).hostname === "" || typeof token !== "string" || token === "") return undefined;
    if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid <= 0 || typeof startedAt !== "number") return undefined;
    if (typeof instance !== "string" || typeof home !== "string") return undefined;
    const process = typeof identity === "string" ? identity : null;
    return { url, token, pid, startedAt, version: String(version), instance, home, process, socket: socket === true };
  } catch {
    return undefined;
  }
}

/** A small file of this user's own that nobody else can write, and no link. What is checked is what is read. */
function readOwn(path: string): string | undefined {
  let file: number;
  try {
    // Without waiting: a pipe in its place would keep us for ever.
    file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch {
    return undefined;
  }
  try {
    const stat = fstatSync(file);
    const user = process.getuid?.();
    if (!stat.isFile() || stat.size > MAX_BYTES || (user !== undefined && (stat.uid !== user || (stat.mode & 0o022) !== 0))) return undefined;
    const bytes = Buffer.alloc(stat.size);
    return bytes.toString("utf8", 0, readSync(file, bytes, 0, stat.size, 0));
  } finally {
    closeSync(file);
  }
}
