import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TranscriptEntry, toolCallsOf, toolResultsOf } from "@plinth/sdk";
import fc from "fast-check";
import { expect, it } from "vitest";
import { Process } from "./store.testing.ts";

type Body = TranscriptEntry["body"];

/** What the store should know of one session. */
interface Model {
  /** The claim: which run, of which process, until when. */
  claim: { runId: string; host: number; expires: number } | null;
  ended: Map<string, string>;
  /** Every entry ever written, in order. */
  entries: Map<string, TranscriptEntry>;
  heads: string[];
}

interface World {
  dir: string;
  now: number;
  hosts: Process[];
}

const TTL = 1_000;
const keys = ["a", "b"];
const run = fc.nat(5);
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant("begin" as const), run }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("say" as const), run, own: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("call" as const), run, calls: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("result" as const), run, call: fc.nat(12) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("renew" as const), run }) },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant("end" as const), run, status: fc.constantFrom("ok" as const, "error" as const, "aborted" as const) }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("head" as const), at: fc.nat(40) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 1_500 }) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("restart" as const) }) },
);
const step = fc.record({ key: fc.constantFrom(...keys), host: fc.nat(1), what: operation });

it("keeps its invariants over any sequence of operations of two processes, pauses and restarts", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const world: World = { dir: mkdtempSync(join(tmpdir(), "plinth-sessions-")), now: 1_000_000, hosts: [] };
      const open = () => Process.open({ dir: world.dir, now: () => world.now });
      const models = new Map<string, Model>(keys.map((key) => [key, { claim: null, ended: new Map(), entries: new Map(), heads: [] }]));
      let call = 0;
      try {
        world.hosts.push(await open(), await open());
        for (const { key, host, what } of steps) {
          if (what.op === "wait") world.now += what.ms;
          else if (what.op === "restart") {
            world.hosts[host]!.close();
            world.hosts[host] = await open();
            // Its own claims are as foreign to it as another's; what has expired is ended by it.
            for (const model of models.values()) {
              if (model.claim !== null && model.claim.expires <= world.now) expire(model);
              if (model.claim?.host === host) model.claim.host = -1;
            }
          } else await apply(world, host, key, models.get(key)!, what, () => `c${call++}`);
          for (const [other, one] of models) await check(world, other, one);
        }
      } finally {
        for (const one of world.hosts) one.close();
        rmSync(world.dir, { recursive: true, force: true });
      }
    }),
    { numRuns: 100 },
  );
}, 120_000);

type Operation = Exclude<typeof operation extends fc.Arbitrary<infer T> ? T : never, { op: "wait" } | { op: "restart" }>;

function expire(model: Model): void {
  model.ended.set(model.claim!.runId, "interrupted");
  model.claim = null;
}

async function apply(world: World, host: number, key: string, model: Model, what: Operation, nextCall: () => string): Promise<void> {
  const store = world.hosts[host]!;
  const expired = model.claim !== null && model.claim.expires <= world.now;
  if (what.op === "head") {
    const head = model.heads[what.at] ?? null;
    const outcome = await code(store.setHead({ key, head }));
    if (outcome !== "ok") expect(model.claim !== null && !expired).toBe(true);
    else if (expired && ((await store.list()).sessions.find((one) => one.key === key)?.entries ?? 0) > model.entries.size) expire(model);
    return;
  }
  const runId = `${key}-${what.run}`;
  // A claim that has expired is good while nobody else wanted the session: what decides is the fence.
  const holds = model.claim?.runId === runId && model.claim.host === host;
  const own = holds ? ["ok"] : ["PLINTH_SESSION_FENCED"];
  switch (what.op) {
    case "begin": {
      const outcome = await code(store.beginRun({ key, runId, message: text("user", runId), ttlMs: TTL }));
      if (model.claim !== null && !expired) expect(outcome).toBe("PLINTH_SESSION_BUSY");
      else if (model.ended.has(runId) || model.claim?.runId === runId) expect(outcome).toBe("PLINTH_SESSION_RAN");
      else {
        expect(outcome).toBe("ok");
        if (model.claim !== null) expire(model);
        model.claim = { runId, host, expires: world.now + TTL };
      }
      return;
    }
    case "say":
      expect(await code(store.append({ key, bodies: [said("text")], ...(what.own ? { runId } : {}) }))).toBe(what.own ? own[0] : "ok");
      return;
    case "call":
      expect(await code(store.append({ key, runId, bodies: [called(Array.from({ length: what.calls }, nextCall))] }))).toBe(own[0]);
      return;
    case "result": {
      const outcome = await code(store.append({ key, runId, bodies: [answered(`c${what.call}`)] }));
      expect(holds ? ["ok", "PLINTH_SESSION_RESULT"] : own).toContain(outcome);
      return;
    }
    case "renew":
      expect(await code(store.renew({ key, runId, ttlMs: TTL }))).toBe(own[0]);
      if (holds) model.claim!.expires = world.now + TTL;
      return;
    case "end": {
      const outcome = await code(store.endRun({ key, runId, status: what.status }));
      expect(outcome).toBe(holds || model.ended.has(runId) ? "ok" : "PLINTH_SESSION_FENCED");
      if (!holds) return;
      model.ended.set(runId, what.status);
      model.claim = null;
    }
  }
}

