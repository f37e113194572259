import fc from "fast-check";
import semver from "semver";
import { describe, expect, it } from "vitest";
import { type Release, type SolveInput, solve } from "./index.ts";

type Facts = Partial<Release["manifest"]>;
const release = (version: string, facts: Facts = {}): Release => ({ version, manifest: { engines: { plinth: "^1.0.0" }, ...facts } });

interface World {
  [id: string]: Release[];
}
const question = (world: World, wanted: Record<string, string>, more: Partial<SolveInput> = {}): SolveInput => ({
  host: "1.2.0",
  contracts: new Map([["plinth.tool", ["1.1.0"]]]),
  fixed: new Map(),
  wanted: Object.entries(wanted).map(([id, range]) => ({ id, range, by: "you" })),
  preferred: new Map(),
  releases: async (id) => world[id] ?? [],
  ...more,
});
async function versions(world: World, wanted: Record<string, string>, more: Partial<SolveInput> = {}): Promise<Record<string, string>> {
  const found = await solve(question(world, wanted, more));
  return Object.fromEntries([...found].map(([id, one]) => [id, one.release.version]));
}
const report = (world: World, wanted: Record<string, string>, more: Partial<SolveInput> = {}): Promise<string> =>
  solve(question(world, wanted, more)).then(
    () => "none",
    (thrown: Error & { code: string }) => `${thrown.code}: ${thrown.message}`,
  );

describe("choosing", () => {
  const world: World = {
    "a.app": [release("1.0.0", { extensions: { "a.geo": "^1" } }), release("2.0.0", { extensions: { "a.geo": "^2" } })],
    "a.map": [release("1.0.0", { extensions: { "a.geo": "^1" } }), release("1.1.0", { extensions: { "a.geo": "1.0.x" } })],
    "a.geo": [release("1.0.0"), release("1.5.0"), release("2.0.0"), release("3.0.0-beta.1")],
  };

  it("takes the newest of each, with what they need", async () => {
    expect(await versions(world, { "a.app": "*" })).toEqual({ "a.app": "2.0.0", "a.geo": "2.0.0" });
  });

  it("goes back to an older version when the newest cannot be with the others", async () => {
    expect(await versions(world, { "a.app": "*", "a.map": "*" })).toEqual({ "a.app": "1.0.0", "a.geo": "1.0.0", "a.map": "1.1.0" });
    expect(await versions(world, { "a.app": "^2", "a.map": "*" }).catch(() => "none")).toBe("none");
  });

  it("keeps what is preferred where it can, and takes a prerelease only when asked", async () => {
    expect(await versions(world, { "a.app": "*" }, { preferred: new Map([["a.app", "1.0.0"]]) })).toEqual({ "a.app": "1.0.0", "a.geo": "1.5.0" });
    expect(await versions(world, { "a.geo": ">=3.0.0-beta" })).toEqual({ "a.geo": "3.0.0-beta.1" });
  });

  it("leaves alone what is refused, what is for another host and what is fixed", async () => {
    expect(await versions(world, { "a.geo": "*" }, { refuses: (_id, version) => (version === "2.0.0" ? "it was yanked" : null) })).toEqual({
      "a.geo": "1.5.0",
    });
    const next = { "a.x": [release("2.0.0", { engines: { plinth: "^2" } }), release("1.0.0")] };
    expect(await versions(next, { "a.x": "*" })).toEqual({ "a.x": "1.0.0" });
    expect(await versions(world, { "a.app": "*" }, { fixed: new Map([["a.geo", release("1.0.0")]]) })).toEqual({ "a.app": "1.0.0" });
  });

  it("fits contracts too, the product's and those that extensions define", async () => {
    const defines = (version: string): Facts => ({ defines: [{ id: "a.geo.points", version } as never] });
    const uses = (range: string): Facts => ({ uses: [{ contract: "a.geo.points", range }], extensions: { "a.geo": "*" } });
    const contracts: World = {
      "a.geo": [release("1.0.0", defines("1.0.0")), release("2.0.0", defines("2.0.0")), release("3.0.0")],
      "a.old": [release("1.0.0", uses("^1"))],
      "a.tool": [
        release("2.0.0", { uses: [{ contract: "plinth.tool", range: "^2" }] }),
        release("1.0.0", { provides: [{ contract: "plinth.tool", version: "1.0.0", id: "x", descriptor: {} }] }),
      ],
    };
    expect(await versions(contracts, { "a.old": "*" })).toEqual({ "a.geo": "1.0.0", "a.old": "1.0.0" });
    expect(await versions(contracts, { "a.tool": "*" })).toEqual({ "a.tool": "1.0.0" });
    expect(await report(contracts, { "a.old": "*", "a.geo": "^3" })).toContain("which nothing here defines");
  });
});

