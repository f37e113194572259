import type { Manifest } from "@plinth/manifests";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Host } from "../host.ts";
import { call, codeOf, install, OWNER, Product } from "./product.ts";
import { lab, usesLab, wordsExtension } from "./sources.ts";

let product: Product;
let host: Host;
beforeEach(async () => {
  product = await Product.create(wordsExtension);
  host = await product.boot();
});
afterEach(() => product.dispose());

describe("the authority of a caller", () => {
  const asking = (manifest: Partial<Manifest> = {}) =>
    lab("acme.asks", { run: 'return ctx.use("test.words.lab").get("words").who({});' }, { ...usesLab, tiers: ["process"], ...manifest });

  it("does not go through an extension behind a wall", async () => {
    await install(host, await product.package(asking()));
    const found = await call(host, "test.words.lab", "asks", "run", {}, { ...OWNER, scope: { session: "main" } });
    expect(found).toEqual({ caller: "acme.asks", principal: { role: "guest", via: "acme.asks", scope: { session: "main" } } });
  });

  it("unless an owner allowed it to act for them", async () => {
    await install(host, await product.package(asking({ permissions: { principals: ["owner"] } })));
    expect((await call(host, "test.words.lab", "asks", "run", {}, OWNER)).principal).toEqual(OWNER);
  });

  it("nor through a hook that it fires", async () => {
    const defines = [
      {
        ...(wordsExtension.manifest.defines?.[0] as NonNullable<Manifest["defines"]>[number]),
        id: "acme.asks.lab",
        hooks: { "acme.asks.told": { mode: "transform" as const, payload: {}, deadlineMs: 2_000, failure: "open" as const } },
      },
    ];
    const provides = [{ contract: "acme.asks.lab", version: "1.1.0", id: "asks", descriptor: {} }];
    const code = `export default defineExtension({ activate(ctx) { ctx.provide("acme.asks.lab", "asks", { run: () => ctx.hooks.fire("acme.asks.told", {}), who: () => ({}), async *count() {} }); } });`;
    await install(host, await product.package({ manifest: { id: "acme.asks", tiers: ["process"], defines, provides }, code }));
    await install(
      host,
      await product.package(
        lab(
          "acme.hears",
          { activate: 'ctx.hooks.on("acme.asks.told", (_payload, call) => ({ principal: call.work.principal }));' },
          { tiers: ["process"], hooks: [{ on: "acme.asks.told" }] },
        ),
      ),
    );
    expect(await call(host, "acme.asks.lab", "asks", "run", {}, OWNER)).toEqual({ principal: { role: "guest", via: "acme.asks" } });
  });
});

it("a caller's impatience does not open the breaker of whom it calls", async () => {
  await install(
    host,
    await product.package(lab("acme.slow", { run: "await new Promise((resolve) => setTimeout(resolve, 300)); return {};" }, { tiers: ["process"] })),
  );
  const entry = host.current.find("test.words.lab", "slow");
  const run = (deadlineMs?: number) => codeOf(entry.by.invoke(entry, "run", {}, { deadlineMs }, null));
  await run();
  for (let n = 0; n < 8; n++) expect(await run(1)).toBe("PLINTH_DEADLINE");
  expect(await run()).toBe("none");
});
