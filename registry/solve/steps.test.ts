import { describe, expect, it } from "vitest";
import { type Release, type SolveInput, solve } from "./index.ts";

type Facts = Partial<Release["manifest"]>;
const versionsOf = (count: number, facts: (at: number) => Facts): Release[] =>
  Array.from({ length: count }, (_, at) => ({ version: `1.${at}.0`, manifest: { engines: { plinth: "*" }, ...facts(at) } }));

/** What a question comes to, and how many versions, ranges and requirements were looked at for it. */
async function ask(world: Record<string, Release[]>, wanted: string[], more: Partial<SolveInput> = {}): Promise<{ answer: string; steps: number }> {
  const meter = { steps: 0 };
  const releases = async (id: string) => world[id] ?? [];
  const by = wanted.map((id) => ({ id, range: "*", by: "you" }));
  const input = { host: "1.0.0", contracts: new Map(), fixed: new Map(), preferred: new Map(), wanted: by, releases, meter, ...more };
  const answer = await solve(input).then(
    (found) => [...found].map(([id, { release }]) => `${id} ${release.version}`).join(", "),
    (thrown: { code: string }) => thrown.code,
  );
  return { answer, steps: meter.steps };
}

/** A version costs its own parsing, a few looks, and what it takes to find a place among all others: log2 of 15,000 is 14. */
const EACH = 60;
const none = "PLINTH_VERSION_CONFLICT";

describe("two packages of 1,200 versions cost steps as for 2,400 versions, where", () => {
  const pair = (a: (at: number) => Facts, b: (at: number) => Facts) => ({ "a.a": versionsOf(1_200, a), "b.b": versionsOf(1_200, b) });
  const contract = (version: string) => ({ defines: [{ id: "a.a.c", version } as never] });
  it.each<[string, Record<string, Release[]>, string]>([
    [
      "each version of one needs what the other has not",
      pair(
        () => ({ extensions: { "b.b": "^2" } }),
        () => ({}),
      ),
      none,
    ],
    [
      "each needs the other, which needs another one",
      pair(
        () => ({ extensions: { "b.b": "*" } }),
        () => ({ extensions: { "a.a": "0.0.1" } }),
      ),
      none,
    ],
    [
      "each needs the other, which needs another one, in other words each time",
      pair(
        (at) => ({ extensions: { "b.b": `>=1.0.${at}` } }),
        (at) => ({ extensions: { "a.a": `0.0.${at}` } }),
      ),
      none,
    ],
    [
      "each needs the one after the one that needs it",
      pair(
        (at) => ({ extensions: { "b.b": `1.${(at + 1) % 1_200}.0` } }),
        (at) => ({ extensions: { "a.a": `1.${at}.0` } }),
      ),
      none,
    ],
    [
      "only the oldest two fit",
      pair(
        (at) => ({ extensions: { "b.b": at === 0 ? "1.0.0" : "^2" } }),
        () => ({}),
      ),
      "a.a 1.0.0, b.b 1.0.0",
    ],
    [
      "each uses a contract that nobody defines",
      pair(
        () => ({ extensions: { "b.b": "*" }, uses: [{ contract: "x.y.z", range: "^1" }] }),
        () => ({}),
      ),
      none,
    ],
    [
      "each is for another host",
      pair(
        () => ({ extensions: { "b.b": "*" } }),
        () => ({ engines: { plinth: "^9" } }),
      ),
      none,
    ],
    [
      "each fights with a part of the product",
      pair(
        () => ({ extensions: { "b.b": "*" } }),
        () => ({ extensions: { "c.c": "^9" } }),
      ),
      none,
    ],
  ])("%s", async (_what, world, expected) => {
    const fixed = new Map([["c.c", { version: "1.0.0", manifest: { engines: { plinth: "*" } } }]]);
    for (const wanted of [["a.a"], ["a.a", "b.b"], ["b.b", "a.a"]]) {
      const { answer, steps } = await ask(world, wanted, { fixed });
      if (wanted[0] === "a.a") expect(answer).toBe(expected);
      expect(steps).toBeLessThan(2_400 * EACH);
    }
  });

  it("each defines a contract in a version that no version of the other can use: bounded all the same", async () => {
    const world = pair(
      (at) => ({ extensions: { "b.b": "*" }, ...contract(`1.${at}.0`) }),
      () => ({ uses: [{ contract: "a.a.c", range: "^2" }] }),
    );
    const { answer, steps } = await ask(world, ["a.a"]);
    expect(answer).toBe(none);
    expect(steps).toBeLessThan(1_000_000);
  });
});

it("one package of 3,000 versions, each with sixty needs and uses, costs steps as for its needs", async () => {
  const needs = (at: number) => Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`b.b${n}`, `^1.${at % 7}`]));
  const uses = Array.from({ length: 60 }, (_, n) => ({ contract: `x.y.c${n}`, range: "^1" }));
  const world: Record<string, Release[]> = { "a.a": versionsOf(3_000, (at) => ({ extensions: needs(at), uses })) };
  for (let n = 0; n < 60; n++) world[`b.b${n}`] = versionsOf(3, () => ({}));
  const { answer, steps } = await ask(world, ["a.a"]);
  expect(answer).toBe(none);
  expect(steps).toBeLessThan(3_000 * 60 * 10);
});

it("15,000 versions cost steps as for 15,000, whether the newest fits or the oldest only", async () => {
  const world = {
    "a.a": versionsOf(15_000, (at) => ({ extensions: { "b.b": `>=1.${at}.0` } })),
    "b.b": versionsOf(15_000, () => ({})),
    "c.c": versionsOf(15_000, (at) => ({ extensions: { "a.a": at === 0 ? "1.0.0" : "^2" } })),
  };
  expect(await ask(world, ["a.a"]).then(({ answer, steps }) => [answer, steps < 30_000 * 3])).toEqual(["a.a 1.14999.0, b.b 1.14999.0", true]);
  const { answer, steps } = await ask(world, ["c.c"]);
  expect(answer).toBe("a.a 1.0.0, b.b 1.14999.0, c.c 1.0.0");
  expect(steps).toBeLessThan(45_000 * EACH);
});

it("a question that could go on for ever is refused, and says whose versions it was about", async () => {
  const world: Record<string, Release[]> = {};
  for (let n = 0; n < 12; n++)
    world[`a.a${n}`] = versionsOf(300, (at) => ({
      extensions: { [`a.a${(n + 5) % 12}`]: `>=1.${at % 2 === 0 ? 0 : 299}.0`, [`a.a${(n + 7) % 12}`]: `<=1.${at}.0` },
    }));
  for (const all of Object.values(world))
    for (const one of all) Object.assign(one.manifest, { uses: [{ contract: "x.y.z", range: "^1" }], defines: [] });
  world["a.a0"]?.push({ version: "0.0.1", manifest: { engines: { plinth: "*" }, extensions: { "q.q": "*" } } });
  world["q.q"] = [{ version: "1.0.0", manifest: { engines: { plinth: "*" }, extensions: { "never.known": "*" } } }];
  const { answer, steps } = await ask(world, Object.keys(world).slice(0, 12));
  expect(answer).toBe(none);
  expect(steps).toBeLessThan(5_100_000);
});
