import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decide, EFFECTS, type Effect, LEVELS } from "./authority.ts";
import { Origin } from "./origin.ts";

/**
 * What a turn may do by itself, written down apart from the code. R = at once, A = an owner is asked.
 *              read write net exec send spend administer
 */
const TABLE: Record<string, string> = {
  owner: /* */ "R    R     R   R    R    R     R",
  granted: /**/ "R    R     R   R    R    R     A",
  untrusted: /* */ "R    R     R   A    A    A     A",
};
const COLUMNS: Effect[] = ["read", "write", "net", "exec", "send", "spend", "administer"];

describe("the table of authority", () => {
  it("has these rows and columns, and no others", () => {
    expect(LEVELS).toEqual(["owner", "granted", "untrusted"]);
    expect([...EFFECTS].sort()).toEqual([...COLUMNS].sort());
  });

  it.each(Object.keys(TABLE).flatMap((level) => COLUMNS.map((effect, at) => [level, effect, TABLE[level]!.split(/\s+/)[at]!] as const)))(
    "%s × %s = %s",
    (level, effect, cell) => {
      const influences = level === "owner" ? [] : [{ party: "acme.x", how: "changed message.received" }];
      const { verdict, effects, parties } = decide(influences, [effect], () => level === "granted");
      expect(verdict).toBe(cell === "R" ? "run" : "ask");
      expect(effects).toEqual(cell === "R" ? [] : [effect]);
      expect(parties).toEqual(cell === "R" ? [] : influences);
    },
  );

  it("an effect that nobody knows counts as the gravest", () => {
    for (const effect of ["", "Exec", "exec ", "constructor", "__proto__", "delete"])
      expect(decide([{ party: "acme.x", how: "" }], [effect], () => true)).toMatchObject({ verdict: "ask", effects: ["administer"] });
  });

  it("what is always asked for is asked for whoever had a hand in it, and whatever was granted", () => {
    expect(decide([], ["exec"], () => true, ["exec"])).toMatchObject({ verdict: "ask", effects: ["exec"] });
    expect(decide([{ party: "acme.x", how: "" }], ["exec"], () => true, ["exec"])).toMatchObject({ verdict: "ask" });
    expect(decide([], ["write"], () => true, ["exec"])).toMatchObject({ verdict: "run" });
  });

  it("one party that is trusted less decides, and is the one that is named", () => {
    const [a, b] = [
      { party: "acme.a", how: "answered" },
      { party: "acme.b", how: "answered" },
    ];
    expect(decide([a, b], ["read", "exec"], (party) => party === "acme.a")).toEqual({ verdict: "ask", effects: ["exec"], parties: [b] });
  });
});

const party = fc.constantFrom("acme.a", "acme.b", "outside", "guest:x", "evil.c");
const effect = fc.constantFrom(...EFFECTS);

describe("authority", () => {
  it("never rises, whatever happens to a piece of work, its branches and theirs", () => {
    const step = fc.oneof(
      fc.record({ what: fc.constant("lower" as const), who: party, at: fc.nat() }),
      fc.record({ what: fc.constant("branch" as const), who: party, at: fc.nat() }),
      fc.record({ what: fc.constant("answer" as const), who: party, at: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.uniqueArray(fc.tuple(party, effect), { maxLength: 8 }), (steps, grants) => {
        const granted = (who: string, what: Effect) => grants.some(([one, other]) => one === who && other === what);
        const asks = (origin: Origin) => EFFECTS.filter((one) => decide(origin.influences, [one], granted).verdict === "ask");
        const works: { origin: Origin; parent: Origin | null }[] = [{ origin: new Origin(), parent: null }];
        const before = new Map<Origin, { asked: Effect[]; parties: Set<string> }>();
        for (const { what, who, at } of steps) {
          const work = works[at % works.length]!;
          if (what === "lower") work.origin.lower(who, "did");
          if (what === "branch") {
            const origin = new Origin(work.origin);
            origin.lower(who, "asked");
            works.push({ origin, parent: work.origin });
          }
          if (what === "answer" && work.parent !== null) {
            const carried = work.origin.influences.map((one) => one.party);
            work.parent.lower(who, "answered");
            work.parent.absorb(work.origin);
            // Whatever a branch went through comes back with its answer.
            expect(new Set(work.parent.influences.map((one) => one.party))).toEqual(
              new Set([...work.parent.influences.map((one) => one.party), ...carried]),
            );
          }
          for (const { origin, parent } of works) {
            const parties = new Set(origin.influences.map((one) => one.party));
            const held = before.get(origin);
            for (const one of held?.parties ?? []) expect(parties.has(one)).toBe(true);
            for (const one of held?.asked ?? []) expect(asks(origin)).toContain(one);
            for (const one of parent?.influences ?? []) expect(parties.has(one.party)).toBe(true);
            before.set(origin, { asked: asks(origin), parties });
          }
        }
      }),
    );
  });

  it("falls with each further party, and is that of the least trusted one", () => {
    fc.assert(
      fc.property(fc.uniqueArray(party, { maxLength: 5 }), effect, fc.array(fc.tuple(party, effect)), (parties, what, grants) => {
        const granted = (who: string, one: Effect) => grants.some(([a, b]) => a === who && b === one);
        const of = (some: string[]) =>
          decide(
            some.map((one) => ({ party: one, how: "" })),
            [what],
            granted,
          ).verdict;
        const alone = parties.map((one) => of([one]));
        expect(of(parties)).toBe(alone.includes("ask") ? "ask" : "run");
      }),
    );
  });

  it("parties without number become one that nobody grants anything by name", () => {
    const origin = new Origin();
    for (let n = 0; n < 1_000; n++) origin.lower(`acme.x${n}`, "did");
    expect(origin.influences.length).toBeLessThanOrEqual(65);
    expect(origin.influences.at(-1)).toEqual({ party: "outside", how: "many others" });
  });
});
