import type { Handler } from "../wire.ts";

const LINES = 1_000;
const WINDOW_MS = 10_000;

/** Requests of a guest with a bound on the lines that it may log: what is above it is dropped, and the last line says so. */
export function quieted(requests: Handler): Handler {
  let window = 0;
  let lines = 0;
  return {
    call: (method, params, meta, signal) => requests.call(method, params, meta, signal),
    stream: (method, params, meta, signal) => requests.stream(method, params, meta, signal),
    note(method, params) {
      const now = Math.floor(Date.now() / WINDOW_MS);
      if (now !== window) {
        window = now;
        lines = 0;
      }
      if (++lines < LINES) return requests.note(method, params);
      if (lines === LINES) requests.note("log", { level: "warn", message: `more than ${LINES} lines in ${WINDOW_MS / 1000} s: the rest is dropped` });
    },
  };
}
