import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { admin, call, codeOf, install, Product, snapshot } from "./product.ts";
import { lab, wordsExtension } from "./sources.ts";

let product: Product;
afterEach(() => product.dispose());

const schema = { type: "object", properties: { size: { type: "integer", maximum: 9 } }, additionalProperties: false };

it("config that does not fit an extension's schema leaves out that one only, and says where", async () => {
  product = await Product.create(wordsExtension, lab("test.calm", {}, { config: schema }), lab("test.plain"));
  const host = await product.boot({ config: '{ extensions: { "test.calm": { config: { size: 11 } } } }' });
  const problem = host.current.plan.blocked.get("test.calm");
  expect(problem).toMatchObject({ code: "PLINTH_CONFIG_INVALID", message: expect.stringContaining('extensions["test.calm"].config/size') });
  expect(await codeOf(call(host, "test.words.lab", "plain", "run"))).toBe("none");
  expect(await codeOf(call(host, "test.words.lab", "calm", "run"))).toBe("PLINTH_CAPABILITY_MISSING");
  await admin(host, "configSet", { path: 'extensions["test.calm"].config.size', value: 3 });
  expect((await call(host, "test.words.lab", "calm", "run")).config).toEqual({ size: 3 });
});

it("config for an extension that takes none, and a hostile schema, leave out that one only", async () => {
  const hostile = { type: "object", properties: { text: { type: "string", pattern: "^(a+)+$" } } };
  product = await Product.create(wordsExtension, lab("test.plain"), lab("test.fine", {}, { config: schema }));
  const host = await product.boot({
    config: JSON.stringify({
      extensions: {
        "acme.calm": { config: { text: `${"a".repeat(40)}!` } },
        "test.plain": { config: { size: 1 } },
        "test.fine": { config: { size: 1 } },
      },
    }),
  });
  expect(await codeOf(install(host, await product.package(lab("acme.calm", {}, { config: hostile }))))).toBe("PLINTH_CONFIG_INVALID");
  expect([...host.current.plan.blocked.keys()].sort()).toEqual(["test.plain"]);
  expect(await codeOf(call(host, "test.words.lab", "fine", "run"))).toBe("none");
});

it("a configuration that cannot be read stops the boot with the place, and nothing is written", async () => {
  product = await Product.create(wordsExtension);
  expect(await codeOf(product.boot({ config: "{ extensions: " }))).toBe("PLINTH_CONFIG_INVALID");
  await expect(product.boot({ config: "{ extenions: {} }" })).rejects.toMatchObject({
    message: expect.stringContaining('did you mean "extensions"'),
  });
  expect(await product.readHome("plinth.json")).toBe("{ extenions: {} }");
});

