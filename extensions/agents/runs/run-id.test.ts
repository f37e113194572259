import type { Context, TurnEvent } from "@plinth/sdk";
import type { TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import manifest from "./plinth.json" with { type: "json" };
import { runIdOf } from "./run-id.ts";
import { end, owner, startTurns, words } from "./turns.testing.ts";

let host: TestHost;
afterEach(() => host.close());

const GUEST = { role: "guest", via: "acme.third" } as const;
const said = (text: string) => ({ role: "assistant" as const, content: [{ type: "text" as const, text }] });

/** Another publisher's extension, as it is called in work of its own. */
async function third(): Promise<Context> {
  let ctx!: Context;
  const uses = ["plinth.turns", "plinth.session-store"].map((contract) => ({ contract, range: "^1" }));
  const parts = { id: "acme.third", title: "x", description: "x", provides: [], uses, config: {}, hooks: [] };
  const extension = { activate: (given: Context) => void (ctx = given) };
  host = await startTurns({ extensions: [{ manifest: { ...manifest, ...parts }, extension, trusted: false }] });
  await host.activate("acme.third");
  return ctx;
}

async function all(events: AsyncIterable<TurnEvent>): Promise<TurnEvent[]> {
  const seen: TurnEvent[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

describe("the id of a run that another publisher's extension names", () => {
  it("is its own: what it claims and ends in the store is not told as the end of a message that comes later", async () => {
    const ctx = await third();
    const store = ctx.use("plinth.session-store").one();
    await host.as(GUEST, async () => {
      const claim = { key: "main", runId: "ch-1" };
      const { fence } = await store.claim({ ...claim, ttlMs: 60_000 });
      await store.release({ ...claim, fence, status: "ok", bodies: [{ kind: "message", message: said("call +1 900 EVIL") }] });
    });
    expect(await host.as(owner, () => end(host, "hello", { runId: "ch-1" }))).toMatchObject({ status: "ok", text: "HELLO" });
    expect(await words(host)).toEqual(["assistant: call +1 900 EVIL", "ok", "user: hello", "assistant: HELLO", "ok"]);
    const { entries } = await host.use("plinth.session-store").one().history({ key: "main" });
    expect(entries.map(({ runId }) => runId)).toEqual([...Array(2).fill("acme.third/ch-1"), ...Array(3).fill("ch-1")]);
  });

  it("is its own in turns as well, the same each time, and is known by what it called it and by what it was told", async () => {
    const ctx = await third();
    const turns = ctx.use("plinth.turns").one();
    const submit = (text: string, runId: string) => host.as(GUEST, () => all(turns.submit({ text, surface: "x", runId })));
    const [start] = await submit("mine", "ch-1");
    const told = (start as { runId: string }).runId;
    expect(told).toMatch(/^x-[0-9a-f]{16}-[0-9a-f]{40}$/);
    expect(await host.as(owner, () => end(host, "hello", { runId: "ch-1" }))).toMatchObject({ status: "ok", text: "HELLO" });
    for (const id of ["ch-1", told]) expect((await submit("other words", id)).at(-1)).toMatchObject({ type: "end", text: "MINE" });
    const followed: string[] = [];
    await host.as(GUEST, async () => {
      for await (const { event } of turns.follow({ runId: "ch-1" })) if (event.type === "end") followed.push(event.text);
    });
    expect(followed).toEqual(["MINE"]);
  });

  it("is nobody else's, whatever they call theirs", () => {
    const ids = ["plinth.gateway", "host", "acme.a", "acme.b"].map((caller) => runIdOf(caller, "ch-1"));
    expect(ids.slice(0, 2)).toEqual(["ch-1", "ch-1"]);
    expect(new Set(ids).size).toBe(3);
    expect(runIdOf("acme.b", ids[2] as string)).not.toBe(ids[2]);
    expect(runIdOf("acme.a", ids[2] as string)).toBe(ids[2]);
  });
});
