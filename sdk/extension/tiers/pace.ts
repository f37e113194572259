import type { Readable } from "node:stream";

/** What a guest may send for long, and what at once. */
const BYTES_PER_MS = 48 * 1024;
const BYTES_AT_ONCE = 16 * 1024 * 1024;
const PAUSE_MS = 20;

/** A flood of valid frames is read at this pace, and then stops at its sender: it is the host's time that reading takes. */
export function paced(connection: Readable): void {
  let room = BYTES_AT_ONCE;
  let at = performance.now();
  connection.on("data", (chunk: Buffer) => {
    const now = performance.now();
    room = Math.min(BYTES_AT_ONCE, room + (now - at) * BYTES_PER_MS) - chunk.length;
    at = now;
    if (room >= 0) return;
    connection.pause();
    setTimeout(() => connection.resume(), PAUSE_MS).unref();
  });
}
