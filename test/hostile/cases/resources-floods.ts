import { both, by, type HostileCase } from "../case.ts";

const bounded = by("bounded", "none");
const late = by("deadline", "PLINTH_DEADLINE");
const paused = by("time limit", "PLINTH_EXTENSION_EXITED");
/** Where the machine is slow, megabytes themselves take longer than a turn of the loop may. */
const madeSlowly = by("time limit", "PLINTH_EXTENSION_EXITED");
const eaten = [by("heap limit", "PLINTH_EXTENSION_EXITED"), by("memory watch", "PLINTH_EXTENSION_EXITED"), by("watchdog", "PLINTH_EXTENSION_EXITED")];

/** What goes on for as long as its budget lasts: the answer says so, and everybody else was answered meanwhile. */
const calm = (id: string, tries: string, code: string, more: Partial<HostileCase> = {}): HostileCase => ({
  id,
  tries,
  phase: "call",
  code,
  async attack(attack) {
    const refused = await attack.install();
    if (refused !== null) return refused;
    const found = await attack.call();
    return found.code === "none" ? { ...found, by: "bounded" } : found;
  },
  stopped: both([bounded, late, paused]),
  ...more,
});

const command = (name: string, body: string): Pick<HostileCase, "parts"> => ({
  parts: (_facts, tier) => ({
    module: `import { defineExtension } from "@plinth/sdk";
      export default defineExtension({ activate(ctx) { ctx.provide("plinth.chat-command", "${name}-${tier}", { run: async function* () { ${body} } }); } });`,
    manifest: {
      provides: [
        { contract: "plinth.chat-command", version: "1.0.0", id: `${name}-${tier}`, descriptor: { name: `${name}-${tier}`, summary: "Streams." } },
      ],
    },
  }),
});

