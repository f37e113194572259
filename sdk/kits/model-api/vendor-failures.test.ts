import { describe, expect, it } from "vitest";
import type { FetchResponse } from "../../extension/index.ts";
import { refusalOf, refused, replay } from "./index.ts";
import { waitInWords } from "./retry-wait.ts";
import { speechFailures } from "./speech-failures.testing.ts";
import { vendorFailures } from "./vendor-failures.testing.ts";

const RETRYABLE = new Set(["RATE", "OVERLOADED", "SERVER", "NETWORK", "STREAM"]);

async function told(status: number, body: unknown, headers: Record<string, string> = {}) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = { status, ok: false, headers, body: replay(text) } as unknown as FetchResponse;
  return refused("Acme", await refusalOf(response));
}

describe("what a vendor refuses", () => {
  it.each([...vendorFailures, ...speechFailures])("$vendor, status $status, is $kind", async ({ status, body, headers, kind, wait }) => {
    const error = await told(status, body, headers);
    expect([error.code, (error.details as any).retryable]).toEqual([`PLINTH_MODEL_${kind}`, RETRYABLE.has(kind)]);
    expect((error.details as any).retryAfterMs).toBe(wait);
    // Its own words are there, whatever the shape in which they came.
    expect(error.message).toMatch(/^Acme answered \d{3}: .{5}/);
  });

  it("are sixty or more, of every kind that a server can say", () => {
    expect(vendorFailures.length).toBeGreaterThanOrEqual(60);
    expect(new Set(vendorFailures.map(({ kind }) => kind))).toEqual(
      new Set(["AUTH", "BILLING", "QUOTA", "RATE", "OVERLOADED", "SERVER", "CONTEXT", "REQUEST", "UNSUPPORTED", "UNKNOWN", "FILTER"]),
    );
  });
});

describe("details of a refusal", () => {
  it("keep the text of a list of problems, and the field", async () => {
    const detail = [
      { type: "extra_forbidden", loc: ["body", "stream_options"], msg: "Extra inputs are not permitted" },
      { type: "missing", loc: ["body", "messages", 0, "content"], msg: "Field required" },
    ];
    const error = await told(422, { detail });
    expect(error.message).toBe("Acme answered 422: stream_options: Extra inputs are not permitted; messages.0.content: Field required");
    expect(error.details).toMatchObject({ param: "stream_options" });
  });

  it("bound every wait, whoever says it", async () => {
    for (const headers of [
      { "retry-after": "999999" },
      { "retry-after-ms": "99999999" },
      { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "99999999999999" },
    ]) {
      expect(((await told(429, {}, headers as never)).details as any).retryAfterMs ?? 3_600_000).toBeLessThanOrEqual(3_600_000);
    }
    expect(waitInWords("Please try again in 999999h.")).toBe(3_600_000);
    expect(waitInWords("Please try again in 6m0s.")).toBe(360_000);
    expect(waitInWords("try again in 1.5s")).toBe(1_500);
    expect(waitInWords("try again in 250ms")).toBe(250);
    expect(waitInWords("Please retry after 2 minutes.")).toBe(120_000);
    expect(waitInWords("try again later")).toBeUndefined();
  });
});
