import { expect, it } from "vitest";
import { type Release, solve } from "./index.ts";
import { productContracts } from "./product-contracts.ts";

const served = [
  { id: "plinth.tool", version: "2.1.0", methods: {} },
  { id: "plinth.memory", version: "1.0.0", methods: {} },
  { id: "plinth.tool", version: "1.4.0", methods: {} },
];
const contracts = productContracts(served);

/** Which versions of acme.x fit a product that serves two majors of plinth.tool. */
async function fits(facts: Partial<Release["manifest"]>): Promise<string> {
  const release: Release = { version: "1.0.0", manifest: { engines: { plinth: "*" }, ...facts } };
  const found = solve({
    host: "1.0.0",
    contracts,
    fixed: new Map(),
    preferred: new Map(),
    wanted: [{ id: "acme.x", range: "*", by: "you" }],
    releases: async (id) => (id === "acme.x" ? [release] : []),
  });
  return found.then(
    () => "fits",
    (thrown: Error) => thrown.message,
  );
}
const providing = (version: string) => fits({ provides: [{ contract: "plinth.tool", version, id: "x", descriptor: {} }] });
const using = (range: string) => fits({ uses: [{ contract: "plinth.tool", range }] });

it("keeps each major of a contract, the newest first, in whatever order they come", () => {
  expect([...contracts]).toEqual([
    ["plinth.tool", ["2.1.0", "1.4.0"]],
    ["plinth.memory", ["1.0.0"]],
  ]);
  expect([...productContracts([...served].reverse())].sort()).toEqual([...contracts].sort());
});

it("an extension of either major fits, and one of neither is told of the newest", async () => {
  expect([await providing("2.0.0"), await providing("1.4.0"), await using("^1"), await using("^2")]).toEqual(["fits", "fits", "fits", "fits"]);
  expect(await providing("3.0.0")).toContain("acme.x 1.0.0 provides plinth.tool 3.0.0, but 2.1.0 is here");
  expect(await using("^3")).toContain("acme.x 1.0.0 uses plinth.tool ^3, but 2.1.0 is here");
});
