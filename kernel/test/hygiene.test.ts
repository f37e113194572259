import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Host } from "../host.ts";
import { ownStrays } from "../strays.ts";
import { all, call, codeOf, install, OWNER, open, Product } from "./product.ts";
import { lab, usesLab, wordsExtension } from "./sources.ts";

let product: Product;
let host: Host;
afterEach(() => product.dispose());
beforeEach(async () => {
  product = await Product.create(wordsExtension);
  host = await product.boot({ config: `{ extensions: { "acme.bad": { tier: "host" }, "acme.good": { tier: "host" } } }` });
  await install(
    host,
    await product.package(
      lab(
        "acme.good",
        { activate: 'for (const on of ["changing", "told"]) ctx.hooks.on("test.words." + on, (payload) => payload);' },
        { ...usesLab, hooks: [{ on: "test.words.changing" }, { on: "test.words.told" }] },
      ),
    ),
  );
});

const good = () => call(host, "test.words.lab", "good", "run", { a: 1 }, OWNER);
const fire = (hook: string) => call(host, "test.words.lab", "words", "run", { hook: `test.words.${hook}`, payload: { text: "a" } }, OWNER);

describe("an operator's extension in the host's own process", () => {
  it.each([
    ["the call that its receivers share", "Object.getPrototypeOf(call).release = () => { throw new Error('taken over'); };"],
    ["its own call", "call.release = () => { throw new Error('taken over'); };"],
    ["the context", "ctx.log.info = () => { throw new Error('taken over'); }; "],
    ["a client", "ctx.use('test.words.lab').get('good').run = () => 'taken over';"],
  ])("cannot change %s for others", async (_what, run) => {
    await install(host, await product.package(lab("acme.bad", { run: `${run} return {};` }, usesLab)));
    await call(host, "test.words.lab", "bad", "run", {}, OWNER).catch(() => {});
    expect(await good()).toMatchObject({ input: { a: 1 } });
  });

  it("provides, uses and hooks only what it declares", async () => {
    for (const activate of [
      'ctx.provide("test.words.lab", "more", {});',
      'ctx.use("plinth.kernel");',
      'ctx.hooks.on("test.words.allowed", () => {});',
    ])
      expect(await codeOf(install(host, await product.package(lab("acme.bad", { activate }))))).toBe("PLINTH_UNDECLARED");
  });

  it("that throws is alone with it, at every hook and call", async () => {
    const throwing = {
      run: 'throw new Error("no");',
      activate: 'for (const on of ["changing", "told"]) ctx.hooks.on("test.words." + on, () => { throw new Error("no"); });',
    };
    const hooks = [{ on: "test.words.changing" }, { on: "test.words.told" }];
    await install(host, await product.package(lab("acme.bad", throwing, { hooks })));
    expect(await codeOf(call(host, "test.words.lab", "bad", "run", {}, OWNER))).toBe("PLINTH_EXTENSION_FAILED");
    expect(await fire("changing")).toEqual({ text: "a" });
    expect(await fire("told")).toBeUndefined();
    expect(await good()).toMatchObject({ input: { a: 1 } });
    expect(await all(open(host, "test.words.lab", "good", "count", { to: 2 }))).toEqual([1, 2]);
    expect(host.current.instances.get("acme.bad")?.counts.errors).toBeGreaterThanOrEqual(3);
  });

  it("is named when it throws where nobody waits, and the host goes on", async () => {
    const listeners = ["uncaughtException", "unhandledRejection"] as const;
    const before = listeners.map((name) => process.listeners(name));
    for (const name of listeners) process.removeAllListeners(name);
    const release = ownStrays(host);
    try {
      const run = 'setTimeout(() => { throw new Error("in a timer"); }); void Promise.reject(new Error("in a promise")); return {};';
      await install(host, await product.package(lab("acme.bad", { run })));
      await call(host, "test.words.lab", "bad", "run", {}, OWNER);
      const bad = host.current.instances.get("acme.bad");
      await expect.poll(() => bad?.counts.errors).toBe(2);
      expect(bad?.lastError).toMatchObject({ extension: "acme.bad", message: "in a timer" });
      expect(await good()).toMatchObject({ input: { a: 1 } });
    } finally {
      release();
      for (const [at, name] of listeners.entries()) for (const listener of before[at] ?? []) process.on(name, listener as () => void);
    }
  });
});
