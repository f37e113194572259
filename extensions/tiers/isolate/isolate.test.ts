import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { admin, call, OWNER } from "../../../kernel/test/product.ts";
import { withWork } from "../../../kernel/work.ts";
import { disposeProduct, fails, isolateProcesses, ROOT, start, tool, use, useIsolates } from "./isolates.testing.ts";

useIsolates();

describe("an extension in an isolate", () => {
  it("answers", async () => {
    const host = await start([tool("one.echo", "return text(args.text);")]);
    expect(await use(host, "one.echo", { text: "héllo 🎲" })).toBe("héllo 🎲");
  });

  it("is not held by anything once it was replaced", async () => {
    const host = await start([tool("one.echo", "return text(args.text);", { config: { type: "object", properties: { n: { type: "number" } } } })]);
    const former: WeakRef<object>[] = [];
    for (let n = 1; n <= 5; n++) {
      expect(await use(host, "one.echo", { text: `${n}` })).toBe(`${n}`);
      former.push(new WeakRef(host.current.instances.get("one.echo") as object));
      await admin(host, "configSet", { path: 'extensions["one.echo"].config.n', value: n });
    }
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const held = (): number => {
      collect();
      return former.filter((one) => one.deref() !== undefined).length;
    };
    // Less than the deadline of a start, which once held them; the last may still be on its way out.
    await expect.poll(held, { timeout: 8_000 }).toBeLessThan(2);
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
      "FinalizationRegistry",
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

  it("goes on as the work that it began, and its neighbours as theirs", async () => {
    const code = `const wait = () => new Promise((resolve) => setTimeout(resolve, args.n % 3));
      const body = async () => { await ctx.store.get("a"); await wait(); await ctx.store.get("b"); return ctx.currentWork()?.principal.name; };
      const inner = args.n % 2 ? await ctx.work({ role: "guest", via: "test", name: "guest" + args.n }, body) : await body();
      await ctx.store.get("c");
      return text([inner, ctx.currentWork()?.principal.name]);`;
    const host = await start([tool("one.begins", code, { permissions: { principals: ["guest"] } })]);
    const all = (): Promise<any[]> =>
      Promise.all(Array.from({ length: 30 }, (_, n) => call(host, "plinth.tool", "one_begins", "call", { args: { n } })));
    const said = await withWork({ role: "owner", via: "test", name: "boss" }, host.current, all);
    expect(said.map((one) => JSON.parse(one.content[0].text))).toEqual(Array.from({ length: 30 }, (_, n) => [n % 2 ? `guest${n}` : "boss", "boss"]));
  });

  it("reaches the network through the host, and only where it may, with fetch and as the work that called it", async () => {
    const egress = {
      manifest: { id: "test.egress", provides: [{ contract: "plinth.egress", version: "1.0.0", id: "echo", descriptor: { title: "Echo" } }] },
      code: `export default defineExtension({ activate(ctx) { ctx.provide("plinth.egress", "echo", {
        async *exchange(input) { yield { status: 200, headers: { "x-method": input.method } }; yield new TextEncoder().encode(JSON.stringify([input.url, input.body])); } }); } });`,
    };
    const code = `const answer = await fetch(args.url, { method: "POST", body: "hällo" });
      return text([answer.status, answer.headers.get("x-method"), await answer.json(), ctx.currentWork()?.principal.via]);`;
    const host = await start([tool("one.net", code, { permissions: { net: ["a.example"] } }), tool("two.net", code)], {}, { others: [egress] });
    expect(JSON.parse(await use(host, "one.net", { url: "https://a.example/x" }))).toEqual([
      200,
      "POST",
      ["https://a.example/x", expect.anything()],
      "test",
    ]);
    expect(await fails(host, "two.net", { url: "https://a.example/x" })).toMatchObject({ code: expect.stringMatching(/^PLINTH_/) });
  });

  it("fails with its own words", async () => {
    const host = await start([tool("one.throws", "throw new Error('no dice');")]);
    expect(await fails(host, "one.throws")).toMatchObject({ message: "no dice", extension: "one.throws" });
  });

  it("starts again after its process was killed", async () => {
    const host = await start([tool("one.echo", "return text(args.text);")]);
    expect(await use(host, "one.echo", { text: "a" })).toBe("a");
    for (const pid of await isolateProcesses()) process.kill(pid, "SIGKILL");
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
    const host = await start([{ manifest, code }], {}, { tierName: tier });
    const said: unknown[] = [];
    for (const one of args[name] ?? [])
      said.push(await call(host, "plinth.tool", name, "call", { args: one }, OWNER).catch((thrown: Error) => ({ thrown: thrown.message })));
    await disposeProduct();
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
    const host = await start(
      [{ manifest, code: `export { default } from ${JSON.stringify(join(dir, "src/index.ts"))};` }],
      {},
      {
        others: [{ manifest: turns, code: firing }],
      },
    );
    expect(JSON.stringify(await call(host, "plinth.turns", "default", "abort", { sessionKey: "main" }, OWNER))).toContain("HI 'A'!");
  });
});
