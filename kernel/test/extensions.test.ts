import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import type { Host } from "../host.ts";
import { admin, all, call, codeOf, install, OWNER, open, Product, snapshot } from "./product.ts";
import { lab, wordsExtension } from "./sources.ts";

let product: Product;
afterEach(() => product.dispose());

/** The test's own extensions that run; the one that carries the process tier is not counted. */
const active = async (host: Host): Promise<string[]> =>
  [...(await snapshot(host)).instances].filter(([id, one]: any) => one.active && id.startsWith("test.")).map(([id]: any) => id as string);

describe.each(["host", "process"])("in the %s tier", (tier) => {
  const config = JSON.stringify({ extensions: { "test.calm": { tier } } });

  it("an extension answers calls and streams, and its config has the schema's defaults", async () => {
    const schema = { type: "object", properties: { unit: { type: "string", default: "metre" }, size: { type: "integer" } } };
    product = await Product.create(wordsExtension, lab("test.calm", {}, { config: schema }));
    const host = await product.boot({ config: JSON.stringify({ extensions: { "test.calm": { tier, config: { size: 2 } } } }) });
    const answer = await call(host, "test.words.lab", "calm", "run", { hello: "world" });
    expect(answer).toEqual({ version: "1.0.0", config: { unit: "metre", size: 2 }, input: { hello: "world" } });
    expect(await all(open(host, "test.words.lab", "calm", "count", { to: 300 }))).toHaveLength(300);
    expect((await snapshot(host)).tiers.get("test.calm")).toBe(tier);
  });

  it("it starts at its first use: boot, list and snapshot run none of its code", async () => {
    product = await Product.create(wordsExtension, lab("test.calm"));
    const host = await product.boot({ config });
    expect(host.current.list("test.words.lab").map((one) => one.id)).toEqual(["calm", "words"]);
    expect(await active(host)).toEqual([]);
    await Promise.all([1, 2, 3].map(() => call(host, "test.words.lab", "calm", "run")));
    expect(await active(host)).toEqual(["test.calm"]);
    expect((await snapshot(host)).instances.get("test.calm").counts).toMatchObject({ calls: 3, errors: 0, activations: 1 });
  });

  it("what it throws is an error of its own, with a code, and others go on", async () => {
    product = await Product.create(wordsExtension, lab("test.calm", { run: 'throw new Error("no luck")' }));
    const host = await product.boot({ config });
    await expect(call(host, "test.words.lab", "calm", "run")).rejects.toMatchObject({
      code: "PLINTH_EXTENSION_FAILED",
      message: "no luck",
      extension: "test.calm",
    });
    expect(await codeOf(call(host, "test.words.lab", "words", "who"))).toBe("none");
  });

  it("a start that throws is remembered with its phase, and the next try waits", async () => {
    product = await Product.create(wordsExtension, lab("test.calm", { activate: 'throw new Error("bad morning")' }));
    const host = await product.boot({ config });
    await expect(call(host, "test.words.lab", "calm", "run")).rejects.toMatchObject({ message: "bad morning", extension: "test.calm" });
    await expect(call(host, "test.words.lab", "calm", "run")).rejects.toMatchObject({ code: "PLINTH_QUARANTINED", extension: "test.calm" });
    const fault = (await snapshot(host)).faults.get("test.calm");
    expect(fault).toMatchObject({ phase: "activate", count: 1, message: "bad morning" });
    expect(fault.retryAt).toBeGreaterThan(fault.at);
    expect(await codeOf(call(host, "test.words.lab", "words", "who"))).toBe("none");
  });

  it("a start that leaves out what the manifest promises fails", async () => {
    const quiet = { ...lab("test.calm"), code: "export default defineExtension({ activate() {} });" };
    product = await Product.create(wordsExtension, quiet);
    const host = await product.boot({ config });
    expect(await codeOf(call(host, "test.words.lab", "calm", "run"))).toBe("PLINTH_NOT_PROVIDED");
  });

  it("an entry that the SDK did not make is refused", async () => {
    product = await Product.create(wordsExtension, { ...lab("test.calm"), code: "export default { activate() {} };" });
    const host = await product.boot({ config });
    expect(await codeOf(call(host, "test.words.lab", "calm", "run"))).toBe("PLINTH_PAYLOAD");
  });

  it("an optional or unknown method is unsupported, whatever its name", async () => {
    product = await Product.create(wordsExtension, lab("test.calm"));
    const host = await product.boot({ config });
    for (const method of ["nothing", "constructor", "__proto__", "count", "toString"]) {
      expect(await codeOf(call(host, "test.words.lab", "calm", method))).toBe("PLINTH_UNSUPPORTED");
    }
  });

  it("calls over the budget are refused", async () => {
    product = await Product.create(wordsExtension, lab("test.calm", {}, { budgets: { callsPerMinute: 2 } }));
    const host = await product.boot({ config });
    const codes = [];
    for (let n = 0; n < 3; n++) codes.push(await codeOf(call(host, "test.words.lab", "calm", "run")));
    expect(codes).toEqual(["none", "none", "PLINTH_QUOTA"]);
  });

  it("calls over the budget are counted for each caller: another extension's leave the owner's", async () => {
    const run =
      "const codes = []; for (let n = 0; n < 9; n++) codes.push(await ctx.use('test.words.lab').get('calm').run({}).then(() => 'none', ({ code }) => code)); return codes;";
    product = await Product.create(wordsExtension, lab("test.calm", {}, { budgets: { callsPerMinute: 2 } }));
    const host = await product.boot({ config });
    await install(host, await product.package(lab("acme.greedy", { run }, { uses: [{ contract: "test.words.lab", range: "^1" }] })));
    expect(await call(host, "test.words.lab", "greedy", "run", {}, OWNER)).toEqual(["none", "none", ...Array(7).fill("PLINTH_QUOTA")]);
    expect(await codeOf(call(host, "test.words.lab", "calm", "run", {}, OWNER))).toBe("none");
  });

  it("its activation belongs to nobody, whoever the first caller is", async () => {
    const activate =
      'let early; const late = new Promise((done) => setTimeout(async () => done(await ask()), 20)); const ask = () => ctx.use("test.words.lab").get("words").who({}); early = await ask();';
    const run = "return { early, late: await late, here: ctx.currentWork()?.principal.role };";
    product = await Product.create(wordsExtension, lab("test.calm", { activate, run }, { uses: [{ contract: "test.words.lab", range: "^1" }] }));
    const host = await product.boot({ config });
    const answer = await call(host, "test.words.lab", "calm", "run", {}, OWNER);
    expect(answer).toEqual({
      early: { caller: "test.calm", principal: null },
      late: { caller: "test.calm", principal: null },
      here: "owner",
    });
  });
});

