import { PlinthError } from "@plinth/sdk";
import { createTestHost } from "@plinth/sdk/testing";
import { describe, expect, it } from "vitest";
import { costOf } from "./cost.ts";
import extension from "./index.ts";
import { passes } from "./limits.ts";
import manifest from "./plinth.json" with { type: "json" };
import { call, inTurn, took, usageHost } from "./usage.testing.ts";

const owner = inTurn("r0");
const totals = (host: any, input: object = {}) =>
  host.as(owner, () =>
    host
      .use("plinth.usage")
      .one()
      .totals({ by: "all", ...input }),
  );
const said = async (host: any, sessionKey = "main"): Promise<string> => {
  let text = "";
  await host.as(owner, async () => {
    for await (const item of host.use("plinth.chat-command").get("usage").run({ args: "", sessionKey })) text += item.text ?? "";
  });
  return text;
};

describe("what a call costs", () => {
  const price = { input: 10, output: 50, cacheRead: 1, cacheWrite: 12.5 };

  it("goes by the price of each kind of token", () => {
    expect(costOf({ inputTokens: 1_000_000, outputTokens: 100_000 }, price)).toBeCloseTo(15);
    const cached = { inputTokens: 1_000_000, outputTokens: 0, cacheReadTokens: 800_000, cacheWriteTokens: 100_000 };
    expect(costOf(cached, price)).toBeCloseTo(1 + 0.8 + 1.25);
  });

  it("is what the provider says, where it says it", () => {
    expect(costOf({ inputTokens: 1, outputTokens: 1, cost: 0.5 }, price)).toBe(0.5);
  });

  it("is not known where a price is missing for what was used, and not nothing", () => {
    expect(costOf({ inputTokens: 10, outputTokens: 1 })).toBeUndefined();
    expect(costOf({ inputTokens: 10, outputTokens: 1, cacheReadTokens: 5 }, { input: 1, output: 1 })).toBeUndefined();
    expect(costOf({ inputTokens: 10, outputTokens: 0 }, { input: 1 })).toBeCloseTo(0.00001);
  });
});

