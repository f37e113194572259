import { describe, expect, it } from "vitest";
import { fails, start, steady, tool, use, useIsolates } from "./isolates.testing.ts";

useIsolates();

describe("a hostile extension is contained", () => {
  const hostile: [string, string][] = [
    ["a loop", "while (true) {}"],
    ["a loop that catches", "for (;;) { try { while (true) {} } catch {} finally { while (true) {} } }"],
    ["a loop after an answer of the host", "await ctx.store.get('x'); while (true) {}"],
    ["a loop in a timer", "await new Promise(() => setTimeout(() => { while (true) {} }, 1));"],
    ["a loop in a listener", "call.signal.dispatchEvent({ get type() { while (true) {} } });"],
    ["endless microtasks", "const again = () => Promise.resolve().then(again); await again(); while (true) await null;"],
    ["queueMicrotask for ever", "const again = () => queueMicrotask(again); again(); await new Promise(() => {});"],
    [
      "timers that renew themselves",
      "const spin = () => { const end = Date.now() + 30; while (Date.now() < end); setTimeout(spin, 0); }; spin(); await new Promise(() => {});",
    ],
    ["a regular expression that backtracks", "/^(a+)+$/.test('a'.repeat(50) + 'b');"],
    ["a sort that never agrees", "const all = Array.from({ length: 1e6 }, (_, n) => n); for (;;) all.sort(() => Math.random() - 0.5);"],
    ["an iterator without end", "for (const one of { *[Symbol.iterator]() { while (true) yield 1; } });"],
    ["a stack trace that loops", "Error.prepareStackTrace = () => { while (true) {} }; return text(new Error('x').stack);"],
    ["a heap that grows", "const all = []; while (true) all.push(new Array(1e5).fill(all.length));"],
    ["strings that grow", "let all = 'x'; while (true) { all += all; all.charCodeAt(0); /y/.test(all); }"],
    ["a map that grows", "const all = new Map(); for (let n = 0; ; n++) all.set({ n }, 'x'.repeat(100) + n);"],
    ["an array without end", "new Array(1e9).fill(1);"],
    ["an array made of nothing", "Array.from({ length: 5e8 });"],
    ["symbols that stay", "for (let n = 0; ; n++) Symbol.for('x'.repeat(1000) + n);"],
    ["buffers that grow", "const all = []; while (true) { const one = new Uint8Array(32e6); one.fill(1); all.push(one); }"],
    ["a buffer that could be resized", "new ArrayBuffer(8, { maxByteLength: 1e9 });"],
    ["a buffer made behind the global's back", "new (new Uint8Array(1).buffer.constructor)(8, { maxByteLength: 1e9 });"],
    ["formats that no limit counts", "const all = []; while (true) all.push(new Intl.DateTimeFormat(['de', 'en', 'fr', 'ja'][all.length % 4]));"],
    ["a thrown getter that loops", "throw { get message() { while (true) {} } };"],
    ["a rejected getter that loops", "Promise.reject({ get message() { while (true) {} } }); await new Promise(() => {});"],
    [
      "a thrown proxy that loops",
      "throw new Proxy({}, { get() { while (true) {} }, getPrototypeOf() { while (true) {} }, ownKeys() { while (true) {} } });",
    ],
    ["a result whose getter loops", "return { get content() { while (true) {} } };"],
    ["a thenable that never settles but loops", "return { then() { while (true) {} } };"],
    ["a huge number", "let n = 3n; while (true) n = n * n;"],
    ["a huge number as text", "let n = 3n ** 200000n; for (;;) { n = n * n; n.toString(); }"],
    ["a huge source", "eval('1;'.repeat(3e6)); for (;;) eval('(' + 'function f(){};'.repeat(2e4) + ')');"],
    ["too many timers", "while (true) setTimeout(() => {}, 1e6);"],
    ["requests without end", "const all = []; for (;;) { all.push(ctx.store.get('x').catch(() => {})); if (all.length % 1000 === 0) await null; }"],
    ["a result without end", "return text('x'.repeat(5e6));"],
    ["a frame over the limit", "Array.prototype.join = () => '\u20ac'.repeat(3e6); console.log('x'); await new Promise(() => {});"],
    ["an answer that is no message", "Array.prototype.join = () => '1,2'; return text('x');"],
    ["hashes without end", "for (;;) await crypto.subtle.digest('SHA-512', new Uint8Array(2e6));"],
  ];

  it.each(hostile)("%s", async (_what, code) => {
    const host = await start([tool("bad.one", code), tool("good.one", "return text('fine');")], { turnMs: 400, callMs: 1_500 });
    expect(await use(host, "good.one")).toBe("fine");
    const [failed] = await Promise.all([fails(host, "bad.one"), steady(host)]);
    expect(["PLINTH_EXTENSION_EXITED", "PLINTH_EXTENSION_FAILED", "PLINTH_PAYLOAD", "PLINTH_PROTOCOL"]).toContain(failed.code);
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
