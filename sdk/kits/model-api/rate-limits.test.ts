import { expect, it } from "vitest";
import { limitResetMs, rateLimitsOf } from "./rate-limits.ts";

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

it.each([
  ["nothing", { "content-type": "text/event-stream" }, []],
  [
    "Anthropic's",
    {
      "anthropic-ratelimit-input-tokens-limit": "50000",
      "anthropic-ratelimit-input-tokens-remaining": "49000",
      "anthropic-ratelimit-input-tokens-reset": "2026-03-01T12:00:30Z",
      "anthropic-ratelimit-unified-status": "allowed",
    },
    [{ of: "input-tokens", limit: 50_000, left: 49_000, resetMs: 30_000 }],
  ],
  [
    "OpenAI's",
    {
      "x-ratelimit-limit-requests": "500",
      "x-ratelimit-remaining-requests": "499",
      "x-ratelimit-reset-requests": "120ms",
      "x-ratelimit-remaining-tokens": "30000",
    },
    [
      { of: "requests", limit: 500, left: 499, resetMs: 120 },
      { of: "tokens", left: 30_000 },
    ],
  ],
  ["one without a word for what it counts", { "x-ratelimit-limit": "20", "x-ratelimit-remaining": "0" }, [{ of: "requests", limit: 20, left: 0 }]],
  ["what is no number", { "x-ratelimit-limit-tokens": "many", "x-ratelimit-reset-tokens": "1s" }, []],
])("reads the limits of a good answer: %s", (_, headers, expected) => {
  expect(rateLimitsOf(headers as Record<string, string>, NOW)).toEqual(expected);
});
