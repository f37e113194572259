import fc from "fast-check";
import semver from "semver";
import { expect, it } from "vitest";
import { stretchesOf } from "./spans.ts";
import { VersionIndex } from "./version-index.ts";

const number = fc.constantFrom(0, 1, 2);
const main = fc.tuple(number, number, number).map((parts) => parts.join("."));
const early = fc.constantFrom("", "", "-0", "-alpha", "-alpha.1", "-beta", "-rc.2");
const version = fc.tuple(main, early, fc.constantFrom("", "", "+build")).map((parts) => parts.join(""));
const bound = fc.tuple(main, early).map((parts) => parts.join(""));
const simple = fc.oneof(
  fc.tuple(fc.constantFrom("", "=", "<", "<=", ">", ">=", "^", "~"), bound).map((parts) => parts.join("")),
  fc.constantFrom("*", "x", "1.x", "1", "~1", "^0", "<0.0.0-0", "latest"),
  fc.tuple(bound, bound).map(([low, high]) => `${low} - ${high}`),
);
const range = fc
  .array(fc.array(simple, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 3 })
  .map((sets) => sets.map((set) => set.join(" ")).join(" || "));

it("takes what semver takes, and tries the newest first", () => {
  fc.assert(
    fc.property(fc.uniqueArray(version, { maxLength: 40 }), range, (versions, wish) => {
      const index = new VersionIndex(
        versions.map((one) => ({ version: one, manifest: { engines: { plinth: "*" } } })),
        () => null,
        { steps: 0 },
      );
      const places = index.taken(wish);
      const taken = [...stretchesOf(places)].flatMap(([from, to]) => index.releases.slice(from, to).map((one) => one.version));
      expect(taken.sort()).toEqual(versions.filter((one) => semver.satisfies(one, wish)).sort());
      const tried = [...index.inOrder(places)].map((place) => index.releases[place]?.version as string);
      expect(tried.every((one, at) => at === 0 || semver.compare(tried[at - 1] as string, one) >= 0)).toBe(true);
      expect(tried).toHaveLength(taken.length);
    }),
    { numRuns: 3_000 },
  );
});
