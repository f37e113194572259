import { globSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cleanUp } from "../e2e/lab.ts";
import { type Row, run } from "./attack.ts";
import type { HostileCase, Tier } from "./case.ts";
import { type Laboratory, openLaboratory } from "./laboratory.ts";
import { moveOut } from "./neighbours.ts";
import { readTable, tableOf, writeTable } from "./table.ts";

const LANES = 4;
const TIERS: readonly Tier[] = ["isolate", "process"];
const wanted = process.env.PLINTH_HOSTILE ?? "";
const words = wanted === "" || wanted === "all" ? [] : wanted.split(",");

const files = globSync("cases/*.ts", { cwd: import.meta.dirname }).sort();
const all: HostileCase[] = (await Promise.all(files.map((file) => import(join(import.meta.dirname, file))))).flatMap((module) => module.cases);
const chosen = all.filter(({ id }) => words.length === 0 || words.some((word) => id.includes(word)));
const every = chosen.flatMap((hostile) => TIERS.filter((tier) => hostile.stopped[tier] !== undefined).map((tier) => ({ hostile, tier })));
const skipped = wanted === "" ? every.filter(({ hostile, tier }) => hostile.slow?.includes(tier)) : [];
const runs = every.filter((one) => !skipped.includes(one));
const rows: Row[] = [];
const times: [ms: number, run: string][] = [];
let laboratory: Laboratory;

/** One at a time, in the order in which they are asked for. */
function lane(): <T>(body: () => Promise<T>) => Promise<T> {
  let tail: Promise<unknown> = Promise.resolve();
  return (body) => {
    const next = tail.then(body);
    tail = next.catch(() => {});
    return next;
  };
}

describe("a hostile extension is contained", () => {
  /** All attacks are under way from the beginning; each test waits for its own. */
  const outcomes = new Map<object, Promise<Row>>();

  beforeAll(async () => {
    laboratory = await openLaboratory();
    const beside = runs.filter(({ hostile }) => !hostile.alone);
    const queue = [...beside];
    const settle = new Map(runs.map((one) => [one, Promise.withResolvers<Row>()]));
    for (const [one, { promise }] of settle) {
      promise.catch(() => {});
      outcomes.set(one, promise);
    }
    const attack = async (one: (typeof runs)[number]): Promise<void> => {
      const { resolve, reject } = settle.get(one) as PromiseWithResolvers<Row>;
      const began = performance.now();
      await run(laboratory, one.hostile, one.tier).then(resolve, reject);
      times.push([performance.now() - began, `${one.hostile.id}.${one.tier}`]);
      if (process.env.PLINTH_HOSTILE_TIMES) console.error(`${one.hostile.id}.${one.tier} ${Math.round(performance.now() - began)} ms`);
    };
    const lanes = Array.from({ length: LANES }, async () => {
      for (let one = queue.shift(); one !== undefined; one = queue.shift()) await attack(one);
    });
    void Promise.all(lanes).then(async () => {
      for (const one of runs) if (one.hostile.alone) await attack(one);
    });
  });

  afterAll(async () => {
    const slowest = times.sort(([a], [b]) => b - a).slice(0, 8);
    console.log(`the longest: ${slowest.map(([ms, run]) => `${run} ${(ms / 1000).toFixed(1)} s`).join(", ")}`);
    await laboratory.ordinary.stop();
    console.log(`ordinary turns: ${laboratory.ordinary.done} answered; a tool was late and asked for again ${laboratory.ordinary.late} times`);
    await laboratory.close();
    await cleanUp();
  });

  it("every id is its own", () => {
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    if (skipped.length > 0)
      console.log(
        `skipped, because they take long (PLINTH_HOSTILE=all runs them): ${skipped.map(({ hostile, tier }) => `${hostile.id}.${tier}`).join(", ")}`,
      );
  });

  const again = lane();
  it.for(runs.map((one) => [`${one.hostile.id}, ${one.tier}: it ${one.hostile.tries}`, one] as const))(
    "%s",
    { timeout: 300_000 },
    async ([, one], { task }) => {
      const retried = (task.result?.retryCount ?? 0) > 0;
      rows.push(await (retried ? again(() => run(laboratory, one.hostile, one.tier)) : (outcomes.get(one) as Promise<Row>)));
    },
  );

  it("afterwards everybody was answered, and nothing of any of them is left", async () => {
    await laboratory.ordinary.stop();
    expect(laboratory.ordinary.failures).toEqual([]);
    expect(laboratory.ordinary.done).toBeGreaterThan(runs.length);
    await moveOut(laboratory.client);
    const { extensions } = await laboratory.client.request("status", {});
    expect(extensions.filter((one: any) => !one.bundled)).toEqual([]);
    await expect.poll(() => laboratory.descendants.now().length, { timeout: 10_000 }).toBeLessThanOrEqual(4);
    await laboratory.gateway.stop();
    await expect.poll(() => laboratory.descendants.alive(), { timeout: 10_000 }).toEqual([]);
  }, 60_000);

  it.runIf(words.length === 0)("docs/security/containment.md tells what was found", async () => {
    expect(new Set(rows.map(({ case: { id }, tier }) => `${id} ${tier}`)).size, "rows").toBe(runs.length);
    const table = tableOf(all);
    if (process.env.PLINTH_WRITE_DOCS === "1") await writeTable(table);
    expect(await readTable(), "PLINTH_WRITE_DOCS=1 writes it anew").toBe(table);
  });
});
