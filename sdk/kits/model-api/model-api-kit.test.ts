import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { FetchResponse, Provider } from "../../extension/index.ts";
import {
  EventStreamParser,
  failure,
  fault,
  forProduct,
  imageOf,
  LineParser,
  letGo,
  refusalOf,
  refused,
  replay,
  ToolNames,
  Unsupported,
  urlOf,
} from "./index.ts";

const response = (status: number, body: unknown, headers: Record<string, string> = {}): FetchResponse =>
  ({ status, ok: false, headers, body: replay(typeof body === "string" ? body : JSON.stringify(body)) }) as unknown as FetchResponse;
const answered = async (status: number, error: unknown, headers?: Record<string, string>) =>
  refused("Acme", await refusalOf(response(status, error, headers)));

describe("the code of a protocol", () => {
  const api = forProduct<Provider<"plinth.model-api">>({
    models: () => ({ models: [] }),
    async *stream() {
      yield { type: "end", reason: "stop" };
    },
    countTokens: () => ({ inputTokens: 1 }),
  });
  const by = (caller: string) => ({ caller, signal: new AbortController().signal }) as never;

  it("works for the product, and is nobody else's way to the network", () => {
    for (const caller of ["host", "plinth.models"]) {
      expect(api.models({} as never, by(caller))).toEqual({ models: [] });
      expect(api.countTokens!({} as never, by(caller))).toEqual({ inputTokens: 1 });
    }
    for (const method of [api.models, api.stream, api.countTokens!])
      expect(() => method({} as never, by("acme.deputy"))).toThrow(expect.objectContaining({ code: "PLINTH_PERMISSION" }));
  });
});

describe("a failure", () => {
  it.each([
    [401, { error: { message: "bad key" } }, "AUTH", false],
    [402, { error: { message: "pay" } }, "BILLING", false],
    [429, { error: { message: "You exceeded your current quota", code: "insufficient_quota" } }, "QUOTA", false],
    [429, { error: { message: "slow down", type: "rate_limit_error" } }, "RATE", true],
    [529, { error: { type: "overloaded_error", message: "Overloaded" } }, "OVERLOADED", true],
    [503, "busy", "OVERLOADED", true],
    [500, "<html>", "SERVER", true],
    [
      400,
      { error: { code: "context_length_exceeded", message: "maximum context length is 8192 tokens, you asked for 9000 tokens" } },
      "CONTEXT",
      false,
    ],
    [404, { error: { code: "model_not_found", message: "no" } }, "UNKNOWN", false],
    [400, { error: { code: "unsupported_parameter", param: "seed", message: "no seed" } }, "UNSUPPORTED", false],
    [400, { error: { code: "content_policy_violation", message: "no" } }, "FILTER", false],
    [400, { detail: "no" }, "REQUEST", false],
    [302, "", "STREAM", true],
  ])("of status %i and %j is %s", async (status, body, kind, retryable) => {
    const error = await answered(status, body);
    expect(error).toMatchObject({ code: `PLINTH_MODEL_${kind}`, next: expect.stringMatching(/\.$/), details: { status, retryable } });
  });

  it("says when to ask again, which field it is about, and how much was too much", async () => {
    expect((await answered(429, {}, { "retry-after": "7", "x-request-id": "r1" })).details).toMatchObject({ retryAfterMs: 7_000, requestId: "r1" });
    expect((await answered(429, {}, { "retry-after-ms": "250", "retry-after": "7" })).details).toMatchObject({ retryAfterMs: 250 });
    expect((await answered(400, { error: { code: "unsupported_value", param: "top_p", message: "x" } })).details).toMatchObject({ param: "top_p" });
    const long = await answered(400, {
      error: { code: "context_length_exceeded", message: "maximum context length is 8192 tokens, got 9,000 tokens" },
    });
    expect(long.details).toMatchObject({ limitTokens: 8192, askedTokens: 9000 });
  });

  it("quotes no key, and nothing that steers a terminal", async () => {
    const { message } = await answered(401, { error: { message: "bad \u001b[31m key sk-abcdefghijklmnop1234" } });
    expect(message).toBe("Acme answered 401: bad [31m key [key]");
  });

  it("in the middle of a stream is told by its own words", () => {
    expect(fault("Acme", { type: "overloaded_error", message: "Overloaded" })).toMatchObject({ code: "PLINTH_MODEL_OVERLOADED" });
    expect(fault("Acme", { code: 429, message: "x" })).toMatchObject({ code: "PLINTH_MODEL_RATE" });
    expect(fault("Acme", "it broke")).toMatchObject({ code: "PLINTH_MODEL_SERVER", message: "Acme broke off with an error: it broke" });
    expect(failure("NETWORK", "x", { details: { retryable: false } }).details).toEqual({ retryable: false });
  });
});

