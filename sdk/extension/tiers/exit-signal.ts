import { constants } from "node:os";

/** The signal that a process ended by, if any. A wall that waits for the process tells it as a number above 128. */
export function exitSignal(code: number | null, signal: string | null): string | null {
  const number = (code ?? 0) - 128;
  return signal ?? Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? null;
}
