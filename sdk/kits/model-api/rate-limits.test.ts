import { expect, it } from "vitest";
import { limitResetMs } from "./rate-limits.ts";

const NOW = Date.parse("2026-03-01T12:00:00Z");

it.each([
  ["nothing", {}, undefined],
  [
    "limits that are not used up",
    { "anthropic-ratelimit-tokens-remaining": "10", "anthropic-ratelimit-tokens-reset": "2026-03-01T12:01:00Z" },
    undefined,
  ],
  ["a time", { "anthropic-ratelimit-tokens-remaining": "0", "anthropic-ratelimit-tokens-reset": "2026-03-01T12:01:00Z" }, 60_000],
  ["seconds since 1970", { "anthropic-ratelimit-unified-5h-remaining": "0", "anthropic-ratelimit-unified-5h-reset": String(NOW / 1_000 + 5) }, 5_000],
  ["a length", { "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0.5s" }, 360_500],
  ["milliseconds", { "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "20ms" }, 20],
  ["a past time", { "anthropic-ratelimit-tokens-remaining": "0", "anthropic-ratelimit-tokens-reset": "2026-03-01T11:00:00Z" }, 0],
  ["a time that is none", { "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "soon" }, undefined],
  [
    "the longest of those that are used up",
    {
      "x-ratelimit-remaining-tokens": "0",
      "x-ratelimit-reset-tokens": "1s",
      "x-ratelimit-remaining-requests": "0",
      "x-ratelimit-reset-requests": "2s",
    },
    2_000,
  ],
])("reads %s", (_, headers, expected) => {
  expect(limitResetMs(headers as Record<string, string>, NOW)).toBe(expected);
});