export const cases: HostileCase[] = [
  calm(
    "call-flood",
    "asks the host a hundred thousand things without waiting for an answer",
    'for (let n = 0; n < 1e5; n++) ctx.store.get("x").catch(() => {}); return say("done");',
    {
      stopped: both([bounded, late, paused, ...eaten]),
    },
  ),
  calm("call-storm", "asks the host one thing after the other without end", 'for (;;) await ctx.store.get("x");', {
    stopped: both([late, by("call budget", "PLINTH_QUOTA")]),
  }),
  calm("log-flood", "logs twenty thousand long lines", 'for (let n = 0; n < 2e4; n++) ctx.log.error("x".repeat(1000)); return say("done");'),
  calm("console-flood", "prints twenty thousand long lines", 'for (let n = 0; n < 2e4; n++) console.log("x".repeat(1000)); return say("done");'),
  calm("timer-flood", "sets a million timers", "for (let n = 0; n < 1e6; n++) setTimeout(() => {}, 1e6); return say('done');", {
    stopped: { isolate: by("timer limit", "PLINTH_EXTENSION_EXITED"), process: [bounded, late, ...eaten] },
  }),
  calm(
    "interval-flood",
    "lets five hundred timers fire without a pause",
    "for (let n = 0; n < 500; n++) setInterval(() => {}, 0); await new Promise((resolve) => setTimeout(resolve, 1500)); return say('done');",
  ),
  calm(
    "store-fill",
    "fills its store",
    'return attempt(async () => { for (let n = 0; ; n++) await ctx.store.set("k" + n, "x".repeat(200_000)); });',
    {
      manifest: { budgets: { storageMb: 1 } },
      stopped: both(by("store quota", "PLINTH_QUOTA")),
    },
  ),
  calm(
    "store-keys",
    "stores a hundred thousand small values at once",
    'return attempt(async () => { await Promise.all(Array.from({ length: 1e5 }, (_, n) => ctx.store.set("k" + n, n))); return "stored"; });',
    {
      stopped: both([bounded, late, paused, ...eaten, by("store quota", "PLINTH_QUOTA"), by("call budget", "PLINTH_QUOTA")]),
    },
  ),
  calm("store-huge", "stores one value of ten megabytes", 'return attempt(() => ctx.store.set("k", "x".repeat(1e7)));', {
    stopped: both([by("frame limit", "PLINTH_PAYLOAD"), by("store quota", "PLINTH_QUOTA"), madeSlowly]),
  }),
  calm(
    "schema-redos",
    "has the host check text against a pattern that backtracks for ever",
    'return attempt(() => ctx.validate({ type: "string", pattern: "^(a+)+$" }, "a".repeat(64) + "!"));',
    {
      stopped: both(by("schema guard", "PLINTH_SCHEMA")),
    },
  ),
  calm(
    "schema-flood",
    "has the host check a thousand values against schemas of their own",
    'return attempt(async () => (await Promise.allSettled(Array.from({ length: 1000 }, (_, n) => ctx.validate({ type: "string", pattern: "^(a+)+" + n + "$" }, "a".repeat(30) + "!")))).length);',
    {
      stopped: both([late, bounded]),
    },
  ),
  calm(
    "refusal-flood",
    "asks for what it was not granted, a hundred thousand times",
    'for (let n = 0; n < 1e5; n++) ctx.fetch("http://127.0.0.1:9/x").catch(() => {}); return say("done");',
    {
      stopped: both([bounded, late, paused, ...eaten]),
    },
  ),
  calm(
    "neighbour-flood",
    "calls another extension a hundred thousand times at once",
    'for (let n = 0; n < 1e5; n++) ctx.use("plinth.tool").get("neighbour-process").call({ args: { n: 1 } }).catch(() => {}); return say("done");',
    {
      manifest: { uses: [{ contract: "plinth.tool", range: "^1" }] },
      stopped: both([bounded, late, paused, ...eaten]),
    },
  ),
  {
    id: "output-flood",
    tries: "writes to its standard output and error without end",
    phase: "call",
    top: 'import { writeSync } from "node:fs";',
    code: 'for (;;) for (const fd of [1, 2]) try { writeSync(fd, "x".repeat(60_000) + "\\n"); } catch {}',
    stopped: { process: late },
  },
  {
    id: "descriptor-flood",
    tries: "opens files without closing them",
    phase: "call",
    top: 'import { openSync } from "node:fs";',
    manifest: { permissions: { fs: ["data"] } },
    code: 'return attempt(() => { for (let n = 0; ; n++) openSync(ctx.dataDir + "/" + n, "w"); });',
    stopped: { process: by("system wall", "EMFILE") },
  },
  {
    id: "disk-file",
    tries: "writes one file without end into its own folder",
    phase: "call",
    top: 'import { openSync, writeSync } from "node:fs";',
    manifest: { permissions: { fs: ["data"] }, budgets: { storageMb: 8 } },
    code: 'return attempt(() => { const fd = openSync(ctx.dataDir + "/fill", "w"); const bytes = Buffer.alloc(1 << 20, 1); for (let n = 0; n < 256; n++) writeSync(fd, bytes); return "256 MiB"; });',
    stopped: { process: [by("storage watch", "PLINTH_EXTENSION_EXITED"), by("system wall", "EFBIG")] },
  },
  {
    id: "stream-flood",
    tries: "streams text without end",
    phase: "stream",
    ...command("stream-flood", "for (;;) yield { text: 'x'.repeat(10_000) };"),
    attack: async (attack) => (await attack.install()) ?? (await attack.send(`/stream-flood-${attack.tier}`)).found,
    stopped: both(by("answer limit", "PLINTH_ANSWER_TOO_LONG")),
  },
  {
    id: "huge-item",
    tries: "streams an item of eight megabytes",
    phase: "stream",
    ...command("huge-item", "yield { text: 'x'.repeat(8e6) };"),
    attack: async (attack) => (await attack.install()) ?? (await attack.send(`/huge-item-${attack.tier}`)).found,
    stopped: both([by("frame limit", "PLINTH_PAYLOAD"), madeSlowly]),
  },
  {
    id: "wrong-item",
    tries: "streams what is no item",
    phase: "stream",
    ...command("wrong-item", "yield { text: 'one' }; yield { html: '<script>' };"),
    attack: async (attack) => (await attack.install()) ?? (await attack.send(`/wrong-item-${attack.tier}`)).found,
    stopped: both(by("schema check", "PLINTH_PAYLOAD")),
  },
  {
    id: "huge-hook-answer",
    tries: "blows up every answer in a hook to eight megabytes",
    phase: "hook",
    alone: true,
    manifest: { provides: [], hooks: [{ on: "message.received", deadlineMs: 500 }] },
    module: `import { defineExtension } from "@plinth/sdk";
      export default defineExtension({ activate(ctx) { ctx.hooks.on("message.received", (payload) => ({ ...payload, text: "x".repeat(8e6) })); } });`,
    stopped: both([by("frame limit", "PLINTH_PAYLOAD"), madeSlowly]),
  },
  {
    id: "wrong-hook-answer",
    tries: "answers a hook of every message with what is no message",
    phase: "hook",
    alone: true,
    manifest: { provides: [], hooks: [{ on: "message.received", deadlineMs: 500 }] },
    module: `import { defineExtension } from "@plinth/sdk";
      export default defineExtension({ activate(ctx) { ctx.hooks.on("message.received", () => ({ text: 42 })); } });`,
    stopped: both(by("schema check", "PLINTH_PAYLOAD")),
  },
];
