import type { Manifest } from "@plinth/manifests";

export interface Source {
  manifest: Partial<Manifest> & { id: string };
  /** TypeScript of the entry; none for an extension without code. */
  code?: string;
}

/** Fills the slot that keeps values, in memory. */
export const storeExtension: Source = {
  manifest: {
    id: "test.store",
    provides: [{ contract: "plinth.kv-store", version: "1.0.0", id: "memory", descriptor: { title: "Memory" } }],
    tiers: ["host"],
  },
  code: `
    const spaces = new Map();
    const of = (space) => { if (!spaces.has(space)) spaces.set(space, new Map()); return spaces.get(space); };
    export default defineExtension({ activate(ctx) {
      ctx.provide("plinth.kv-store", "memory", {
        get: ({ space, key }) => of(space).get(key) ?? null,
        set: ({ space, key, value }) => (of(space).set(key, value), true),
        delete: ({ space, key }) => of(space).delete(key),
        keys: ({ space, prefix }) => [...of(space).keys()].filter((key) => key.startsWith(prefix)).sort(),
        clear: ({ space }) => (spaces.delete(space), true),
      });
    } });`,
};

const method = { input: {}, output: {}, deadlineMs: 5_000 };
const hook = { mode: "transform" as const, payload: {}, deadlineMs: 2_000, failure: "open" as const };

/** Defines the contract that most tests speak: two methods, a stream, hooks of each mode. */
export const wordsExtension: Source = {
  manifest: {
    id: "test.words",
    defines: [
      {
        id: "test.words.lab",
        version: "1.1.0",
        title: "Lab",
        cardinality: "many",
        selection: "by-id",
        descriptor: {},
        methods: { run: method, who: method, count: { input: {}, stream: {}, deadlineMs: 2_000 } },
        hooks: {
          "test.words.changing": hook,
          "test.words.allowed": { ...hook, mode: "gate", failure: "closed", deadlineMs: 500 },
          "test.words.told": { ...hook, mode: "observe" },
        },
      },
    ],
    provides: [{ contract: "test.words.lab", version: "1.1.0", id: "words", descriptor: {} }],
  },
  code: `
    export default defineExtension({ activate(ctx) {
      ctx.provide("test.words.lab", "words", {
        run: ({ hook, payload }) => ctx.hooks.fire(hook, payload),
        who: (_input, call) => ({ caller: call.caller, principal: call.work?.principal ?? null }),
        async *count({ to }) { for (let n = 1; n <= to; n++) yield n; },
      });
    } });`,
};

/** An extension that provides one lab; `run` is the body of its method, `activate` runs before. */
export function lab(id: string, code: { run?: string; activate?: string; top?: string } = {}, manifest: Partial<Manifest> = {}): Source {
  const name = id.split(".")[1] as string;
  return {
    manifest: { id, provides: [{ contract: "test.words.lab", version: "1.0.0", id: name, descriptor: {} }], ...manifest },
    code: `
      ${code.top ?? ""}
      export default defineExtension({ async activate(ctx) {
        ${code.activate ?? ""}
        ctx.provide("test.words.lab", "${name}", {
          run: async (input, call) => { ${code.run ?? "return { version: ctx.version, config: ctx.config, input };"} },
          who: (_input, call) => ({ caller: call.caller, principal: call.work?.principal ?? null }),
          async *count({ to }, call) { for (let n = 1; n <= to; n++) yield n; },
        });
      } });`,
  };
}

/** Goes around the author API: its `run` speaks to the host's bridge directly. */
export function bare(id: string, manifest: Partial<Manifest> = {}): Source {
  const name = id.split(".")[1] as string;
  return {
    manifest: { id, provides: [{ contract: "test.words.lab", version: "1.0.0", id: name, descriptor: {} }], ...manifest },
    code: `
      const all = async (items) => { const out = []; for await (const one of items) out.push(one instanceof Uint8Array ? new TextDecoder().decode(one) : one); return out; };
      const done = (value) => ({ value });
      export default { plinth: 1, async start(bridge, info, registrations) {
        if (info.config.provideMore) registrations.provide("test.words.lab", "more", {});
        if (info.config.hookMore) registrations.on("test.words.told", () => {});
        registrations.provide("test.words.lab", "${name}", {
          run: async ({ op, args = [] }) => {
            if (op === "open") return done(await all(bridge.open(...args, {})));
            if (op === "fetch") return done(await all(bridge.fetch(args[0], undefined)));
            if (op === "call" || op === "fire") return done(await bridge[op](...args, {}));
            if (op === "work") return done(await bridge.work(args[0], async () => bridge.call("test.words.lab", "words", "who", {}, {})));
            return done(await bridge[op](...args));
          },
        });
        return { stop: async () => {} };
      } };`,
  };
}

export const usesLab = { uses: [{ contract: "test.words.lab", range: "^1" }] };
