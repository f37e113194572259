import { randomBytes } from "node:crypto";

/**
 * Ids that sort by time: nine base-36 digits of milliseconds, three of a counter, eight random ones that tell writers
 * apart. One source never repeats or goes back, whatever the clock does.
 */
export function entryIds(now: () => number): () => string {
  const writer = BigInt(`0x${randomBytes(5).toString("hex")}`)
    .toString(36)
    .padStart(8, "0");
  let time = 0;
  let counter = 0;
  return () => {
    const clock = Math.floor(now());
    if (clock > time) {
      time = clock;
      counter = 0;
    } else if (++counter === 36 ** 3) {
      time++;
      counter = 0;
    }
    return time.toString(36).padStart(9, "0") + counter.toString(36).padStart(3, "0") + writer;
  };
}