describe("the record", () => {
  it("has each model call of a turn, with whose it is by the host's word", async () => {
    const { host } = await usageHost({ scripts: [took({ inputTokens: 1_000, outputTokens: 100, cacheReadTokens: 400, reasoningTokens: 30 })] });
    await using _ = host;
    await call(host, "r1");
    await call(host, "r1");
    await call(host, "r2", "other");
    const cost = 3 * ((600 * 10 + 400 * 1 + 100 * 50) / 1_000_000);
    const { total, rows } = await totals(host, { by: "session" });
    expect(total).toMatchObject({
      calls: 3,
      failed: 0,
      unknown: 0,
      unpriced: 0,
      inputTokens: 3_000,
      outputTokens: 300,
      cacheReadTokens: 1_200,
      reasoningTokens: 90,
    });
    expect(total.cost).toBeCloseTo(cost);
    expect(rows.map(({ of, calls }: any) => [of, calls])).toEqual([
      ["main", 2],
      ["other", 1],
    ]);
    for (const [by, of] of [
      ["model", "test/m"],
      ["agent", "main"],
      ["day", expect.stringMatching(/^\d{4}-\d\d-\d\d$/)],
    ])
      expect((await totals(host, { by })).rows).toMatchObject([{ of, calls: 3 }]);
    expect((await totals(host, { sessionKey: "main", runId: "last" })).total.calls).toBe(2);
    expect((await totals(host, { since: Date.now() + 60_000 })).total.calls).toBe(0);
  });

  it("tells tokens and costs that nobody said as not known, and failures as failures", async () => {
    const scripts = [took(undefined), new PlinthError("PLINTH_MODEL_AUTH", "No."), took({ inputTokens: 10, outputTokens: 1 })];
    const { host } = await usageHost({ scripts, models: [{ id: "m" }] });
    await using _ = host;
    await call(host, "r1");
    await expect(call(host, "r2")).rejects.toMatchObject({ code: "PLINTH_MODEL_AUTH" });
    await call(host, "r3");
    expect((await totals(host)).total).toMatchObject({ calls: 3, failed: 1, unknown: 1, unpriced: 1, inputTokens: 10, cost: 0 });
    expect(await said(host)).toContain("cost not known");
  });

  it("has calls of models for other purposes as well, as far as they say what they took", async () => {
    const answer = { model: "e", identity: "e", dimensions: 1, form: "float32", vectors: ["AACAPw=="] };
    const usages = [{ inputTokens: 40 }, { credits: 1, cost: 0.25 }, undefined];
    const embedding = {
      contract: "plinth.embedding",
      id: "vectors",
      descriptor: { title: "Vectors", priority: 1 },
      provider: {
        status: () => ({ ready: true, defaultModel: "e" }),
        models: () => ({ models: [{ id: "e" }] }),
        embed: () => {
          const usage = usages.shift();
          return usage === undefined ? answer : { ...answer, usage };
        },
      } as never,
    };
    const { host } = await usageHost({ provide: [embedding], config: { limits: { day: { usd: 1, tokens: 500 } } } });
    await using _ = host;
    const embed = (text: string) =>
      host.as(inTurn("r1"), () =>
        host
          .use("plinth.embedding")
          .get("models")
          .embed({ model: "vectors/e", inputs: [[{ type: "text", text }]] }),
      );
    for (let n = 0; n < 3; n++) await embed("hello");
    expect((await totals(host, { by: "model" })).rows).toMatchObject([
      { of: "vectors/e", calls: 3, unknown: 1, unpriced: 1, inputTokens: 40, outputTokens: 0, cost: 0.25 },
    ]);
    await expect(embed("x".repeat(4_000))).rejects.toMatchObject({ code: "PLINTH_SPENDING_LIMIT" });
  });

  it("leaves what a provider says of its limits to be read of its status", async () => {
    const limits = [{ of: "requests", limit: 60, left: 59 }];
    const { host } = await usageHost({
      scripts: [
        [
          { type: "text", delta: "hi" },
          { type: "limits", limits },
          { type: "end", reason: "stop" },
        ],
      ],
    });
    await using _ = host;
    const status = () => host.use("plinth.models").one().status({ provider: "test" });
    expect(await status()).not.toHaveProperty("limits");
    await call(host, "r1");
    expect(await status()).toMatchObject({ ready: true, limits });
  });

  it("is the product's to write and the owner's to read", async () => {
    const intruder = {
      manifest: {
        ...{
          id: "acme.forger",
          version: "1.0.0",
          engines: { plinth: "^0.1.0" },
          entry: "./index.js",
          tiers: ["host"],
          title: "F",
          description: "F.",
          license: "MIT",
        },
        provides: [{ contract: "plinth.gateway-method", version: "1.0.0", id: "forge", descriptor: { summary: "F.", scope: "read" } }],
        uses: [{ contract: "plinth.usage", range: "^1" }],
      },
      extension: {
        activate(ctx: any) {
          const record = ctx.use("plinth.usage").one();
          const ways: Record<string, () => unknown> = {
            admit: () => record.admit({ provider: "p", model: "m", inputTokens: 1, by: "plinth.native" })[Symbol.asyncIterator]().next(),
            settle: () => record.settle({ call: "x", status: "ok", usage: { inputTokens: 0, outputTokens: 0 } }),
            totals: () => record.totals({ by: "all" }),
            limits: () => record.limits({}),
          };
          ctx.provide("plinth.gateway-method", "forge", { call: (way: string) => ways[way]!() });
        },
      },
    };
    await using host = await createTestHost({ extensions: [{ manifest, extension }, intruder], principal: owner });
    for (const way of ["admit", "settle", "totals", "limits"])
      await expect(host.use("plinth.gateway-method").get("forge").call(way)).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    await expect(host.as({ role: "guest", via: "x" }, () => host.use("plinth.usage").one().totals({ by: "all" }))).rejects.toMatchObject({
      code: "PLINTH_PERMISSION",
    });
  });

  it("stays bounded", async () => {
    const { host } = await usageHost({ config: { keepCalls: 1_000 } });
    await using _ = host;
    const record = host.use("plinth.models").one();
    expect(record).toBeDefined();
    for (let n = 0; n < 1_300; n++) await call(host, `r${n}`);
    expect((await totals(host)).total.calls).toBeLessThanOrEqual(1_256);
  }, 60_000);
});

