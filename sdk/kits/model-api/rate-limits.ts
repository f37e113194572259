/**
 * When a limit that is used up is there again, in milliseconds from `now`, where a server says no Retry-After: by headers as
 * `anthropic-ratelimit-tokens-remaining` and `…-reset`, a time of RFC 3339 or in seconds since 1970
 * (https://platform.claude.com/docs/en/api/rate-limits), and as `x-ratelimit-remaining-tokens` and `x-ratelimit-reset-tokens`, a
 * length such as `6m0s` (https://platform.openai.com/docs/guides/rate-limits). undefined: no limit is said to be used up.
 */
export function limitResetMs(headers: Readonly<Record<string, string>>, now: number): number | undefined {
  let longest: number | undefined;
  for (const [name, left] of Object.entries(headers)) {
    if (!/ratelimit-.*remaining|ratelimit-remaining/.test(name) || !/^\s*0+(\.0+)?\s*$/.test(left)) continue;
    const wait = waitOf(headers[name.replace("remaining", "reset")] ?? "", now);
    if (wait !== undefined) longest = Math.max(longest ?? 0, wait);
  }
  return longest;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function waitOf(reset: string, now: number): number | undefined {
  // OpenRouter: in milliseconds.
  if (/^\d{13}$/.test(reset)) return Math.max(0, Number(reset) - now);
  if (/^\d{9,11}$/.test(reset)) return Math.max(0, Number(reset) * 1_000 - now);
  if (/^\d+(\.\d+)?$/.test(reset)) return Math.ceil(Number(reset) * 1_000);
  if (/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(reset)) {
    return Math.ceil([...reset.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)].reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit!]!, 0));
  }
  const at = /^\d{4}-\d\d-\d\dT/.test(reset) ? Date.parse(reset) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
