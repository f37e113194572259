import { afterEach, expect, it } from "vitest";
import { admin, all, call, install, open, Product } from "./product.ts";
import type { Source } from "./sources.ts";

let product: Product;
afterEach(() => product.dispose());

const number = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] };

/** Defines a contract with schemas and provides it; `run` is what its method answers. */
const meter = (run: string, descriptor: unknown = { unit: "m" }): Source => ({
  manifest: {
    id: "acme.meter",
    defines: [
      {
        id: "acme.meter.reading",
        version: "1.0.0",
        title: "Reading",
        cardinality: "many",
        selection: "by-id",
        descriptor: { type: "object", properties: { unit: { type: "string" } }, required: ["unit"], additionalProperties: false },
        methods: { read: { input: number, output: number, deadlineMs: 5_000 }, follow: { input: number, stream: number, deadlineMs: 5_000 } },
      },
    ],
    provides: [{ contract: "acme.meter.reading", version: "1.0.0", id: "one", descriptor }],
  },
  code: `
    export default defineExtension({ activate(ctx) {
      ctx.provide("acme.meter.reading", "one", {
        read: async ({ n }) => { ${run} },
        async *follow({ n }) { yield { n }; yield { n: "many" }; },
      });
    } });`,
});

it("payloads of a third party's contract must fit its schemas, both ways", async () => {
  product = await Product.create();
  const host = await product.boot();
  await install(host, await product.package(meter('return n === 7 ? { n: "seven" } : { n: n + 1 };')));
  const read = (input: unknown) => call(host, "acme.meter.reading", "one", "read", input);
  expect(await read({ n: 1 })).toEqual({ n: 2 });
  await expect(read({ n: "one" })).rejects.toMatchObject({ code: "PLINTH_PAYLOAD", extension: "host", message: expect.stringContaining("/n") });
  await expect(read({ n: 7 })).rejects.toMatchObject({ code: "PLINTH_PAYLOAD", extension: "acme.meter" });
  await expect(all(open(host, "acme.meter.reading", "one", "follow", { n: 1 }))).rejects.toMatchObject({
    code: "PLINTH_PAYLOAD",
    extension: "acme.meter",
  });
  await expect(all(open(host, "acme.meter.reading", "one", "follow", {}))).rejects.toMatchObject({ code: "PLINTH_PAYLOAD", extension: "host" });
});

it("a descriptor that does not fit the contract's schema is refused before anything is installed", async () => {
  product = await Product.create();
  const host = await product.boot();
  const dir = await product.package(meter("return { n };", { unit: 5 }));
  await expect(admin(host, "inspect", { dir })).rejects.toMatchObject({
    code: "PLINTH_MANIFEST_INVALID",
    extension: "acme.meter",
    message: expect.stringContaining("/provides/acme.meter.reading/one/descriptor/unit"),
  });
});