describe("changing the configuration", () => {
  const text = '// mine\n{\n  extensions: {\n    // why it is calm\n    "test.calm": { tier: "host" /* fast */ }, // end\n  },\n}\n';

  it("disabling and enabling keep comments and layout, and apply at once", async () => {
    product = await Product.create(wordsExtension, lab("test.calm"));
    const host = await product.boot({ config: text });
    await admin(host, "enable", { id: "test.calm", enabled: false });
    expect(await codeOf(call(host, "test.words.lab", "calm", "run"))).toBe("PLINTH_CAPABILITY_MISSING");
    expect((await snapshot(host)).disabled.has("test.calm")).toBe(true);
    const disabled = await product.readHome("plinth.json");
    for (const comment of ["// mine", "// why it is calm", "/* fast */", "// end"]) expect(disabled).toContain(comment);
    await admin(host, "enable", { id: "test.calm", enabled: true });
    expect(await codeOf(call(host, "test.words.lab", "calm", "run"))).toBe("none");
    for (const comment of ["// mine", "// why it is calm", "/* fast */", "// end"]) expect(await product.readHome("plinth.json")).toContain(comment);
  });

  it("a version pin in short form survives being disabled", async () => {
    product = await Product.create(wordsExtension, lab("test.calm"));
    const host = await product.boot({ config: '{ extensions: { "test.calm": "^1" } }' });
    await admin(host, "enable", { id: "test.calm", enabled: false });
    await admin(host, "enable", { id: "test.calm", enabled: true });
    expect((await snapshot(host)).config.extensions["test.calm"]).toMatchObject({ version: "^1" });
  });

  it("a value that does not fit is refused, and neither the file nor the generation changes", async () => {
    product = await Product.create(wordsExtension, lab("test.calm"));
    const host = await product.boot({ config: text });
    const { number } = host.current;
    for (const [path, value] of [
      ["extensions.test.calm.tier", "cloud"],
      ["log.level", "loud"],
      ["unknown", 1],
      ["__proto__.polluted", true],
      ["constructor.prototype.polluted", true],
    ]) {
      expect(await codeOf(admin(host, "configSet", { path, value }))).toBe("PLINTH_CONFIG_INVALID");
    }
    expect(await codeOf(admin(host, "configSet", { path: "][", value: 1 }))).toBe("PLINTH_CONFIG_PATH");
    expect(await product.readHome("plinth.json")).toBe(text);
    expect(host.current.number).toBe(number);
    expect(({} as any).polluted).toBeUndefined();
  });

  it("edits by hand since the boot are kept", async () => {
    product = await Product.create(wordsExtension, lab("test.calm"));
    const host = await product.boot({ config: text });
    await writeFile(join(product.home, "plinth.json"), text.replace("// mine", "// ours"));
    await admin(host, "configSet", { path: "log.level", value: "error" });
    expect(await product.readHome("plinth.json")).toContain("// ours");
  });

  it("enabling what is not there suggests what is", async () => {
    product = await Product.create(wordsExtension, lab("test.calm"));
    const host = await product.boot();
    await expect(admin(host, "enable", { id: "test.clam", enabled: true })).rejects.toMatchObject({
      code: "PLINTH_NOT_INSTALLED",
      next: expect.stringContaining("test.calm"),
    });
  });
});

describe("safe mode", () => {
  it("starts first-party extensions only, and says so of the others", async () => {
    product = await Product.create(wordsExtension);
    const first = await product.boot();
    await install(first, await product.package(lab("acme.calm")));
    await first.stop();
    const host = await product.boot({ safeMode: true });
    expect(host.current.plan.blocked.get("acme.calm")?.code).toBe("PLINTH_SAFE_MODE");
    expect((await snapshot(host)).safeMode).toBe(true);
    expect(await codeOf(call(host, "test.words.lab", "words", "who"))).toBe("none");
    expect(Object.keys((await snapshot(host)).lock.extensions)).toEqual(["acme.calm"]);
  });

  it("comes by itself after three counted boots that did not become ready, and goes after one that does", async () => {
    product = await Product.create(wordsExtension);
    const modes = [];
    for (let n = 0; n < 4; n++) {
      const host = await product.boot({ counted: true });
      modes.push(host.safeMode);
      if (n === 3) await host.supervisor.bootReady();
      await host.stop();
    }
    modes.push((await product.boot({ counted: true })).safeMode);
    expect(modes).toEqual([false, false, false, true, false]);
  });
});

it("a quarantine outlives a restart, and another version starts with a clean sheet", async () => {
  product = await Product.create(wordsExtension);
  const host = await product.boot();
  const activate = 'if ((await ctx.store.get("broken")) === true) throw new Error("broken");';
  await install(
    host,
    await product.package(lab("acme.calm", { activate, run: 'await ctx.store.set("broken", true); setTimeout(() => process.exit(1)); return {};' })),
  );
  await call(host, "test.words.lab", "calm", "run");
  await expect.poll(() => host.supervisor.fault("acme.calm")?.phase).toBe("exit");
  await host.stop();
  const again = await product.boot();
  expect(await codeOf(call(again, "test.words.lab", "calm", "run"))).toBe("PLINTH_QUARANTINED");
  await install(again, await product.package(lab("acme.calm", {}, { version: "1.0.1" })));
  expect((await call(again, "test.words.lab", "calm", "run")).version).toBe("1.0.1");
});
