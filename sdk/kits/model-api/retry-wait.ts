import { retryAfterMs } from "../http/retry-after.ts";
import { limitResetMs } from "./rate-limits.ts";

/** Nobody is waited for longer, whatever a server says: an hour. */
const MAX_WAIT_MS = 3_600_000;

/** When to ask again, in milliseconds from now: by `retry-after-ms`, `retry-after`, and where a limit is reached by its reset. */
export function retryWaitMs(headers: Readonly<Record<string, string>>, status: number, now: number): number | undefined {
  const exact = headers["retry-after-ms"];
  const said = exact !== undefined && /^\d+(\.\d+)?$/.test(exact) ? Math.round(Number(exact)) : retryAfterMs(headers["retry-after"], now);
  return boundedWait(said ?? (status === 429 ? limitResetMs(headers, now) : undefined));
}

export const boundedWait = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : Math.min(ms, MAX_WAIT_MS));

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `Please try again in 6m0s.`, `Please retry after 20 seconds`: where a server says it in its text alone. */
export function waitInWords(said: string): number | undefined {
  const found =
    /(?:try again|retry) (?:in|after) ((?:\d{1,9}(?:\.\d+)? ?(?:ms|h(?:ours?)?|m(?:in(?:utes?)?)?|s(?:ec(?:onds?)?)?)\b ?|\d{1,9}(?:\.\d+)?[hms](?=\d))+)/i.exec(
      said,
    )?.[1];
  if (found === undefined) return undefined;
  const pieces = [...found.matchAll(/(\d+(?:\.\d+)?) ?(ms|[hms])/gi)];
  return boundedWait(Math.ceil(pieces.reduce((sum, [, number, unit]) => sum + Number(number) * UNITS[unit!.toLowerCase()]!, 0)));
}