describe("a conflict", () => {
  it("is told with everybody's wishes", async () => {
    const world: World = {
      "a.app": [release("1.0.0", { extensions: { "a.geo": "^1" } })],
      "a.map": [release("1.0.0", { extensions: { "a.geo": "^2" } })],
      "a.geo": [release("1.0.0"), release("2.0.0")],
    };
    const text = await report(world, { "a.app": "*", "a.map": "*" });
    expect(text).toMatch(/^PLINTH_VERSION_CONFLICT: No set of versions fits a.app \*, a.map \*:/);
    expect(text).toContain("a.app 1.0.0 needs a.geo ^1; a.map 1.0.0 needs a.geo ^2 (there are 2.0.0, 1.0.0)");
  });

  it("names what nobody knows, and what was refused and why", async () => {
    expect(await report({}, { "a.none": "^1" })).toMatch(/^PLINTH_DEPENDENCY_MISSING: Nobody knows a\.none: you asks for a\.none \^1/);
    expect(await report({ "a.x": [release("1.0.0")] }, { "a.x": "*" }, { refuses: () => "it is one hour old" })).toContain(
      "a.x 1.0.0 may not be chosen: it is one hour old",
    );
  });

  it("of a hopeless graph is found without trying everything", async () => {
    const world: World = { "z.end": [release("1.0.0")], "a.top": [release("1.0.0", { extensions: { "z.end": "^2" } })] };
    for (let n = 0; n < 40; n++) world[`m.m${n}`] = [release("1.0.0"), release("1.1.0"), release("1.2.0")];
    const wanted = Object.fromEntries(Object.keys(world).map((id) => [id, "*"]));
    expect(await report(world, wanted)).toContain("z.end");
  });
});

it("what one needs may be defined by another one that is asked for later", async () => {
  const world: World = {
    "d.user": [release("1.0.0", { uses: [{ contract: "x.x.c", range: "^1" }] })],
    "b.owner": [release("1.0.0", { defines: [{ id: "x.x.c", version: "1.0.0" } as never] })],
  };
  expect(await versions(world, { "d.user": "*", "b.owner": "*" })).toEqual({ "b.owner": "1.0.0", "d.user": "1.0.0" });
});

describe("any graph", () => {
  const ids = ["a.a", "b.b", "c.c", "d.d"];
  const version = fc.constantFrom("1.0.0", "1.1.0", "2.0.0");
  const range = fc.constantFrom("*", "^1", "^2", "1.0.0", "~1.1", ">=1.1.0");
  const edges = fc.dictionary(fc.constantFrom(...ids), range, { maxKeys: 2 });
  const contract = "x.x.c";
  const facts = fc.record(
    {
      extensions: edges,
      defines: fc.constantFrom([{ id: contract, version: "1.0.0" }], [{ id: contract, version: "2.0.0" }]),
      uses: fc.constantFrom([{ contract, range: "^1" }], [{ contract, range: "^2" }], [{ contract, range: "*", optional: true }]),
      engines: fc.constantFrom({ plinth: "^1" }, { plinth: "^9" }),
    },
    { requiredKeys: [] },
  );
  const worlds = fc.dictionary(fc.constantFrom(...ids), fc.uniqueArray(fc.tuple(version, facts), { selector: ([one]) => one, minLength: 1 }), {
    minKeys: 1,
  });
  const asked = fc.dictionary(fc.constantFrom(...ids), range, { minKeys: 1, maxKeys: 2 });

  it("is answered as by trying everything, and every answer holds", async () => {
    await fc.assert(
      fc.asyncProperty(worlds, asked, async (raw, wanted) => {
        const world: World = Object.fromEntries(Object.entries(raw).map(([id, all]) => [id, all.map(([v, f]) => release(v, f as Facts))]));
        const found = await versions(world, wanted).catch(() => null);
        const exists = someAnswer(world, wanted);
        expect(found !== null).toBe(exists);
        if (found === null) return;
        const set = new Map(Object.entries(found).map(([id, v]) => [id, world[id]?.find((one) => one.version === v) as Release]));
        expect(holds(set, wanted)).toBe(true);
        expect(needed(set, wanted)).toEqual(new Set(set.keys()));
        expect(await versions(world, wanted)).toEqual(found);
      }),
      { numRuns: 600 },
    );
  });

  function someAnswer(world: World, wanted: Record<string, string>): boolean {
    const all = Object.keys(world);
    const choose = (at: number, set: Map<string, Release>): boolean => {
      const id = all[at];
      // An answer holds nothing that nobody needs.
      if (id === undefined) return holds(set, wanted) && needed(set, wanted).size === set.size;
      if (choose(at + 1, set)) return true;
      return (world[id] ?? []).some((one) => choose(at + 1, new Map([...set, [id, one]])));
    };
    return choose(0, new Map());
  }

  function holds(set: ReadonlyMap<string, Release>, wanted: Record<string, string>): boolean {
    const fits = (id: string, wish: string): boolean => semver.satisfies(set.get(id)?.version ?? "0.0.0-none", wish) && set.has(id);
    const defined = [...set.values()].flatMap(({ manifest }) => manifest.defines ?? []);
    return (
      Object.entries(wanted).every(([id, wish]) => fits(id, wish)) &&
      new Set(defined.map(({ id }) => id)).size === defined.length &&
      [...set.values()].every(
        ({ manifest }) =>
          semver.satisfies("1.2.0", manifest.engines.plinth) &&
          Object.entries(manifest.extensions ?? {}).every(([id, wish]) => fits(id, wish)) &&
          (manifest.uses ?? []).every(({ contract: id, range: wish, optional }) => {
            const version = defined.find((one) => one.id === id)?.version;
            return version === undefined ? optional === true : semver.satisfies(version, wish);
          }),
      )
    );
  }

  function needed(set: ReadonlyMap<string, Release>, wanted: Record<string, string>): Set<string> {
    const found = new Set<string>();
    const open = Object.keys(wanted);
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (found.has(id)) continue;
      found.add(id);
      open.push(...Object.keys(set.get(id)?.manifest.extensions ?? {}));
    }
    return found;
  }
});