describe("limits", () => {
  const spends = took({ inputTokens: 50_000, outputTokens: 10_000 }); // $1.00

  it("ask before the call that would pass one, with what is known of it, and go on with a yes for the turn", async () => {
    const { host, questions, asked } = await usageHost({ config: { limits: { turn: { usd: 1.5 } } }, scripts: [spends], answers: ["once"] });
    await using _ = host;
    await call(host, "r1");
    await call(host, "r1");
    expect(questions).toHaveLength(0);
    expect(await call(host, "r1")).toEqual([
      "model",
      expect.stringContaining("The limit for this turn is reached: $2.00 of $1.50"),
      "text",
      "usage",
      "end",
    ]);
    expect(questions[0]).toMatchObject({
      ...{ kind: "approval", sessionKey: "main", runId: "r1", agent: "main" },
      action: { effect: "spend", args: { model: "test/m", reads: "about 2 tokens of 8k", pricePerMillion: { input: 10, output: 50 } } },
      options: [{ id: "once" }, { id: "session", label: "$1.50 more for this turn" }, { id: "deny" }],
    });
    await call(host, "r1");
    await call(host, "r2");
    expect(questions).toHaveLength(1);
    expect(asked()).toBe(5);
  });

  it("count what the next call reads, so that a long one is asked for before", async () => {
    const { host, questions } = await usageHost({ config: { limits: { turn: { tokens: 1_000 } } }, answers: ["deny"] });
    await using _ = host;
    await expect(call(host, "r1", "main", "word ".repeat(2_000))).rejects.toMatchObject({ code: "PLINTH_SPENDING_LIMIT" });
    expect(questions[0].why).toBe("The limit for this turn would be passed: 0 of 1k tokens.");
  });

  it("let as much be spent again, and ask then", async () => {
    const { host, questions } = await usageHost({ config: { limits: { day: { usd: 2 } } }, scripts: [spends], answers: ["session", "deny"] });
    await using _ = host;
    for (let n = 0; n < 4; n++) await call(host, `r${n}`);
    expect(questions).toHaveLength(1);
    await expect(call(host, "r5")).rejects.toMatchObject({
      code: "PLINTH_SPENDING_LIMIT",
      message: expect.stringContaining("the owner said no. The limit for today is reached: $4.00 of $4.00"),
    });
    expect(await said(host)).toContain("- Limit for today: $4.00 of $4.00");
  });

  it("hold for a session and for an agent alone", async () => {
    const config = { limits: { session: { usd: 0.5 }, agents: { other: { tokens: 10 } } } };
    const { host, asked } = await usageHost({ config, scripts: [spends], answers: [undefined, undefined] });
    await using _ = host;
    await call(host, "r1");
    await expect(call(host, "r2")).rejects.toMatchObject({
      code: "PLINTH_SPENDING_LIMIT",
      message: expect.stringContaining("nobody answered in time"),
    });
    await call(host, "r3", "second");
    expect(asked()).toBe(2);
  });

  it("refuse where nobody can be asked, and ask no other model instead", async () => {
    const { host, asked } = await usageHost({ config: { limits: { day: { usd: 0.5 } } }, scripts: [spends] });
    await using _ = host;
    await call(host, "r1");
    await expect(call(host, "r2")).rejects.toMatchObject({
      code: "PLINTH_SPENDING_LIMIT",
      message: expect.stringContaining("nobody could be asked"),
    });
    const outside = host.as({ role: "owner", via: "test" }, async () => {
      for await (const _ of host
        .use("plinth.models")
        .one()
        .stream({ model: "test/m", messages: [], fallbacks: ["test/n"] }));
    });
    await expect(outside).rejects.toMatchObject({ code: "PLINTH_SPENDING_LIMIT", message: expect.stringContaining("nobody can be asked here") });
    expect(asked()).toBe(1);
  });

  it("in money ask once about a model whose price is not known, unless it runs here or may be asked", async () => {
    const given = { config: { limits: { day: { usd: 1 } } }, models: [{ id: "m" }], answers: ["session"] };
    const { host, questions } = await usageHost(given);
    await using _ = host;
    await call(host, "r1");
    await call(host, "r2");
    expect(questions).toHaveLength(1);
    expect(questions[0].why).toContain("The price of test/m is not known");
    for (const more of [{ local: true }, { config: { ...given.config, unpriced: "allow" } }]) {
      const other = await usageHost({ ...given, ...more });
      await using _ = other.host;
      await call(other.host, "r1");
      expect(other.questions).toHaveLength(0);
    }
  });

  it("in money never ask about a model that nobody is paid for, however much was spent; in tokens they do", async () => {
    const given = { models: [{ id: "m" }], unbilled: {}, scripts: [spends], answers: ["deny"] };
    const { host, questions } = await usageHost({ ...given, config: { limits: { day: { usd: 0.5 }, turn: { tokens: 100_000 } } } });
    await using _ = host;
    await call(host, "r1");
    await call(host, "r1");
    expect(questions).toHaveLength(0);
    expect(await said(host)).toContain("20k written, at no cost");
    await expect(call(host, "r1")).rejects.toMatchObject({ code: "PLINTH_SPENDING_LIMIT" });
    expect(questions[0].why).toContain("tokens");
    const reached = { state: { scope: "day", of: "", usd: { limit: 1, spent: 2 } } } as never;
    expect([passes(reached, { usd: null, tokens: 1 }), passes(reached, { usd: 0, tokens: 1 })]).toEqual([false, true]);
    const elsewhere = await usageHost({ ...given, unbilled: { except: ["m"] }, config: { limits: { day: { usd: 1 } } } });
    await using __ = elsewhere.host;
    await expect(call(elsewhere.host, "r1")).rejects.toMatchObject({ code: "PLINTH_SPENDING_LIMIT" });
  });

  it("reserve nothing for a call that failed at once, and what it reads for one that was broken off", async () => {
    const scripts = [new PlinthError("PLINTH_MODEL_AUTH", "No."), [{ type: "text" as const, delta: "Half" }]];
    const { host } = await usageHost({ config: { limits: { day: { tokens: 100_000 } } }, scripts, answers: [] });
    await using _ = host;
    const spent = async () => (await host.as(owner, () => host.use("plinth.usage").one().limits({}))).limits[0]?.tokens?.spent;
    await expect(call(host, "r1", "main", "x".repeat(4_000))).rejects.toMatchObject({ code: "PLINTH_MODEL_AUTH" });
    expect(await spent()).toBe(0);
    await expect(call(host, "r2", "main", "x".repeat(4_000))).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    expect(await spent()).toBe(1_000);
  });
});
