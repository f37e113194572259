import { type Context, PlinthError } from "@plinth/sdk";
import { describe, expect, it } from "vitest";
import { KeptResponses } from "./kept.ts";

const DAY = 24 * 3_600_000;

/** A store with as many places as it is given, and a clock that is set by hand. */
function setUp(places = 1_000) {
  const values = new Map<string, { value: unknown; until: number }>();
  let now = 1_000_000;
  const live = (key: string) => ((values.get(key)?.until ?? 0) > now ? values.get(key) : undefined);
  const store = {
    get: async (key: string) => structuredClone(live(key)?.value),
    async set(key: string, value: unknown, ttlMs: number) {
      if (!values.has(key) && values.size >= places) throw new PlinthError("PLINTH_QUOTA", "It is full.");
      values.set(key, { value: structuredClone(value), until: now + ttlMs });
    },
    delete: async (key: string) => values.delete(key),
    keys: async (prefix: string) => [...values.keys()].filter((key) => key.startsWith(prefix)).sort(),
  };
  const kept = new KeptResponses({ store, clock: { now: () => now } } as unknown as Context, "me");
  const say = async (text: string, previous?: string) => {
    const id = kept.newId();
    const messages = [{ role: "user" as const, content: [{ type: "text" as const, text }] }];
    await kept.keep({ response: { id, output: [] }, messages, ...(previous === undefined ? {} : { previous }) });
    return id;
  };
  const words = async (id: string, whole: boolean) => {
    const said = await kept.conversation(id, whole);
    return said?.messages.map(({ content: [part] }) => (part?.type === "text" ? part.text : ""));
  };
  return { kept, say, words, pass: (ms: number) => void (now += ms) };
}

describe("answers that are kept", () => {
  it("live for a day after they were last gone on from", async () => {
    const { say, words, pass } = setUp();
    const one = await say("one");
    pass(DAY * 0.75);
    const two = await say("two", one);
    expect(await words(two, true)).toEqual(["one", "two"]);
    pass(DAY * 0.75);
    expect(await words(two, true)).toEqual(["one", "two"]);
  });

  it("that are not there any more are named where an answer is gone on from; a conversation goes on with the rest", async () => {
    const { kept, say, words, pass } = setUp();
    const one = await say("one");
    pass(DAY * 0.9);
    const two = await say("two", one);
    pass(DAY * 0.2);
    await expect(words(two, true)).rejects.toMatchObject({ status: 400, code: "previous_response_not_found", message: expect.stringContaining(one) });
    expect(await words(two, false)).toEqual(["two"]);
    expect(await kept.conversation(one, false)).toBeUndefined();
    expect(await kept.get("../../last/x")).toBeUndefined();
  });

  it("give up the oldest where there is no room", async () => {
    const { kept, say, pass } = setUp(4);
    const ids = [];
    for (let at = 0; at < 6; at++) {
      ids.push(await say(`${at}`));
      pass(1);
    }
    const there = await Promise.all(ids.map(async (id) => (await kept.get(id)) !== undefined));
    expect(there).toEqual([false, false, true, true, true, true]);
  });
});