describe("a process that ends", () => {
  const config = JSON.stringify({ extensions: { "test.calm": { tier: "process" } } });

  it("in its start: the fault names it and others go on", async () => {
    product = await Product.create(wordsExtension, lab("test.calm", { activate: "process.exit(3);" }));
    const host = await product.boot({ config });
    await expect(call(host, "test.words.lab", "calm", "run")).rejects.toMatchObject({ code: "PLINTH_EXTENSION_EXITED", extension: "test.calm" });
    expect((await snapshot(host)).faults.get("test.calm")).toMatchObject({ phase: "activate", count: 1 });
    expect(await codeOf(call(host, "test.words.lab", "words", "who"))).toBe("none");
  });

  it("in a call: that call fails, the fault names it, it pauses, and an owner can lift the pause", async () => {
    product = await Product.create(wordsExtension, lab("test.calm", { run: "if (input.exit) process.exit(1); return performance.timeOrigin;" }));
    const host = await product.boot({ config });
    const before = await call(host, "test.words.lab", "calm", "run");
    const beside = call(host, "test.words.lab", "words", "who");
    expect(await codeOf(call(host, "test.words.lab", "calm", "run", { exit: true }))).toBe("PLINTH_EXTENSION_EXITED");
    expect(await codeOf(beside)).toBe("none");
    await expect.poll(async () => (await snapshot(host)).faults.get("test.calm")?.phase).toBe("exit");
    expect(await active(host)).toEqual(["test.words"]);
    expect(await codeOf(call(host, "test.words.lab", "calm", "run"))).toBe("PLINTH_QUARANTINED");
    await admin(host, "enable", { id: "test.calm", enabled: true });
    expect(await call(host, "test.words.lab", "calm", "run")).not.toBe(before);
  });

  it("in a stream: the items so far arrive, then the error", async () => {
    const stream = "async *count({ to }) { yield 1; yield 2; await new Promise((done) => setTimeout(done, 50)); process.exit(0); },";
    const source = lab("test.calm");
    product = await Product.create(wordsExtension, { ...source, code: source.code?.replace(/async \*count.*\n/, `${stream}\n`) });
    const host = await product.boot({ config });
    // Its start has a deadline of its own; here it is the stream's.
    await call(host, "test.words.lab", "calm", "run");
    const items: unknown[] = [];
    const follow = (async () => {
      for await (const one of open(host, "test.words.lab", "calm", "count", {})) items.push(one);
    })();
    expect(await codeOf(follow)).toBe("PLINTH_EXTENSION_EXITED");
    expect(items).toEqual([1, 2]);
  });

  it("when the host stops, and its effects are undone first", async () => {
    const activate = 'ctx.effect("mark", async () => { await ctx.store.set("stopped", true); });';
    product = await Product.create(wordsExtension, lab("test.calm", { activate }));
    const host = await product.boot({ config });
    const before = children();
    await call(host, "test.words.lab", "calm", "run");
    const started = children().filter((pid) => !before.includes(pid));
    await Promise.all([host.stop(), host.stop()]);
    for (const pid of started) expect(() => process.kill(Number(pid), 0)).toThrow();
  });

  it("and what it prints too much of is dropped, not kept", async () => {
    product = await Product.create(wordsExtension, lab("test.calm", { run: 'console.log("x".repeat(500_000)); return "said";' }));
    const host = await product.boot({ config });
    expect(await call(host, "test.words.lab", "calm", "run")).toBe("said");
  });
});

