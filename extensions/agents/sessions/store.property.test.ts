import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TranscriptEntry } from "@plinth/sdk";
import fc from "fast-check";
import { expect, it } from "vitest";
import { SessionStore } from "./store.ts";

type Body = TranscriptEntry["body"];

/** What the store should know of one session. */
interface Model {
  running: string | null;
  ended: Set<string>;
  /** Every entry ever written, in order. */
  entries: Map<string, TranscriptEntry>;
  heads: string[];
}

const keys = ["a", "b"];
const operation = fc.oneof(
  { weight: 3, arbitrary: fc.record({ op: fc.constant("begin" as const), run: fc.nat(5) }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("say" as const), run: fc.nat(5), own: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("call" as const), run: fc.nat(5), calls: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("result" as const), run: fc.nat(5), call: fc.nat(12) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant("end" as const),
      run: fc.nat(5),
      status: fc.constantFrom("ok" as const, "error" as const, "aborted" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("head" as const), at: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("reopen" as const) }) },
);
const step = fc.record({ key: fc.constantFrom(...keys), what: operation });

it("keeps its invariants over any sequence of operations and restarts", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const dir = mkdtempSync(join(tmpdir(), "plinth-sessions-"));
      let store = await SessionStore.open({ dir });
      const models = new Map<string, Model>(keys.map((key) => [key, { running: null, ended: new Set(), entries: new Map(), heads: [] }]));
      let call = 0;
      try {
        for (const { key, what } of steps) {
          const model = models.get(key)!;
          if (what.op === "reopen") {
            store.close();
            store = await SessionStore.open({ dir });
            for (const one of models.values()) {
              if (one.running !== null) one.ended.add(one.running);
              one.running = null;
            }
          } else {
            await apply(store, key, model, what, () => `c${call++}`);
          }
          for (const [other, one] of models) await check(store, other, one);
        }
      } finally {
        store.close();
        rmSync(dir, { recursive: true, force: true });
      }
    }),
    { numRuns: 120 },
  );
}, 120_000);

type Operation = Exclude<typeof operation extends fc.Arbitrary<infer T> ? T : never, { op: "reopen" }>;

async function apply(store: SessionStore, key: string, model: Model, what: Operation, nextCall: () => string): Promise<void> {
  if (what.op === "head") {
    const head = model.heads[what.at] ?? null;
    const outcome = await code(store.setHead({ key, head }));
    const current = model.entries.size === 0 && model.heads.length === 0;
    if (outcome !== "ok") expect(model.running !== null && !current).toBe(true);
    return;
  }
  const runId = `${key}-${what.run}`;
  const holds = model.running === runId;
  switch (what.op) {
    case "begin": {
      const outcome = await code(store.beginRun({ key, runId, message: { role: "user", text: runId } }));
      expect(outcome).toBe(model.running === null ? "ok" : "PLINTH_SESSION_BUSY");
      if (outcome === "ok") model.running = runId;
      return;
    }
    case "say": {
      const bodies: Body[] = [{ kind: "message", message: { role: "assistant", text: "text" } }];
      const outcome = await code(store.append({ key, bodies, ...(what.own ? { runId } : {}) }));
      expect(outcome).toBe(!what.own || holds ? "ok" : "PLINTH_SESSION_FENCED");
      return;
    }
    case "call": {
      const toolCalls = Array.from({ length: what.calls }, () => ({ id: nextCall(), name: "read", args: {} }));
      const outcome = await code(store.append({ key, runId, bodies: [{ kind: "message", message: { role: "assistant", text: "", toolCalls } }] }));
      expect(outcome).toBe(holds ? "ok" : "PLINTH_SESSION_FENCED");
      return;
    }
    case "result": {
      const callId = `c${what.call}`;
      const outcome = await code(
        store.append({ key, runId, bodies: [{ kind: "message", message: { role: "tool", callId, name: "read", content: [] } }] }),
      );
      expect(holds ? ["ok", "PLINTH_SESSION_RESULT"] : ["PLINTH_SESSION_FENCED"]).toContain(outcome);
      return;
    }
    case "end": {
      const outcome = await code(store.endRun({ key, runId, status: what.status }));
      expect(outcome).toBe(holds || model.ended.has(runId) ? "ok" : "PLINTH_SESSION_FENCED");
      if (holds) {
        model.running = null;
        model.ended.add(runId);
      }
    }
  }
}

const code = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "ok",
    (error) => error.code as string,
  );

async function check(store: SessionStore, key: string, model: Model): Promise<void> {
  const { entries } = await store.history({ key, limit: 10_000 });
  const info = (await store.list({})).sessions.find((session) => session.key === key);
  expect(info?.running ?? null).toBe(model.running);
  // Unbroken: each entry's parent is the one before it, the first one is a root, the last one is the head.
  expect(entries.map(({ parent }) => parent)).toEqual(entries.map((_, index) => entries[index - 1]?.id ?? null));
  expect(info?.head ?? null).toBe(entries.at(-1)?.id ?? null);
  // Append-only: what was seen once is seen unchanged for ever.
  for (const entry of entries) {
    const known = model.entries.get(entry.id);
    if (known) expect(entry).toEqual(known);
    else model.heads.push(entry.id);
    model.entries.set(entry.id, entry);
  }
  expect(info?.entries ?? 0).toBeGreaterThanOrEqual(model.entries.size);
  checkCalls([...model.entries.values()], model.running);
}

/** Each call of a run that ended has exactly one result; a run in progress has at most one for each. */
function checkCalls(entries: TranscriptEntry[], running: string | null): void {
  const results = new Map<string, number>();
  for (const { body } of entries) {
    if (body.kind === "message" && body.message.role === "tool") results.set(body.message.callId, (results.get(body.message.callId) ?? 0) + 1);
  }
  for (const { body, runId } of entries) {
    if (body.kind !== "message" || body.message.role !== "assistant") continue;
    for (const { id } of body.message.toolCalls ?? []) {
      const count = results.get(id) ?? 0;
      if (runId === running) expect(count).toBeLessThanOrEqual(1);
      else expect(count).toBe(1);
      results.delete(id);
    }
  }
  expect([...results.keys()], "results without a call").toEqual([]);
}
