import { both, by, type HostileCase, type Stop } from "../case.ts";

const isolate: Stop[] = [by("time limit", "PLINTH_EXTENSION_EXITED")];
const stuck: Stop[] = [by("watchdog", "PLINTH_EXTENSION_EXITED"), by("deadline", "PLINTH_DEADLINE"), by("time limit", "PLINTH_EXTENSION_EXITED")];
const process: Stop[] = [by("deadline", "PLINTH_DEADLINE")];
/** Some loops eat memory too; what runs out first ends them. */
const hungry: Stop[] = [...process, by("heap limit", "PLINTH_EXTENSION_EXITED"), by("memory watch", "PLINTH_EXTENSION_EXITED")];
const missing = by("no such thing inside", "ReferenceError");

/** Code of a call that never gives its thread back. To a process it is all the same; an isolate meets each in another way. */
const loops: [id: string, tries: string, code: string, isolate?: Stop[], process?: Stop[] | null][] = [
  ["loop-in-call", "loops for ever in a call", "for (;;);"],
  ["loop-caught", "loops for ever and catches whatever would end it", "for (;;) { try { for (;;); } catch {} finally { continue; } }"],
  ["loop-after-await", "loops after the host has answered something", 'await ctx.store.get("x"); for (;;);', isolate, null],
  [
    "microtask-storm",
    "queues microtasks without end",
    "const again = () => Promise.resolve().then(again); again(); for (;;) await null;",
    isolate,
    hungry,
  ],
  ["regex-backtracking", "runs a regular expression that backtracks for ever", 'return say(/^(a+)+$/.test("a".repeat(64) + "!"));'],
  [
    "generator-loop",
    "consumes a generator without end",
    "let n = 0; for (const one of (function* () { for (;;) yield 1; })()) n += one;",
    isolate,
    null,
  ],
  [
    "sort-loop",
    "sorts with a comparison that never settles",
    "const many = Array.from({ length: 2e5 }, Math.random); for (;;) many.sort(() => Math.random() - 0.5);",
    isolate,
    null,
  ],
  ["big-number", "squares a number until the machine gives up", "let n = 3n; for (;;) n *= n;", stuck],
  ["big-number-text", "writes out numbers of ever more digits", "for (let n = 20; ; n++) String(7n ** (2n ** BigInt(n)));", stuck, null],
  [
    "stack-trace-loop",
    "loops in Error.prepareStackTrace",
    "Error.prepareStackTrace = () => { for (;;); }; return say(new Error('x').stack);",
    stuck,
    null,
  ],
  ["json-loop", "answers with a value whose toJSON loops", "return { content: [{ type: 'text', text: 'x', toJSON() { for (;;); } }] };", stuck, null],
  ["getter-in-result", "answers with a value whose getter loops", "return { get content() { for (;;); } };", stuck],
  ["getter-in-error", "throws a value whose message loops", "throw { get message() { for (;;); } };", stuck, null],
  [
    "proxy-rejection",
    "rejects with a proxy whose every trap loops",
    "throw new Proxy({}, { get() { for (;;); }, getPrototypeOf() { for (;;); }, has() { for (;;); } });",
    stuck,
  ],
  [
    "unawaited-getter",
    "rejects a promise nobody awaits with a value whose message loops",
    "Promise.reject({ get message() { for (;;); }, get stack() { for (;;); } }); await new Promise(() => {});",
    stuck,
    null,
  ],
  [
    "huge-eval",
    "evaluates a program of three million statements",
    "return say(String(eval('x=1;'.repeat(3e6))));",
    [by("no such thing inside", "PLINTH_EXTENSION_FAILED")],
    hungry,
  ],
  [
    "recursion-in-proxy",
    "recurses through a proxy without end",
    "const p = new Proxy({}, { get: (t, k, r) => { try { return r[k]; } catch { return r[k]; } } }); p.x;",
    [...stuck, by("its own error", "PLINTH_EXTENSION_FAILED")],
  ],
];

