import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../../kernel/host.ts";
import { call, OWNER, Product, type Source } from "../../../kernel/test/product.ts";

const ROOT = join(import.meta.dirname, "../../..");
const FORMS = { bundle: true, target: "node26", conditions: ["development"], logLevel: "error" as const };
let guest: string;
let product: Product;

beforeAll(async () => {
  guest = await mkdtemp(join(tmpdir(), "plinth-isolate-"));
  const from = (name: string): string => join(ROOT, "sdk/guest/isolate", name);
  await build({ ...FORMS, format: "esm", platform: "node", entryPoints: [from("child.ts")], outfile: join(guest, "child.mjs") });
  await build({ ...FORMS, format: "iife", platform: "neutral", entryPoints: [from("prelude.ts")], outfile: join(guest, "prelude.js") });
  process.env.PLINTH_ISOLATE_GUEST = guest;
});
afterAll(() => rm(guest, { recursive: true, force: true }));
afterEach(() => product.dispose());

async function tier(): Promise<Source> {
  const manifest = JSON.parse(await readFile(join(import.meta.dirname, "plinth.json"), "utf8"));
  return { manifest, code: `export { default } from ${JSON.stringify(join(import.meta.dirname, "index.ts"))};` };
}

/** A tool whose body is `code`. */
const tool = (id: string, code: string, more: object = {}): Source => ({
  manifest: {
    id,
    tiers: ["isolate", "process"],
    provides: [
      {
        contract: "plinth.tool",
        version: "1.0.0",
        id: id.replace(".", "_"),
        descriptor: { description: id, input: { type: "object" }, effects: [] },
      },
    ],
    ...more,
  },
  code: `const text = (value) => ({ content: [{ type: "text", text: typeof value === "string" ? value : JSON.stringify(value) ?? "undefined" }] });
    export default defineExtension({ activate(ctx) { ctx.provide("plinth.tool", "${id.replace(".", "_")}", { async call({ args }, call) { ${code} } }); } });`,
});

async function start(sources: Source[], config: object = {}, tierName = "isolate", others: Source[] = []): Promise<Host> {
  product = await Product.create(await tier(), ...sources, ...others);
  await symlink(join(ROOT, "node_modules"), join(product.root, "node_modules"));
  const extensions = Object.fromEntries(sources.map(({ manifest }) => [manifest.id, { tier: tierName }]));
  return product.boot({ config: JSON.stringify({ extensions: { ...extensions, "plinth.tier-isolate": { config } } }) });
}

const use = (host: Host, id: string, args: object = {}): Promise<string> =>
  call(host, "plinth.tool", id.replace(".", "_"), "call", { args }, OWNER).then((result) => result.content[0].text);

/** Calls until the first exit, which says whom it hit. */
const fails = (host: Host, id: string, args: object = {}): Promise<{ code: string; extension?: string; message: string }> =>
  use(host, id, args).then(
    (said) => Promise.reject(new Error(`it answered ${said}`)),
    (thrown) => thrown,
  );

