import { createTestHost } from "@plinth/sdk/testing";
import { expect, it } from "vitest";
import extension from "../index.ts";
import type { Terminal } from "../line.ts";
import manifest from "../plinth.json" with { type: "json" };

const sum = (more: object) => ({
  ...{ calls: 1, failed: 0, unknown: 0, unpriced: 0, inputTokens: 0, outputTokens: 0 },
  ...{ cacheReadTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0, cost: 0, ...more },
});

async function usage(argv: string[], rows: object[], columns = 80): Promise<{ out: string; err: string; asked: any[] }> {
  const asked: unknown[] = [];
  const provider = {
    totals: (input: unknown) => {
      asked.push(input);
      return { rows, total: sum({ calls: 4, failed: 1, unknown: 1, unpriced: 1, inputTokens: 12_345, outputTokens: 67, cost: 1.5 }) };
    },
    limits: () => ({ limits: [{ scope: "day", of: "2026-03-01", usd: { limit: 5, spent: 1.5 } }] }),
  };
  await using host = await createTestHost({
    extensions: [{ manifest, extension }],
    provide: [{ contract: "plinth.usage", descriptor: { title: "Scripted" }, provider: provider as never }],
  });
  const terminal: Terminal = { cwd: "/", json: argv.includes("--json"), tty: false, columns, color: false, local: true };
  return await host.as({ role: "owner", via: "test" }, async () => {
    const said = { out: "", err: "", asked };
    for await (const item of host
      .use("plinth.entry")
      .one()
      .main({ argv: ["usage", ...argv], terminal })) {
      if ("out" in item) said.out += item.out;
      if ("err" in item) said.err += item.err;
    }
    return said;
  });
}

const rows = [
  { of: "openai/gpt-5", ...sum({ inputTokens: 12_345, outputTokens: 67, cost: 1.5 }) },
  { of: "acme/\u001b[31mnew", ...sum({ unpriced: 1 }) },
  { of: "ollama/small", ...sum({ inputTokens: 5, outputTokens: 6, cost: 0 }) },
  { of: "", ...sum({ failed: 1 }) },
];

it("is a table that says what is not known, and fits the terminal", async () => {
  const { out, asked } = await usage([], rows);
  expect(out).toMatch(/MODEL +CALLS +READ +CACHED +WRITTEN +COST\nopenai\/gpt-5 +1 +12,345 +0 +67 +\$1\.50\n/);
  expect(out).toMatch(/new +1 +0 +0 +0 +not known\n/);
  expect(out).toMatch(/small +1 +5 +0 +6 +nothing\n/);
  expect(out).toMatch(/no model +1\n/);
  expect(out).toContain("Of one call the tokens are not known");
  expect(out).toMatch(/today +\$1\.50 of \$5\.00/);
  expect(out).not.toContain("\u001b");
  expect(asked).toMatchObject([{ by: "model" }]);
  for (const line of (await usage([], rows, 50)).out.split("\n").slice(0, 6)) expect(line.length).toBeLessThanOrEqual(50);
});

it("takes by what, since when and of which session, and corrects what it cannot take", async () => {
  const { asked, out } = await usage(["--by", "day", "--since", "2026-03-01", "--session", "trip", "--json"], []);
  expect(asked).toEqual([{ by: "day", since: new Date(2026, 2, 1).getTime(), sessionKey: "trip" }]);
  expect(JSON.parse(out)).toMatchObject({ by: "day", total: { calls: 4 }, limits: [{ scope: "day" }] });
  expect((await usage(["--by", "mood"], [])).err).toContain("Name one of model, agent, session, day, extension.");
  expect((await usage(["--since", "yore"], [])).err).toContain("which is no time");
});
