import { expect, it } from "vitest";
import { installReport } from "./install-report.ts";
import { asOwn } from "./set/preparation.ts";

const installed = (id: string, provides: object[]) =>
  installReport(
    { ...{ status: "installed", id, version: "1.0.0", title: "T", source: "s", generation: 2 }, provides, hooks: [], along: [] } as never,
    { requester: { surface: "cli" } } as never,
  ).blocks.flatMap((block) => ("items" in block ? block.items : []));

const provides = [
  { contract: "plinth.model-vendor", id: "acme", descriptor: { title: "Acme" } },
  { contract: "plinth.speech", id: "acme", descriptor: { title: "Acme" } },
];

it("says how what was installed is used, and what has to be chosen first", () => {
  expect(installed("plinth.acme", provides)).toEqual([
    "speech: `plinth models try speech -m acme/auto …` asks it, and `plinth models --for speech` lists it once it is set up",
  ]);
  expect(installed("acme.acme", provides)[0]).toMatch(/^speech: choose it once \(grants choose\), then/);
  const talks = [{ contract: "plinth.model-vendor", id: "acme", descriptor: { title: "Acme", api: "openai-chat" } }];
  expect(installed("acme.acme", talks)).toEqual(["model provider acme: choose it once (grants choose), then name it as acme/auto"]);
});

it("says of the product's own packages where they run, and of others as it is", () => {
  const asks = ["connect to api.acme.example", "run in a process of its own, with the runtime's interfaces"];
  expect(asOwn(asks, { tiers: ["host", "process"] })).toEqual([asks[0], "run in the host's own process, as all that comes with the product"]);
  expect(asOwn(asks, { tiers: ["process"] })).toEqual(asks);
});