describe("an extension in an isolate", () => {
  it("answers", async () => {
    const host = await start([tool("one.echo", "return text(args.text);")]);
    expect(await use(host, "one.echo", { text: "héllo 🎲" })).toBe("héllo 🎲");
  });

  it("has the globals of the web, as far as they need no authority", async () => {
    const code = `
      const timed = await new Promise((resolve) => setTimeout(resolve, 5, "timed"));
      let ticks = 0;
      await new Promise((resolve) => { const id = setInterval(() => { if (++ticks === 3) { clearInterval(id); resolve(); } }, 1); });
      const gone = new AbortController(); gone.abort(new Error("why"));
      const url = new URL("../b?q=1#h", "https://Example.com:443/x/a/"); url.searchParams.append("r", "a b&"); url.port = "81";
      const bytes = new TextEncoder().encode("aé€🎲");
      const cut = new TextDecoder(); const halves = cut.decode(bytes.subarray(0, 8), { stream: true }) + cut.decode(bytes.subarray(8));
      const cloned = structuredClone({ at: new Date(5), map: new Map([[1, { deep: [1] }]]) });
      return text([timed, ticks, gone.signal.reason.message, url.href, [...bytes], new TextDecoder().decode(bytes), halves,
        cloned.at.getTime(), cloned.map.get(1).deep, btoa("hi"), atob("aGk="), crypto.randomUUID().length,
        crypto.getRandomValues(new Uint8Array(32)).some((one) => one > 0), await new Promise((resolve) => queueMicrotask(() => resolve("micro")))]);`;
    const host = await start([tool("one.web", code)]);
    const bytes = [...Buffer.from("aé€🎲")];
    expect(JSON.parse(await use(host, "one.web"))).toEqual([
      ...["timed", 3, "why", "https://example.com:81/x/b?q=1&r=a+b%26#h", bytes, "aé€🎲", "aé€🎲"],
      ...[5, [1], "aGk=", "hi", 36, true, "micro"],
    ]);
  });

  it("has nothing of Node and no way to load code", async () => {
    const names = [
      "require",
      "process",
      "Buffer",
      "WebAssembly",
      "SharedArrayBuffer",
      "Atomics",
      "fetch",
      "__send",
      "__entry",
      "__load",
      "module",
      "global",
    ];
    const code = `
      const imported = await import("node:fs").then(() => "loaded", () => "refused");
      const made = (() => {}).constructor("return typeof process")();
      return text([${JSON.stringify(names)}.filter((name) => name in globalThis), imported, made]);`;
    const host = await start([tool("one.reach", code)]);
    expect(JSON.parse(await use(host, "one.reach"))).toEqual([[], "refused", "undefined"]);
  });

  it("that imports a module is refused with the module's name", async () => {
    const source = tool("one.imports", "return text(fs.readFileSync('/etc/passwd', 'utf8'));");
    const host = await start([{ ...source, code: `import fs from "node:fs";\n${source.code}` }]);
    expect((await fails(host, "one.imports")).message).toContain("node:fs");
  });

  it("calls what the host offers as the work that called it, also when calls overlap", async () => {
    const code = `await ctx.store.set("k" + args.n, args.n); await new Promise((resolve) => setTimeout(resolve, args.wait));
      await ctx.store.get("k" + args.n); return text(ctx.currentWork()?.principal.name ?? "nobody");`;
    const host = await start([tool("one.who", code)]);
    const as = (name: string, n: number): Promise<any> =>
      call(host, "plinth.tool", "one_who", "call", { args: { n, wait: 5 * (n % 4) } }, { role: "owner", via: "test", name });
    const said = await Promise.all(Array.from({ length: 20 }, (_, n) => as(`p${n}`, n)));
    expect(said.map((one) => one.content[0].text)).toEqual(Array.from({ length: 20 }, (_, n) => `p${n}`));
  });

  it("fails with its own words", async () => {
    const host = await start([tool("one.throws", "throw new Error('no dice');")]);
    expect(await fails(host, "one.throws")).toMatchObject({ message: "no dice", extension: "one.throws" });
  });

  it("starts again after its process was killed", async () => {
    const host = await start([tool("one.echo", "return text(args.text);")]);
    expect(await use(host, "one.echo", { text: "a" })).toBe("a");
    for (const pid of await children()) process.kill(pid, "SIGKILL");
    const again = (): Promise<string> => use(host, "one.echo", { text: "b" }).catch((thrown: { code: string }) => thrown.code);
    await expect.poll(again, { timeout: 15_000 }).toBe("b");
  });
});

describe("the sample extensions give the same results as in a process", () => {
  const args: Record<string, object[]> = {
    clock: [{ timezone: "Nowhere/Land" }],
    dice: [{ count: 0 }, { sides: "many" }],
    notes: [{ action: "add", text: "milk" }, { action: "list" }, { action: "remove", text: "1" }, { action: "list" }],
    weather: [{ city: "" }],
  };
  const results = async (name: string, tier: string): Promise<unknown[]> => {
    const dir = join(ROOT, "test/fixtures/demo", name);
    const manifest = JSON.parse(await readFile(join(dir, "plinth.json"), "utf8"));
    const code = `export { default } from ${JSON.stringify(join(dir, "src/index.ts"))};`;
    const host = await start([{ manifest, code }], {}, tier);
    const said: unknown[] = [];
    for (const one of args[name] ?? [])
      said.push(await call(host, "plinth.tool", name, "call", { args: one }, OWNER).catch((thrown: Error) => ({ thrown: thrown.message })));
    await product.dispose();
    return said;
  };

  it.each(Object.keys(args))("%s", async (name) => {
    const inside = await results(name, "isolate");
    expect(inside).toEqual(await results(name, "process"));
    expect(inside).toMatchObject((args[name] ?? []).map(() => ({ content: [{ type: "text" }] })));
  });

  it("shout, which is a hook", async () => {
    const dir = join(ROOT, "test/fixtures/demo/shout");
    const manifest = JSON.parse(await readFile(join(dir, "plinth.json"), "utf8"));
    const turns = { id: "test.turns", provides: [{ contract: "plinth.turns", version: "1.0.0", id: "default", descriptor: {} }] };
    const firing = `export default defineExtension({ activate(ctx) { ctx.provide("plinth.turns", "default", {
      abort: async () => ({ fired: await ctx.hooks.fire("message.sending", { sessionKey: "main", runId: "1", surface: "test", text: "hi 'a'" }) }) }); } });`;
    const host = await start([{ manifest, code: `export { default } from ${JSON.stringify(join(dir, "src/index.ts"))};` }], {}, "isolate", [
      { manifest: turns, code: firing },
    ]);
    expect(JSON.stringify(await call(host, "plinth.turns", "default", "abort", { sessionKey: "main" }, OWNER))).toContain("HI 'A'!");
  });
});

