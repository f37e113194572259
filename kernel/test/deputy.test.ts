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

describe("a guarded call", () => {
  const bundled = (id: string, contract: string, name: string, descriptor: object, code: string) => ({
    manifest: { id, tiers: ["host" as const], provides: [{ contract, version: "1.0.0", id: name, descriptor }] },
    code: `export default defineExtension({ activate(ctx) { ctx.provide("${contract}", "${name}", ${code}); } });`,
  });
  const policy = bundled(
    "test.policy",
    "plinth.policy",
    "x",
    { title: "x" },
    "{ check({ method, input, trusted, descriptor }) {\n" +
      'if (!trusted || descriptor.description !== "x") throw new Error("not told what is called");\n' +
      'if (!input.args.allowed) throw Object.assign(new Error(method + " is refused"), { code: "PLINTH_AUTHORITY" });\n' +
      "return {}; } }",
  );
  const runs = bundled(
    "test.runs",
    "plinth.tool",
    "x",
    { description: "x", input: { type: "object" }, effects: ["exec"], progress: true },
    '{ call: ({ args }) => ({ content: [{ type: "text", text: "ran" }] }), async *run() { yield { type: "result", result: { content: [] } }; } }',
  );
  const caller = {
    manifest: {
      id: "test.caller",
      tiers: ["host" as const],
      uses: [
        { contract: "plinth.tool", range: "^1" },
        { contract: "test.words.lab", range: "^1" },
      ],
      provides: [{ contract: "test.words.lab", version: "1.1.0", id: "caller", descriptor: {} }],
    },
    code: `export default defineExtension({ activate(ctx) { ctx.provide("test.words.lab", "caller", {
      async run({ args, stream, unread }) {
        const target = ctx.use("plinth.tool").get("x");
        if (!stream) return target.call({ args });
        const items = target.run({ args });
        const seen = [];
        if (!unread) for await (const item of items) seen.push(item.type);
        return { seen };
      }, who: () => ({}), async *count() {} }); } });`,
  };

  it("waits for the policy, as a stream too, and a stream that nobody reads refuses nobody", async () => {
    const guarded = await Product.create(wordsExtension, policy, runs, caller);
    try {
      const other = await guarded.boot();
      const ask = (input: object) => call(other, "test.words.lab", "caller", "run", input, OWNER);
      expect(await ask({ args: { allowed: true } })).toMatchObject({ content: [{ text: "ran" }] });
      expect(await ask({ args: { allowed: true }, stream: true })).toEqual({ seen: ["result"] });
      for (const stream of [false, true]) expect(await codeOf(ask({ args: {}, stream }))).toBe("PLINTH_AUTHORITY");
      expect(await ask({ args: {}, stream: true, unread: true })).toEqual({ seen: [] });
    } finally {
      await guarded.dispose();
    }
  });
});
