import { expect, it } from "vitest";
import { call, inTurn, took, usageHost } from "./usage.testing.ts";

const limits = { session: { tokens: 50_000, usd: 100 }, day: { tokens: 100_000, usd: 100 } };

it.each([
  ["more tokens than a number holds", { inputTokens: 9e18 }],
  ["more tokens than a file holds", { inputTokens: 1, outputTokens: 1e300 }],
  ["a cache that holds more than that", { inputTokens: 1, cacheReadTokens: 1e300 }],
  ["a cost beyond all money", { cost: 1.7e308 }],
])("a server that claims %s stops nobody else's calls", async (_, usage) => {
  const { host, asked } = await usageHost({ config: { limits }, scripts: [took(usage), took(usage), took({ inputTokens: 100, outputTokens: 10 })] });
  await using _host = host;
  for (const run of ["r1", "r2", "r3", "r4"]) expect(await call(host, run)).toContain("end");
  expect(asked()).toBe(4);
  const owner = inTurn("r0");
  const keeps = host.use("plinth.usage").one();
  const { total } = await host.as(owner, () => keeps.totals({ by: "all" }));
  expect(total).toMatchObject({ calls: 4, failed: 0, outputTokens: 20 });
  expect(total.inputTokens).toBeLessThan(1_000);
  expect(total.cost).toBeLessThan(1);
  const { limits: states } = await host.as(owner, () => keeps.limits({ sessionKey: "main" }));
  for (const { tokens } of states) expect(tokens?.spent).toBeLessThan(1_000);
});

it("a price beyond all money is one that is not known", async () => {
  const models = [{ id: "m", price: { input: 1.7e308, output: 1.7e308 } }];
  const { host } = await usageHost({ config: { limits, unpriced: "allow" }, models });
  await using _ = host;
  for (const run of ["r1", "r2"]) expect(await call(host, run, "main", "x".repeat(8_000))).toContain("end");
  const { total } = await host.as(inTurn("r0"), () => host.use("plinth.usage").one().totals({ by: "all" }));
  expect(total).toMatchObject({ calls: 2, unpriced: 2, cost: 0 });
});