describe("a hostile extension is contained", () => {
  const hostile: [string, string, string?][] = [
    ["a loop", "while (true) {}"],
    ["a loop after an answer of the host", "await ctx.store.get('x'); while (true) {}"],
    ["a loop in a timer", "await new Promise(() => setTimeout(() => { while (true) {} }, 1));"],
    ["endless microtasks", "const again = () => Promise.resolve().then(again); await again(); while (true) await null;"],
    ["a heap that grows", "const all = []; while (true) all.push(new Array(1e5).fill(all.length));"],
    ["buffers that grow", "const all = []; while (true) { const one = new Uint8Array(32e6); one.fill(1); all.push(one); }"],
    [
      "buffers that no limit counts",
      "const all = []; while (true) { const b = new ArrayBuffer(0, { maxByteLength: 64e6 }); all.push(b); new Uint8Array(structuredClone ? new ArrayBuffer(64e6, { maxByteLength: 65e6 }) : b).fill(1); }",
    ],
    ["a thrown getter that loops", "Promise.reject({ get message() { while (true) {} } }); throw { get message() { while (true) {} } };"],
    ["a result whose getter loops", "return { get content() { while (true) {} } };"],
    ["a huge number", "let n = 3n; while (true) n = n * n;"],
    ["too many timers", "while (true) setTimeout(() => {}, 1e6);"],
  ];

  it.each(hostile)("%s", async (_what, code) => {
    const host = await start([tool("bad.one", code), tool("good.one", "return text('fine');")], { turnMs: 400 });
    expect(await use(host, "good.one")).toBe("fine");
    const [failed] = await Promise.all([fails(host, "bad.one"), steady(host)]);
    expect(["PLINTH_EXTENSION_EXITED", "PLINTH_EXTENSION_FAILED"]).toContain(failed.code);
    expect(failed.extension).toBe("bad.one");
    expect(await use(host, "good.one")).toBe("fine");
  });

  it("recursion is an error of its own", async () => {
    const host = await start([tool("bad.one", "const f = () => f() + 1; f();")]);
    expect(await fails(host, "bad.one")).toMatchObject({ extension: "bad.one" });
    expect(await fails(host, "bad.one")).toMatchObject({ extension: "bad.one" });
  });

  it("a flood of log lines costs others nothing", async () => {
    const host = await start([
      tool("bad.one", "for (let n = 0; n < 20000; n++) console.log('x'.repeat(500)); return text('done');"),
      tool("good.one", "return text('fine');"),
    ]);
    await Promise.all([use(host, "bad.one").catch(() => {}), steady(host)]);
    expect(await use(host, "good.one")).toBe("fine");
  });

  it("what it breaks in its globals breaks only itself", async () => {
    const host = await start([
      tool(
        "same.bad",
        "for (const name of Reflect.ownKeys(globalThis)) { try { globalThis[name] = null; } catch {} } Promise.prototype.then = null; Array.prototype.push = null; return text('broken');",
      ),
      tool("same.good", "return text([1].concat([2]));"),
    ]);
    // It may have broken what it would answer with.
    const broken = use(host, "same.bad").catch(() => "");
    expect(await use(host, "same.good")).toBe("[1,2]");
    await Promise.race([broken, new Promise((resolve) => setTimeout(resolve, 50))]);
    expect(await use(host, "same.good")).toBe("[1,2]");
  });
});

describe("extensions of one publisher", () => {
  it.each([
    ["loops", "while (true) {}"],
    ["fills its heap", "const all = []; while (true) all.push(new Array(1e5).fill(all.length));"],
  ])("share a process; one that %s ends alone", async (_what, code) => {
    const counts = "globalThis.count = (globalThis.count ?? 0) + 1; return text(globalThis.count);";
    const host = await start([tool("same.bad", code), tool("same.good", counts)], { turnMs: 400 });
    expect(await use(host, "same.good")).toBe("1");
    expect(await fails(host, "same.bad")).toMatchObject({ code: "PLINTH_EXTENSION_EXITED", extension: "same.bad" });
    expect(await use(host, "same.good")).toBe("2");
  });

  it("memory that no limit of the engine counts is counted between calls too", async () => {
    const code = `if (args.grow) setTimeout(() => { globalThis.all = []; setInterval(() => { const one = new ArrayBuffer(32e6, { maxByteLength: 33e6 }); new Uint8Array(one).fill(1); all.push(one); }, 5); }, 50);
      globalThis.born ??= crypto.randomUUID(); return text(born);`;
    const host = await start([tool("same.grows", code)], { processMb: 128 });
    const born = await use(host, "same.grows", { grow: true });
    const later = (): Promise<string> => use(host, "same.grows").catch(() => born);
    await expect.poll(later, { timeout: 15_000 }).not.toBe(born);
  });
});

async function steady(host: Host): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    expect(await use(host, "good.one")).toBe("fine");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function children(): Promise<number[]> {
  const text = await readFile(`/proc/self/task/${process.pid}/children`, "utf8");
  const found: number[] = [];
  for (const pid of text.trim().split(" ").map(Number)) {
    if ((await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).includes("child.mjs")) found.push(pid);
  }
  return found;
}
