import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findCycle, type Ordered, orderSubscribers, type Stage } from "./order.ts";

const RANK = { early: 0, normal: 1, late: 2 };
const names = ["a.a", "b.b", "c.c", "d.d", "e.e", "f.f"];
const subscribers = fc.uniqueArray(fc.constantFrom(...names), { maxLength: 6 }).chain((ids) =>
  fc.tuple(
    ...ids.map((extension) =>
      fc.record({
        extension: fc.constant(extension),
        stage: fc.constantFrom<Stage>("early", "normal", "late"),
        before: fc.subarray([...names, "not.here"], { maxLength: 2 }),
        after: fc.subarray([...names, "not.here"], { maxLength: 2 }),
      }),
    ),
  ),
) as fc.Arbitrary<Ordered[]>;

/** Whether `first` must run before `second`. */
const precedes = (first: Ordered, second: Ordered): boolean =>
  RANK[first.stage] < RANK[second.stage] || first.before.includes(second.extension) || second.after.includes(first.extension);

describe("the order of subscribers", () => {
  it("is a permutation that respects stages, before and after; what cannot be ordered is a real cycle", () => {
    fc.assert(
      fc.property(subscribers, (all) => {
        const { order, problem } = orderSubscribers(all);
        order.forEach((one, index) => {
          for (const earlier of order.slice(0, index)) expect(precedes(one, earlier)).toBe(false);
        });
        if (problem === null) {
          expect([...order].map((one) => one.extension).sort()).toEqual(all.map((one) => one.extension).sort());
          return;
        }
        const path = (/: (.*)\.$/.exec(problem.message)?.[1] ?? "").split(" → ");
        expect(problem.code).toBe("PLINTH_CYCLE");
        expect(path.length).toBeGreaterThan(1);
        expect(path[0]).toBe(path.at(-1));
        const byId = new Map(all.map((one) => [one.extension, one]));
        for (let n = 1; n < path.length; n++)
          expect(precedes(byId.get(path[n] as string) as Ordered, byId.get(path[n - 1] as string) as Ordered)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("does not depend on the order of its input", () => {
    fc.assert(
      fc.property(
        subscribers.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
        ([all, shuffled]) => {
          const [one, other] = [orderSubscribers(all), orderSubscribers(shuffled)];
          expect(other.order).toEqual(one.order);
          expect(other.problem?.message).toBe(one.problem?.message);
        },
      ),
    );
  });

  it("is by id where nothing else decides", () => {
    const plain = ["c.c", "a.a", "b.b"].map((extension) => ({ extension, stage: "normal" as const, before: [], after: [] }));
    expect(orderSubscribers(plain).order.map((one) => one.extension)).toEqual(["a.a", "b.b", "c.c"]);
  });

  it("reports an edge against the stages as a cycle", () => {
    const late = { extension: "a.a", stage: "late" as const, before: ["b.b"], after: [] };
    const early = { extension: "b.b", stage: "early" as const, before: [], after: [] };
    expect(orderSubscribers([late, early]).problem?.message).toContain("a.a → b.b → a.a");
  });
});

describe("finding a cycle", () => {
  it("gives a path along the edges that ends where it begins, or nothing when there is none", () => {
    const graph = fc.array(fc.tuple(fc.nat({ max: 6 }), fc.nat({ max: 6 })), { maxLength: 14 });
    fc.assert(
      fc.property(graph, (edges) => {
        const nodes = ["0", "1", "2", "3", "4", "5", "6"];
        const next = (node: string): string[] => edges.filter(([from]) => String(from) === node).map(([, to]) => String(to));
        const path = findCycle(nodes, next);
        const reaches = (from: string, seen = new Set<string>()): Set<string> => {
          for (const to of next(from)) if (!seen.has(to)) reaches(to, seen.add(to));
          return seen;
        };
        if (path.length === 0) for (const node of nodes) expect(reaches(node).has(node)).toBe(false);
        else {
          expect(path[0]).toBe(path.at(-1));
          for (let n = 1; n < path.length; n++) expect(next(path[n - 1] as string)).toContain(path[n]);
        }
      }),
    );
  });
});