describe("a process is behind its walls", () => {
  it("sees no files, no environment and no programs beyond its grants", async () => {
    const run = `
      const fs = await import("node:fs"); const child = await import("node:child_process");
      const attempt = (body) => { try { body(); return "done"; } catch (error) { return error.code; } };
      return {
        read: attempt(() => fs.readFileSync("/etc/hostname")),
        write: attempt(() => fs.writeFileSync("/tmp/plinth-escape", "x")),
        spawn: attempt(() => child.spawnSync("true")),
        env: Object.keys(process.env).sort(), granted: ctx.env,
        data: attempt(() => fs.writeFileSync(ctx.dataDir + "/kept", "x")),
      };`;
    product = await Product.create(wordsExtension, lab("test.calm", { run }, { permissions: { fs: ["data"], env: ["LANG_OF_TEST"] } }));
    const host = await product.boot({
      config: JSON.stringify({ extensions: { "test.calm": { tier: "process" } } }),
      env: { LANG_OF_TEST: "tlh", OTHER: "hidden" },
    });
    expect(await call(host, "test.words.lab", "calm", "run")).toEqual({
      read: "ERR_ACCESS_DENIED",
      write: "ERR_ACCESS_DENIED",
      spawn: "ERR_ACCESS_DENIED",
      env: ["HOME", "LANG", "PATH", "TZ"],
      granted: { LANG_OF_TEST: "tlh" },
      data: "done",
    });
  });
});

it("a third-party package never runs in the host unless the operator wrote so", async () => {
  product = await Product.create(wordsExtension);
  const host = await product.boot();
  await install(host, await product.package(lab("acme.calm", { run: "return process.pid;" })));
  expect(await call(host, "test.words.lab", "calm", "run")).not.toBe(process.pid);
  await admin(host, "configSet", { path: 'extensions["acme.calm"].tier', value: "host" });
  expect(await call(host, "test.words.lab", "calm", "run")).toBe(process.pid);
});

/** Processes of this one; inside a wall they know other ids. */
const children = (): string[] =>
  process.platform === "linux" ? readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").split(" ").filter(Boolean) : [];
