import type { Manifest } from "@plinth/manifests";
import { afterEach, describe, expect, it } from "vitest";
import type { Host } from "../host.ts";
import { all, call, codeOf, install, Product, snapshot } from "./product.ts";
import type { Source } from "./sources.ts";

let product: Product;
afterEach(() => product.dispose());

type Defined = NonNullable<Manifest["defines"]>[number];
const object = (properties: object) => ({ type: "object", properties, required: Object.keys(properties) });
const number = { type: "number" };

/** The first major counts metres and reads; the second one has a unit in each value and measures. */
const first: Defined = {
  id: "acme.meter.reading",
  version: "1.4.0",
  title: "Reading",
  cardinality: "many",
  selection: "by-id",
  descriptor: {},
  methods: {
    read: { input: object({ n: number }), output: object({ n: number }), deadlineMs: 5_000 },
    follow: { input: object({ n: number }), stream: object({ n: number }), deadlineMs: 5_000 },
  },
};
const value = object({ value: number, unit: { const: "cm" } });
const second: Defined = {
  ...first,
  version: "2.1.0",
  methods: {
    measure: { input: value, output: value, deadlineMs: 5_000 },
    follow: { input: value, stream: value, deadlineMs: 5_000 },
  },
};

const HONEST = `
  const up = ({ n }) => ({ value: n * 100, unit: "cm" });
  const down = ({ value }) => ({ n: value / 100 });
  ctx.provide("plinth.contract-adapter", "reading", contractAdapter({
    older: { read: { method: "measure", input: up, output: down }, follow: { input: up, item: down } },
    newer: { measure: { method: "read", input: down, output: up }, follow: { input: down, item: up } },
  }));`;

/** Owns both majors, and provides the second one. */
const owner = (adapter = HONEST, more: Partial<Manifest> = {}): Source => ({
  manifest: {
    id: "acme.meter",
    defines: [first, second],
    provides: [
      { contract: "acme.meter.reading", version: "2.0.0", id: "new", descriptor: {} },
      ...(adapter === ""
        ? []
        : [
            {
              contract: "plinth.contract-adapter",
              version: "1.0.0",
              id: "reading",
              descriptor: { contract: "acme.meter.reading", older: 1, newer: 2, callers: ["older", "newer"] },
            },
          ]),
    ],
    ...more,
  },
  code: `import { contractAdapter } from "@plinth/sdk";
    export default defineExtension({ activate(ctx) {
      ctx.provide("acme.meter.reading", "new", {
        measure: ({ value, unit }) => ({ value: value + 1, unit }),
        async *follow({ value, unit }) { yield { value, unit }; yield { value: value * 2, unit }; },
      });
      ${adapter}
    } });`,
});

const oldProvider: Source = {
  manifest: { id: "other.rod", provides: [{ contract: "acme.meter.reading", version: "1.2.0", id: "old", descriptor: {} }] },
  code: `export default defineExtension({ activate(ctx) {
    ctx.provide("acme.meter.reading", "old", {
      read: ({ n }) => ({ n: n + 1 }),
      async *follow({ n }) { yield { n }; yield { n: n + 1 }; },
    });
  } });`,
};

/** Calls whatever it is told to; its contract has no schemas. */
const consumer = (id: string, range: string): Source => ({
  manifest: {
    id,
    uses: [{ contract: "acme.meter.reading", range }],
    defines: [
      {
        id: `${id}.door`,
        version: "1.0.0",
        title: "Door",
        cardinality: "many",
        selection: "by-id",
        descriptor: {},
        methods: { go: { input: {}, output: {}, deadlineMs: 10_000 } },
      },
    ],
    provides: [{ contract: `${id}.door`, version: "1.0.0", id: "door", descriptor: {} }],
  },
  code: `export default defineExtension({ activate(ctx) {
    ctx.provide("${id}.door", "door", { go: async ({ to, method, input }) => {
      const uses = ctx.use("acme.meter.reading");
      if (method === "list") return (await uses.list()).map((one) => one.id).sort();
      if (method !== "follow") return uses.get(to)[method](input);
      const items = [];
      for await (const one of uses.get(to).follow(input)) items.push(one);
      return items;
    } });
  } });`,
});

/** Of the product, in the host's own process, every payload checked: nothing has to start. */
async function bootWith(...sources: Source[]) {
  product = await Product.create(...sources);
  const host = await product.boot({ config: "{ policy: { validate: true } }" });
  return { host, go: (id: string, input: unknown) => call(host, `${id}.door`, "door", "go", input) };
}

/** As a consumer of the first major sees the second one's provider. */
function olderView(host: Host) {
  const generation = host.current;
  return generation.find("acme.meter.reading", "new", generation.spoken("acme.meter.reading", [{ contract: "acme.meter.reading", range: "^1" }]));
}

