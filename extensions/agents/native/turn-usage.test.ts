import { describe, expect, it } from "vitest";
import { TurnUsage } from "./turn-usage.ts";

describe("what a turn took", () => {
  it("is the sum of what its calls say, with what only some of them have to say", () => {
    const usage = new TurnUsage();
    usage.add({ inputTokens: 10, outputTokens: 1, cacheReadTokens: 4, serverTools: { search: 1 } });
    usage.add({ inputTokens: 20, outputTokens: 2, reasoningTokens: 3, serverTools: { search: 2 } });
    expect(usage.said).toEqual({
      usage: { inputTokens: 30, outputTokens: 3, cacheReadTokens: 4, reasoningTokens: 3, serverTools: { search: 3 } },
    });
  });

  it("is absent, and not nothing, where a call does not say it", () => {
    expect(new TurnUsage().said).toEqual({});
    const usage = new TurnUsage();
    usage.add({ inputTokens: 10, outputTokens: 1 });
    usage.add(undefined);
    expect(usage.said).toEqual({});
  });

  it("has no cost where one call does not say its own", () => {
    const usage = new TurnUsage();
    usage.add({ inputTokens: 10, outputTokens: 1, cost: 0.25 });
    expect(usage.said.usage?.cost).toBe(0.25);
    usage.add({ inputTokens: 10, outputTokens: 1 });
    expect(usage.said).toEqual({ usage: { inputTokens: 20, outputTokens: 2 } });
  });
});