describe("what a model cannot take", () => {
  it("is refused, or left out with one warning each", () => {
    expect(() => new Unsupported("Acme", {}).leave("seed", "a seed")).toThrow(/cannot take a seed/);
    const lenient = new Unsupported("Acme", { onUnsupported: "drop" });
    lenient.leave("seed", "a seed");
    lenient.leave("seed", "a seed");
    expect(lenient.warnings).toMatchObject([{ type: "warning", param: "seed" }]);
  });
});

describe("lines", () => {
  it("are the same wherever their bytes are cut", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.json({ maxDepth: 1 }), { maxLength: 8 }), fc.integer({ min: 1 }), async (values, seed) => {
        const parser = new LineParser();
        const found: string[] = [];
        for await (const chunk of replay(values.join("\n"), { seed, longest: 5 })) found.push(...parser.push(chunk));
        found.push(...parser.finish());
        expect(found).toEqual(values.map((one) => one.trim()).filter((one) => one !== ""));
      }),
      { numRuns: 50 },
    );
  });

  it("have a longest one", () => {
    expect(() => new LineParser(8).push(new TextEncoder().encode("123456789"))).toThrow(/longer than 8/);
  });
});

it("a recording is replayed whole, and the same for the same seed", async () => {
  const text = "data: ünï\n\n".repeat(20);
  const cuts = async (seed: number) => {
    const sizes: number[] = [];
    const parser = new EventStreamParser();
    const events: string[] = [];
    for await (const chunk of replay(text, { seed, longest: 7 })) {
      sizes.push(chunk.length);
      events.push(...parser.push(chunk));
    }
    return { sizes, events };
  };
  const [one, two, other] = [await cuts(3), await cuts(3), await cuts(4)];
  expect(one).toEqual(two);
  expect(one.sizes).not.toEqual(other.sizes);
  expect(one.events).toEqual(Array(20).fill("ünï"));
});

it("names of tools come back as they were", () => {
  const names = new ToolNames(["a_b", "a.b", "ä", "x".repeat(80)]);
  const wire = ["a_b", "a.b", "ä", "x".repeat(80)].map((name) => names.wire(name));
  expect(wire).toEqual(["a_b", "a_b_2", "_", "x".repeat(60)]);
  expect(wire.map((name) => names.sent.get(name))).toEqual(["a_b", "a.b", "ä", "x".repeat(80)]);
});

it("bytes have an address, and an address may be an image", () => {
  const image = { type: "image" as const, mimeType: "image/png", base64: "AAAA" };
  expect(urlOf(image)).toBe("data:image/png;base64,AAAA");
  expect(urlOf({ type: "image", mimeType: "image/png", artifact: "x" })).toBeUndefined();
  expect(imageOf("data:image/png;base64,AAAA")).toEqual(image);
  expect(imageOf("javascript:alert(1)")).toBeUndefined();
  expect(imageOf(`data:image/png;base64,${"A".repeat(12_000_000)}`)).toBeUndefined();
});

describe("what follows a whole answer", () => {
  const piece = new Uint8Array(1);
  const body = (pieces: () => Promise<IteratorResult<Uint8Array>>) => ({ next: vi.fn(pieces) });

  it("is read to its end, so that the connection serves the next request", async () => {
    const end = vi.fn();
    let left = 2;
    const rest = body(async () => (left-- > 0 ? { done: false, value: piece } : { done: true, value: undefined }));
    letGo(rest, end);
    await vi.waitFor(() => expect(rest.next).toHaveBeenCalledTimes(3));
    expect(end).not.toHaveBeenCalled();
  });

  it("ends the request when there is more of it, or when it does not come to its end", async () => {
    vi.useFakeTimers();
    try {
      const [more, never] = [vi.fn(), vi.fn()];
      letGo(
        body(async () => ({ done: false, value: piece })),
        more,
      );
      letGo(
        body(() => new Promise(() => {})),
        never,
      );
      await vi.advanceTimersByTimeAsync(500);
      expect([more, never].map(({ mock }) => mock.calls.length)).toEqual([1, 0]);
      await vi.advanceTimersByTimeAsync(1_000);
      expect(never).toHaveBeenCalledTimes(1);
    } finally {
      vi.useRealTimers();
    }
  });
});
