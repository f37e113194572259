import type { Peer } from "@plinth/manifests/wire/peer.ts";

const LEVELS = { log: "info", info: "info", warn: "warn", error: "error", debug: "debug", trace: "debug" };
const MAX_LINE = 8_000;
const MAX_LINES = 1_000;
const WINDOW_MS = 10_000;

/** A console that writes lines into the host's log: 8,000 characters a line, 1,000 lines in ten seconds. */
export function makeConsole(peer: Peer): object {
  let window = 0;
  let lines = 0;
  const line =
    (level: string) =>
    (...values: unknown[]): void => {
      const now = Math.floor(Date.now() / WINDOW_MS);
      if (now !== window) {
        window = now;
        lines = 0;
      }
      if (++lines > MAX_LINES) return;
      const message = lines === MAX_LINES ? "it logs too much; the rest of this moment is dropped" : values.map(shown).join(" ");
      peer.note("log", { level, message: message.slice(0, MAX_LINE) });
    };
  return Object.fromEntries(Object.entries(LEVELS).map(([name, level]) => [name, line(level)]));
}

function shown(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) return String(value.stack ?? value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
