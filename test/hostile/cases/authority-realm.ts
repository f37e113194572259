import { expect } from "vitest";
import { PROBE } from "../authority.testing.ts";
import { both, by, type HostileCase } from "../case.ts";

/** Ways out of its own realm, into the host's. */
export const cases: HostileCase[] = [
  {
    id: "prepare-stack-trace",
    tries: "takes the objects of every frame of a call stack through Error.prepareStackTrace, in search of the host's",
    phase: "call",
    stopped: { isolate: by("inert", "none") },
    code: `
      const found = [];
      Error.prepareStackTrace = (_error, sites) => {
        for (const site of sites) for (const read of ["getThis", "getFunction", "getEvalOrigin"]) {
          try {
            const held = site[read]();
            const made = held?.constructor?.constructor ?? held?.constructor;
            if (typeof made === "function") found.push(String(made("return typeof process + typeof require + typeof globalThis.__send")()));
          } catch {}
        }
        return "";
      };
      const sites = [new Error().stack];
      try { null.x; } catch (thrown) { sites.push(thrown.stack); }
      try { await ctx.store.get(7); } catch (thrown) { sites.push(thrown.stack); }
      delete Error.prepareStackTrace;
      return say("found " + [...new Set(found)].join(" "));`,
    blameless: true,
    check: (_attack, { message }) => expect(message).toMatch(/^found (undefinedundefinedundefined)?$/),
  },
  {
    id: "constructor-chain",
    tries: "climbs constructor chains of everything it was given, to a Function of the host",
    phase: "call",
    stopped: { isolate: by("no such thing inside", "ReferenceError") },
    top: PROBE,
    code: `
      const climb = (value) => () => { const made = value.constructor.constructor; return made("return process")().version; };
      const thrown = await ctx.store.get(7).catch((error) => error);
      return probe({
        this: climb({}), context: climb(ctx), input: climb(input), args: climb(input.args), call: climb(call), signal: climb(call.signal), work: climb(call.work),
        error: climb(thrown), promise: climb(ctx.store.get("x")), store: climb(ctx.store.get), timer: climb(setTimeout), url: climb(new URL("http://a/")), random: climb(crypto),
        generator: () => (async function* () {}).constructor("return process.version")().next(), console: climb(console.log),
      });`,
    blameless: true,
  },
  {
    id: "eval-for-require",
    tries: "makes code at run time that asks for require, process and the engine's own module",
    phase: "call",
    stopped: { isolate: by("no such thing inside", "ReferenceError") },
    top: PROBE,
    code: `
      return probe({
        eval: () => (0, eval)("process.version"), function: () => new Function("return require('fs').readFileSync('/etc/passwd', 'utf8')")(),
        binding: () => (0, eval)("process.binding('fs')"), module: () => (0, eval)("module.constructor._load('fs')"), ivm: () => (0, eval)("ivm.Isolate"),
        timers: () => setTimeout.constructor("return process")().pid, send: () => (0, eval)("__send('[]')"), entry: () => (0, eval)("__entry('[]')"),
        wasm: () => new (0, eval)("WebAssembly").Memory({ initial: 1 }), shared: () => new (0, eval)("SharedArrayBuffer")(8), buffer: () => (0, eval)("Buffer.allocUnsafe(64)"),
      });`,
    blameless: true,
  },
  {
    id: "import-at-run-time",
    tries: "imports node:fs, data: and file: modules at run time",
    phase: "call",
    stopped: { isolate: [by("its own error", "Error"), by("no such thing inside", "TypeError")] },
    top: PROBE,
    code: `
      const load = (name) => () => Function("name", "return import(name)")(name).then((module) => Object.keys(module).join());
      return probe({ fs: load("node:fs"), bare: load("fs"), data: load("data:text/javascript,export default 1"), file: load("file:///etc/passwd"), addon: load("isolated-vm") });`,
    blameless: true,
  },
  {
    id: "import-at-start",
    tries: "imports node:fs in its entry, where there are no modules",
    phase: "activate",
    stopped: { isolate: by("its own error", "PLINTH_EXTENSION_FAILED") },
    parts: (_facts, tier) => ({
      raw: true,
      module: `import fs from "node:fs"; export default { plinth: 1, async start(b, i, r) { r.provide("plinth.tool", "import-at-start-${tier}", { call: () => fs }); return { async stop() {} }; } };`,
    }),
  },
  {
    id: "tamper-promise",
    tries: "replaces Promise, Map, Array and Function methods of its own realm, to be called back with the host's objects",
    phase: "call",
    stopped: both([by("inert", "none"), by("its own error", "PLINTH_EXTENSION_FAILED"), by("schema check", "PLINTH_PAYLOAD")]),
    code: `
      const seen = new Set();
      const spy = (holder, name) => {
        const real = holder[name];
        holder[name] = function (...args) {
          for (const one of [this, ...args]) if ((typeof one === "object" || typeof one === "function") && one !== null) try { seen.add(String(one.constructor?.name)); } catch {}
          return Reflect.apply(real, this, args);
        };
        return () => { holder[name] = real; };
      };
      const undo = [spy(Promise.prototype, "then"), spy(Map.prototype, "get"), spy(Array.prototype, "push"), spy(Array.prototype, "join"), spy(Function.prototype, "bind"), spy(JSON, "parse"), spy(JSON, "stringify"), spy(Object, "entries")];
      await ctx.store.set("a", { b: 1 });
      await ctx.store.get("a");
      for (const back of undo) back();
      const foreign = [...seen].filter((name) => ["Broker", "Host", "Instance", "Generation", "Work", "Socket2"].includes(name));
      return say("fine " + foreign.join());`,
    blameless: true,
    check: (_attack, { message }) => expect(message).toBe("fine "),
  },
];
