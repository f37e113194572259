import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Host } from "../host.ts";
import { withWork } from "../work.ts";
import { admin, call, codeOf, install, OWNER, open, Product, snapshot } from "./product.ts";
import { lab, usesLab, wordsExtension } from "./sources.ts";

let product: Product;
let host: Host;
afterEach(() => product.dispose());

const calm = (version: string, code: Parameters<typeof lab>[1] = {}) => lab("acme.calm", code, { version });
const version = async (): Promise<string> => (await call(host, "test.words.lab", "calm", "run")).version;
/** Work that goes on until it is told to end. */
function held<T>(body: () => Promise<T>): { result: Promise<T>; end(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const result = withWork(OWNER, host.current, async () => {
    await promise;
    return body();
  });
  return { result, end: resolve };
}
const drained = () => expect.poll(() => host.draining.size).toBe(0);

describe("work that began before an update", () => {
  beforeEach(async () => {
    product = await Product.create(wordsExtension);
    host = await product.boot();
    await install(host, await product.package(calm("1.0.0")));
  });

  it("keeps the old version to its end while new work sees the new one; then the old instance is gone", async () => {
    await version();
    const before = host.current;
    const old = before.instances.get("acme.calm");
    const work = held(version);
    await install(host, await product.package(calm("2.0.0")));
    expect(await version()).toBe("2.0.0");
    expect((await snapshot(host)).draining).toEqual([before.number]);
    expect(old?.active).toBe(true);
    work.end();
    expect(await work.result).toBe("1.0.0");
    await drained();
    expect(old?.active).toBe(false);
    expect(before.retired).toBe(true);
  });

  it("also when the old version had not been started yet", async () => {
    await host.stop();
    host = await product.boot();
    const work = held(version);
    await install(host, await product.package(calm("2.0.0")));
    work.end();
    expect(await work.result).toBe("1.0.0");
    await drained();
    expect(host.supervisor.fault("acme.calm")).toBeUndefined();
    const { readdir } = await import("node:fs/promises");
    await expect.poll(async () => (await readdir(`${product.home}/store`)).length).toBe(1);
  });

  it("also when it was removed", async () => {
    const work = held(version);
    await admin(host, "uninstall", { id: "acme.calm" });
    expect(await codeOf(version())).toBe("PLINTH_CAPABILITY_MISSING");
    work.end();
    expect(await work.result).toBe("1.0.0");
    await drained();
  });

  it("is ended when it outlasts the drain, and goes on with the current generation", async () => {
    await admin(host, "configSet", { path: "policy.drainMs", value: 50 });
    await drained();
    const work = held(version);
    await install(host, await product.package(calm("2.0.0")));
    await drained();
    work.end();
    expect(await work.result).toBe("2.0.0");
  });
});

it("a stream that is open over an update finishes on the version that it began with", async () => {
  product = await Product.create(wordsExtension);
  host = await product.boot();
  await install(host, await product.package(calm("1.0.0")));
  const stream = open(host, "test.words.lab", "calm", "count", { to: 3 })[Symbol.asyncIterator]();
  await stream.next();
  const old = host.current.instances.get("acme.calm");
  await install(host, await product.package(calm("2.0.0")));
  expect(old?.active).toBe(true);
  expect([(await stream.next()).value, (await stream.next()).value, (await stream.next()).done]).toEqual([2, 3, true]);
  await drained();
  expect(old?.active).toBe(false);
});

it("instances that did not change are carried over: the same object, still running", async () => {
  product = await Product.create(wordsExtension, lab("test.calm", { run: "return performance.timeOrigin;" }));
  host = await product.boot({ config: JSON.stringify({ extensions: { "test.calm": { tier: "process" } } }) });
  const started = await call(host, "test.words.lab", "calm", "run");
  const before = host.current;
  await install(host, await product.package(lab("acme.other")));
  expect(host.current.number).toBe(before.number + 1);
  expect(host.current.instances.get("test.calm")).toBe(before.instances.get("test.calm"));
  await drained();
  expect(await call(host, "test.words.lab", "calm", "run")).toBe(started);
  await admin(host, "configSet", { path: 'extensions["test.calm"].grants', value: {} });
  await drained();
  expect(await call(host, "test.words.lab", "calm", "run")).not.toBe(started);
});

it("an update, an enable and a removal announce what came and what went", async () => {
  const inspector = lab("test.calm", {
    top: "const seen = [];",
    activate: 'ctx.hooks.on("generation.ready", (payload) => void seen.push(payload));',
    run: "return seen;",
  });
  inspector.manifest.hooks = [{ on: "generation.ready" }];
  product = await Product.create(wordsExtension, inspector);
  host = await product.boot();
  await install(host, await product.package(lab("acme.other")));
  await admin(host, "uninstall", { id: "acme.other" });
  await expect
    .poll(() => call(host, "test.words.lab", "calm", "run"))
    .toEqual([
      { generation: 2, added: ["acme.other"], removed: [] },
      { generation: 3, added: [], removed: ["acme.other"] },
    ]);
});

describe("hooks across extensions and tiers", () => {
  const fire = (hook: string, payload: unknown) => call(host, "test.words.lab", "words", "run", { hook: `test.words.${hook}`, payload });
  const tapped = (id: string, hook: string, handler: string, more: object = {}) =>
    lab(id, { activate: `ctx.hooks.on("test.words.${hook}", ${handler});` }, { hooks: [{ on: `test.words.${hook}`, ...more }] });

  it("a transform chains through both tiers, in order", async () => {
    product = await Product.create(
      wordsExtension,
      tapped("test.one", "changing", "(p) => ({ text: p.text + ' one' })", { stage: "late" }),
      tapped("test.two", "changing", "(p) => ({ text: p.text + ' two' })"),
      tapped("test.three", "changing", "() => undefined", { before: ["test.two"] }),
    );
    host = await product.boot({ config: JSON.stringify({ extensions: { "test.two": { tier: "process" } } }) });
    expect(await fire("changing", { text: "zero" })).toEqual({ text: "zero two one" });
    const { hooks } = await snapshot(host);
    const planned = hooks.find((one: { hook: string }) => one.hook === "test.words.changing");
    expect(planned.subscribers).toEqual([
      { extension: "test.three", stage: "normal", calls: 1, errors: 0 },
      { extension: "test.two", stage: "normal", calls: 1, errors: 0 },
      { extension: "test.one", stage: "late", calls: 1, errors: 0 },
    ]);
  });

  it.each(["host", "process"])("a gate whose subscriber hangs, throws or cannot start denies (%s)", async (tier) => {
    const config = JSON.stringify({ extensions: { "test.one": { tier } } });
    for (const [handler, why] of [
      ["() => new Promise(() => {})", /PLINTH_DEADLINE/],
      ["() => { throw new Error('broken') }", /broken/],
      ["() => true", /PLINTH_PAYLOAD/],
      ["(() => { throw new Error('no start') })()", /no start/],
    ] as const) {
      product = await Product.create(wordsExtension, tapped("test.one", "allowed", handler));
      host = await product.boot({ config });
      await call(host, "test.words.lab", "one", "who").catch(() => {});
      expect(await fire("allowed", {})).toEqual({ allowed: false, by: "test.one", reason: expect.stringMatching(/PLINTH_/) });
      if (!handler.startsWith("((")) expect((await fire("allowed", {})).reason).toMatch(why);
      await product.dispose();
    }
  });

  it("a gate's subscriber in a process that fails again and again opens its breaker, and the gate stays shut", async () => {
    product = await Product.create(wordsExtension, tapped("test.one", "allowed", "() => { throw new Error('broken') }"));
    host = await product.boot({ config: JSON.stringify({ extensions: { "test.one": { tier: "process" } } }) });
    // Its start is not what is tried here: on a busy machine that takes longer than the hook waits.
    await host.current.instances.get("test.one")?.activate();
    const reasons = [];
    for (let n = 0; n < 6; n++) reasons.push((await fire("allowed", {})).reason);
    expect(reasons.slice(0, 5).every((one) => one.includes("broken"))).toBe(true);
    expect(reasons[5]).toContain("PLINTH_BREAKER_OPEN");
  });

  it("an extension cannot take over a hook by defining it again", async () => {
    product = await Product.create(wordsExtension, tapped("test.one", "allowed", "() => ({ deny: 'no' })"));
    host = await product.boot();
    const defines = [
      {
        id: "acme.thief.lab",
        version: "1.0.0",
        title: "",
        cardinality: "many",
        selection: "by-id",
        descriptor: {},
        methods: {},
        hooks: { "test.words.allowed": { mode: "observe", payload: {}, deadlineMs: 10, failure: "open" } },
      },
    ];
    expect(await codeOf(install(host, await product.package({ manifest: { id: "acme.thief", defines } as never })))).toBe("PLINTH_MANIFEST_INVALID");
    expect(await fire("allowed", {})).toMatchObject({ allowed: false });
  });

  it("observers do not disturb each other or the one who tells", async () => {
    product = await Product.create(
      wordsExtension,
      tapped("test.one", "told", "() => { throw new Error('broken') }"),
      lab(
        "test.two",
        { top: "let told = 0;", activate: 'ctx.hooks.on("test.words.told", () => void told++);', run: "return told;" },
        { hooks: [{ on: "test.words.told" }] },
      ),
    );
    host = await product.boot();
    expect(await codeOf(fire("told", {}))).toBe("none");
    expect(await call(host, "test.words.lab", "two", "run")).toBe(1);
  });
});

it("an extension in a process reaches one in the host, and the other way round, as the same work", async () => {
  const asks = (id: string, other: string) =>
    lab(
      id,
      {
        run: `return { ...(await ctx.use("test.words.lab").get("${other}").who({})), items: await Array.fromAsync(ctx.use("test.words.lab").get("${other}").count({ to: 200 })) };`,
      },
      usesLab,
    );
  product = await Product.create(wordsExtension, asks("test.one", "two"), asks("test.two", "one"));
  host = await product.boot({ config: JSON.stringify({ extensions: { "test.one": { tier: "process" } } }) });
  for (const [id, caller] of [
    ["one", "test.one"],
    ["two", "test.two"],
  ] as const) {
    const answer = await call(host, "test.words.lab", id, "run", {}, { role: "guest", via: "door" });
    expect(answer).toMatchObject({ caller, principal: { role: "guest", via: "door" } });
    expect(answer.items).toHaveLength(200);
  }
});