describe("two majors of a contract side by side", () => {
  it("a first-major consumer and a first-major provider go on working beside the second major", async () => {
    const { host, go } = await bootWith(owner(), oldProvider, consumer("other.old", "^1"), consumer("other.new", "^2"));
    for (const id of ["other.old", "other.new"]) expect(await go(id, { method: "list" })).toEqual(["new", "old"]);

    // Each speaks to its own major without anybody between.
    expect(await go("other.old", { to: "old", method: "read", input: { n: 1 } })).toEqual({ n: 2 });
    expect(await go("other.new", { to: "new", method: "measure", input: { value: 5, unit: "cm" } })).toEqual({ value: 6, unit: "cm" });

    // And to the other one through the owner's adapter: methods of other names, inputs, outputs, items.
    expect(await go("other.old", { to: "new", method: "read", input: { n: 2 } })).toEqual({ n: 2.01 });
    expect(await go("other.old", { to: "new", method: "follow", input: { n: 3 } })).toEqual([{ n: 3 }, { n: 6 }]);
    expect(await go("other.new", { to: "old", method: "measure", input: { value: 100, unit: "cm" } })).toEqual({ value: 200, unit: "cm" });
    expect(await go("other.new", { to: "old", method: "follow", input: { value: 100, unit: "cm" } })).toEqual([
      { value: 100, unit: "cm" },
      { value: 200, unit: "cm" },
    ]);

    const { reasons } = await snapshot(host);
    expect(reasons.get("acme.meter.reading")).toContainEqual(
      "majors 1 and 2 work together: acme.meter/reading adapts calls of the older and the newer one",
    );
    expect(reasons.get("other.old")).toContainEqual("uses acme.meter.reading 1, whose newest major is 2: acme.meter/reading adapts it");
    expect(reasons.get("other.rod")).toContainEqual("provides acme.meter.reading 1, whose newest major is 2: acme.meter/reading adapts it");
    expect(reasons.get("other.new")).not.toContainEqual(expect.stringContaining("adapts"));
  });

  it("without an adapter each sees its own major only", async () => {
    const { host, go } = await bootWith(owner(""), oldProvider, consumer("other.old", "^1"), consumer("other.new", "^2"));
    expect(await go("other.old", { method: "list" })).toEqual(["old"]);
    expect(await go("other.new", { method: "list" })).toEqual(["new"]);
    expect(await codeOf(go("other.old", { to: "new", method: "read", input: { n: 1 } }))).toBe("PLINTH_CAPABILITY_MISSING");
    expect((await snapshot(host)).reasons.get("other.old")).toContainEqual("uses acme.meter.reading 1, whose newest major is 2: nothing adapts it");
  });

  it("an owner that drops the first major leaves out who speaks it", async () => {
    const { host } = await bootWith(owner("", { defines: [second] }), oldProvider, consumer("other.old", "^1"), consumer("other.new", "^2"));
    const { blocked } = await snapshot(host);
    expect([...blocked.keys()].sort()).toEqual(["other.old", "other.rod"]);
    expect(blocked.get("other.rod")).toMatchObject({ code: "PLINTH_VERSION_CONFLICT" });
  });
});

const HOSTILE: [what: string, convert: string, code: string][] = [
  ["answers what is no payload of the provider's major", `({ value: { value: "many", unit: "cm" }, method: "measure" })`, "PLINTH_PAYLOAD"],
  [
    "answers what is no payload of the caller's major",
    `part === "input" ? { method: "measure", value: { value: 1, unit: "cm" } } : { value: { n: "seven" } }`,
    "PLINTH_PAYLOAD",
  ],
  ["names a method that is not there", `({ method: "__proto__", value })`, "PLINTH_PAYLOAD"],
  ["answers nothing", "undefined", "PLINTH_PAYLOAD"],
  ["throws", `(() => { throw new Error("x"); })()`, "PLINTH_EXTENSION_FAILED"],
  ["never answers", "new Promise(() => {})", "PLINTH_DEADLINE"],
];
/** The number that is read says what the adapter does. */
const ADAPTER = `ctx.provide("plinth.contract-adapter", "reading", {
  convert: ({ part, value }) => [${HOSTILE.map(([, answer]) => `() => (${answer})`).join(", ")}][value.n ?? 1](),
});`;

describe("an adapter is its owner's code, and contained as that", () => {
  it.each(HOSTILE.map(([what, , code], at) => [what, code, at] as const))("one that %s fails as its owner", async (_what, code, at) => {
    const { host } = await bootWith(owner(ADAPTER));
    const entry = olderView(host);
    await expect(entry.by.invoke(entry, "read", { n: at }, {}, null)).rejects.toMatchObject({ code, extension: "acme.meter" });
    // Its own major does not need it.
    expect(await call(host, "acme.meter.reading", "new", "measure", { value: 1, unit: "cm" })).toEqual({ value: 2, unit: "cm" });
  });

  it("a third party's never runs in the host, and what it makes is checked there", { timeout: 240_000 }, async () => {
    product = await Product.create();
    const host = await product.boot();
    await install(host, await product.package(owner(`globalThis.adapterRan = true; ${ADAPTER}`)));
    const entry = olderView(host);
    expect(host.current.instances.get("acme.meter")?.tier).toBe("process");
    await expect(entry.by.invoke(entry, "read", { n: 0 }, {}, null)).rejects.toMatchObject({ code: "PLINTH_PAYLOAD", extension: "acme.meter" });
    await expect(entry.by.invoke(entry, "read", { n: 1 }, {}, null)).rejects.toMatchObject({ code: "PLINTH_PAYLOAD", extension: "acme.meter" });
    await expect(all(entry.by.stream(entry, "follow", { n: 0 }, {}, null))).rejects.toMatchObject({ code: "PLINTH_PAYLOAD" });
    expect((globalThis as { adapterRan?: boolean }).adapterRan).toBeUndefined();
    expect(await call(host, "acme.meter.reading", "new", "measure", { value: 1, unit: "cm" })).toEqual({ value: 2, unit: "cm" });
  });

  it("nobody adapts a contract of others", async () => {
    const between: Source = {
      manifest: {
        id: "evil.between",
        provides: [
          {
            contract: "plinth.contract-adapter",
            version: "1.0.0",
            id: "between",
            descriptor: { contract: "acme.meter.reading", older: 1, newer: 2, callers: ["older"] },
          },
        ],
      },
    };
    const { host, go } = await bootWith(owner(""), between, consumer("other.old", "^1"));
    expect((await snapshot(host)).blocked.get("evil.between")).toMatchObject({ code: "PLINTH_UNDECLARED" });
    expect(await go("other.old", { method: "list" })).toEqual([]);
  });
});