export const cases: HostileCase[] = [
  ...loops.map(
    ([id, tries, code, inside = isolate, outside = process]): HostileCase => ({
      id,
      tries,
      phase: "call",
      code,
      stopped: outside === null ? { isolate: inside } : { isolate: inside, process: outside },
    }),
  ),
  {
    id: "loop-in-activate",
    tries: "loops for ever in activate",
    phase: "activate",
    activate: "for (;;);",
    slow: ["process"],
    stopped: { isolate: by("time limit", "PLINTH_EXTENSION_FAILED"), process: by("deadline", "PLINTH_DEADLINE") },
  },
  {
    id: "loop-at-import",
    tries: "loops for ever while its module is evaluated",
    phase: "activate",
    top: "for (;;);",
    slow: ["isolate", "process"],
    stopped: {
      isolate: [by("time limit", "PLINTH_EXTENSION_FAILED"), by("processor budget", "PLINTH_EXTENSION_FAILED")],
      process: by("deadline", "PLINTH_DEADLINE"),
    },
  },
  {
    id: "loop-in-hook",
    tries: "loops for ever in a hook of every message",
    phase: "hook",
    alone: true,
    manifest: { provides: [], hooks: [{ on: "message.received", deadlineMs: 500 }] },
    module: `import { defineExtension } from "@plinth/sdk";
      export default defineExtension({ activate(ctx) { ctx.hooks.on("message.received", () => { for (;;); }); } });`,
    stopped: {
      isolate: [...isolate, by("deadline", "PLINTH_DEADLINE")],
      process: [by("watchdog", "PLINTH_EXTENSION_EXITED"), by("deadline", "PLINTH_DEADLINE")],
    },
  },
  {
    id: "loop-in-timer",
    tries: "loops for ever in a timer, while nobody calls it",
    phase: "timer",
    activate: "setTimeout(() => { for (;;); }, 100);",
    async attack(attack) {
      const refused = await attack.install();
      return refused ?? attack.fault();
    },
    stopped: {
      isolate,
      process: [by("watchdog", "PLINTH_EXTENSION_EXITED"), by("processor budget", "PLINTH_EXTENSION_EXITED"), by("processor budget", "PLINTH_QUOTA")],
    },
  },
  {
    id: "nibbling-timer",
    tries: "keeps a processor busy for good, with a pause before each limit",
    phase: "timer",
    manifest: { budgets: { cpuMsPerMinute: 1_500 } },
    activate: "const bite = () => { const until = Date.now() + 200; while (Date.now() < until); setTimeout(bite, 1); }; setTimeout(bite, 50);",
    async attack(attack) {
      const refused = await attack.install();
      return refused ?? attack.fault();
    },
    stopped: both(by("processor budget", "PLINTH_QUOTA")),
  },
  {
    id: "finalizer-loop",
    tries: "loops in a finalizer, outside of every call",
    phase: "timer",
    code: `const registry = new FinalizationRegistry(() => { for (;;); });
      for (let n = 0; n < 100; n++) registry.register({}, n);
      for (let n = 0; n < 300; n++) { new Array(10_000).fill(n); if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1)); }
      await new Promise(() => {});`,
    stopped: { isolate: by("no such thing inside", "PLINTH_EXTENSION_FAILED"), process },
  },
  {
    id: "atomics-wait",
    tries: "puts its thread to sleep for ever",
    phase: "call",
    code: "return attempt(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0));",
    stopped: { isolate: missing, process },
  },
  {
    id: "wasm-loop",
    tries: "loops in WebAssembly",
    phase: "call",
    // (module (func (export "f") (loop (br 0))))
    code: `return attempt(() => new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([
      0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 9, 1, 7, 0, 3, 64, 12, 0, 11, 11]))).exports.f());`,
    stopped: { isolate: missing, process },
  },
];