const text = (role: "user", words: string) => ({ role, content: [{ type: "text" as const, text: words }] });
const said = (words: string): Body => ({ kind: "message", message: { role: "assistant", content: [{ type: "text", text: words }] } });
const called = (ids: string[]): Body => ({
  kind: "message",
  message: { role: "assistant", content: ids.map((id) => ({ type: "tool-call" as const, id, name: "read", args: {} })) },
});
const answered = (callId: string): Body => ({
  kind: "message",
  message: { role: "tool", content: [{ type: "tool-result", callId, name: "read", content: [] }] },
});

const code = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "ok",
    (error) => error.code as string,
  );

async function check(world: World, key: string, model: Model): Promise<void> {
  const { entries } = await world.hosts[0]!.history({ key, limit: 10_000 });
  expect(await world.hosts[1]!.history({ key, limit: 10_000 })).toEqual({ entries });
  const info = (await world.hosts[0]!.list()).sessions.find((session) => session.key === key);
  expect(info?.running ?? null).toBe(model.claim !== null && model.claim.expires > world.now ? model.claim.runId : null);
  // Unbroken: each entry's parent is the one before it, the first one is a root, the last one is the head.
  expect(entries.map(({ parent }) => parent)).toEqual(entries.map((_, index) => entries[index - 1]?.id ?? null));
  expect(info?.head ?? null).toBe(entries.at(-1)?.id ?? null);
  // Ordered: a number rises along each branch, whichever process wrote.
  expect(entries.map(({ seq }) => seq)).toEqual(entries.map(({ seq }) => seq).sort((a, b) => a - b));
  // Append-only: what was seen once is seen unchanged for ever.
  for (const entry of entries) {
    const known = model.entries.get(entry.id);
    if (known) expect(entry).toEqual(known);
    else model.heads.push(entry.id);
    model.entries.set(entry.id, entry);
  }
  expect(info?.entries ?? 0).toBeGreaterThanOrEqual(model.entries.size);
  checkRuns([...model.entries.values()], model);
  checkCalls([...model.entries.values()], model.claim?.runId ?? null);
}

/** A run ends at most once, and what it ended with never changes. */
function checkRuns(entries: TranscriptEntry[], model: Model): void {
  const ends = new Map<string, string>();
  for (const { runId, body } of entries) {
    if (body.kind !== "run-end") continue;
    expect(ends.has(runId!)).toBe(false);
    ends.set(runId!, body.status);
  }
  for (const [runId, status] of ends) expect(model.ended.get(runId)).toBe(status);
}

/** Each call of a run that ended has exactly one result; a run in progress has at most one for each. */
function checkCalls(entries: TranscriptEntry[], running: string | null): void {
  const results = new Map<string, number>();
  for (const { body } of entries) {
    if (body.kind !== "message") continue;
    for (const { callId } of toolResultsOf(body.message.content)) results.set(callId, (results.get(callId) ?? 0) + 1);
  }
  for (const { body, runId } of entries) {
    if (body.kind !== "message" || body.message.role !== "assistant") continue;
    for (const { id } of toolCallsOf(body.message.content)) {
      const count = results.get(id) ?? 0;
      if (runId === running) expect(count).toBeLessThanOrEqual(1);
      else expect(count).toBe(1);
      results.delete(id);
    }
  }
  expect([...results.keys()], "results without a call").toEqual([]);
}
