import type { RateLimit } from "../../extension/index.ts";

const MOST = 16;

/**
 * What a good answer says of its server's limits, by headers as `anthropic-ratelimit-input-tokens-limit`, `…-remaining` and `…-reset`
 * (https://platform.claude.com/docs/en/api/rate-limits), `x-ratelimit-limit-requests` and so on
 * (https://platform.openai.com/docs/guides/rate-limits), and `x-ratelimit-limit` without a word for what it counts: requests.
 */
export function rateLimitsOf(headers: Readonly<Record<string, string>>, now: number): RateLimit[] {
  const found = new Map<string, RateLimit>();
  for (const [name, value] of Object.entries(headers)) {
    const words = /(?:^|-)ratelimit-(.+)$/.exec(name)?.[1]?.split("-") ?? [];
    const kind = words.find((word) => word === "limit" || word === "remaining" || word === "reset");
    const said = kind === "reset" ? waitOf(value.trim(), now) : /^\s*\d{1,15}(\.\d+)?\s*$/.test(value) ? Math.floor(Number(value)) : undefined;
    if (kind === undefined || said === undefined) continue;
    const of =
      words
        .filter((word) => word !== kind)
        .join("-")
        .slice(0, 64) || "requests";
    const limit = found.get(of) ?? { of };
    limit[kind === "limit" ? "limit" : kind === "reset" ? "resetMs" : "left"] = said;
    if (found.has(of) || found.size < MOST) found.set(of, limit);
  }
  // When something that is not counted begins anew says nothing.
  return [...found.values()].filter(({ limit, left }) => limit !== undefined || left !== undefined);
}

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
