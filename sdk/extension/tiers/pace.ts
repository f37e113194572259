import type { Readable } from "node:stream";
import type { HostTime } from "./host-time.ts";

/** What a guest may send for long, and what at once. */
const BYTES_PER_MS = 48 * 1024;
const BYTES_AT_ONCE = 16 * 1024 * 1024;
/** Who does not read what it is sent is not listened to either: else its requests would pile up as answers. */
const MAX_UNSENT = 4 * 1024 * 1024;
const PAUSE_MS = 20;
/** While it waits it may earn more than its share of the passing time: it is looked at again after so long. */
const LONGEST_MS = 100;
/** So long a pause, in sum, is told; and not each of them. */
const TELL_AFTER_MS = 2_000;
const TELL_EVERY_MS = 60_000;

export interface Pace {
  readonly time: HostTime;
  /** Bytes that wait for the guest to read them. */
  unsent(): number;
  /** It was not listened to for some seconds, because it makes the host work more than it works itself. */
  onSlow(): void;
}

/** A flood of valid frames is read at this pace, and then stops at its sender: it is the host's time that reading takes. */
export function paced(connection: Readable, { time, unsent, onSlow }: Pace): void {
  let room = BYTES_AT_ONCE;
  let at = performance.now();
  let slowMs = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  const tell = (waited: number): void => {
    slowMs += waited;
    if (slowMs < TELL_AFTER_MS || performance.now() - toldAt < TELL_EVERY_MS) return;
    [slowMs, toldAt] = [0, performance.now()];
    onSlow();
  };
  const goOn = (): void => {
    const wait = Math.min(LONGEST_MS, time.wait());
    const pause = wait > 0 ? Math.max(PAUSE_MS, wait) : unsent() > MAX_UNSENT ? PAUSE_MS : 0;
    if (wait > 0) tell(pause);
    if (pause > 0) setTimeout(goOn, pause).unref();
    else connection.resume();
  };
  connection.on("data", (chunk: Buffer) => {
    const now = performance.now();
    room = Math.min(BYTES_AT_ONCE, room + (now - at) * BYTES_PER_MS) - chunk.length;
    at = now;
    if (room >= 0 && time.wait() === 0 && unsent() <= MAX_UNSENT) return;
    connection.pause();
    setTimeout(goOn, PAUSE_MS).unref();
  });
}
