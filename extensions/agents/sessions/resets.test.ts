import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessageOrigin } from "@plinth/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { chatOf, nextHour, type ResetConfig, Resets } from "./resets.ts";
import { Process } from "./store.testing.ts";

const MINUTE = 60_000;
const owner: MessageOrigin = { by: "owner", via: "page" };
const at = (text: string) => Date.parse(text);
const iso = (ms: number | undefined) => new Date(ms!).toISOString();

describe("the hour of a day", () => {
  it("comes once a day, also where clocks change", () => {
    expect(iso(nextHour(at("2026-03-28T10:00:00Z"), 4, "Europe/Berlin"))).toBe("2026-03-29T02:00:00.000Z");
    expect(iso(nextHour(at("2026-03-27T10:00:00Z"), 4, "Europe/Berlin"))).toBe("2026-03-28T03:00:00.000Z");
    // 2:00 is not there on this day: it is 3:00 then.
    expect(iso(nextHour(at("2026-03-28T23:30:00Z"), 2, "Europe/Berlin"))).toBe("2026-03-29T01:00:00.000Z");
    expect(iso(nextHour(at("2026-03-29T01:00:00Z"), 2, "Europe/Berlin"))).toBe("2026-03-30T00:00:00.000Z");
    // 2:00 is there twice: the first one counts.
    expect(iso(nextHour(at("2026-10-24T10:00:00Z"), 2, "Europe/Berlin"))).toBe("2026-10-25T00:00:00.000Z");
    expect(iso(nextHour(at("2026-10-25T00:30:00Z"), 2, "Europe/Berlin"))).toBe("2026-10-26T01:00:00.000Z");
    expect(iso(nextHour(at("2026-12-30T11:00:00Z"), 0, "Pacific/Apia"))).toBe("2026-12-31T11:00:00.000Z");
    // A day that was left out altogether.
    expect(iso(nextHour(at("2011-12-30T09:00:00Z"), 4, "Pacific/Apia"))).toBe("2011-12-30T14:00:00.000Z");
    expect(nextHour(0, 4, "Nowhere/Land")).toBeUndefined();
  });

  it("is never more than some hours over a day away, in any zone, at any time of two years", () => {
    for (const zone of ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago"]) {
      for (let from = at("2026-01-01T00:17:00Z"); from < at("2028-01-01T00:00:00Z"); from += 11 * 60 * MINUTE) {
        const next = nextHour(from, 0, zone)!;
        expect(next).toBeGreaterThan(from);
        expect(next - from).toBeLessThanOrEqual(25 * 60 * MINUTE);
      }
    }
  });
});

it("tells what kind of conversation it is by its key", () => {
  expect(chatOf("main")).toEqual({ type: "direct" });
  expect(chatOf("a/b")).toEqual({ type: "direct" });
  expect(chatOf("telegram/default/person/7")).toEqual({ channel: "telegram", type: "direct" });
  expect(chatOf("irc/x/channel/%23plinth")).toEqual({ channel: "irc", type: "group" });
  expect(chatOf("telegram/default/group/7/12")).toEqual({ channel: "telegram", type: "thread" });
  expect(chatOf("a/b/constructor/c")).toEqual({ type: "direct" });
});

describe("conversations", () => {
  let dir: string;
  let store: Process;
  let now = 0;
  let runs = 0;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "plinth-resets-"));
  });
  afterEach(() => {
    store.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const start = async (config: ResetConfig, from: string) => {
    now = at(from);
    store = await Process.open({ dir, now: () => now, resets: Resets.of(config) });
  };
  /** The conversation that the turn is shown, in words. */
  async function say(text: string, { key = "main", origin = owner }: { key?: string; origin?: MessageOrigin } = {}): Promise<string[]> {
    const runId = `r${runs++}`;
    await store.beginRun({ key, runId, message: { role: "user", content: [{ type: "text", text }] } }, { origin, payer: null });
    await store.endRun({ key, runId, status: "ok" }, origin);
    return words(key);
  }
  const words = async (key = "main") =>
    (await store.history({ key, limit: 1_000 })).entries.flatMap(({ body }) =>
      body.kind === "reset"
        ? [`(${body.reason})`]
        : body.kind === "message"
          ? [JSON.stringify(body.message.content).match(/"text":"(.*?)"/)![1]!]
          : [],
    );

  it("go on for ever where nothing is configured", async () => {
    await start({}, "2026-03-28T10:00:00Z");
    await say("one");
    now += 1_000 * 86_400_000;
    expect(await say("two")).toEqual(["one", "two"]);
    expect(Resets.of({ reset: {}, resetByType: { group: {} } })).toBeUndefined();
  });

  it("end each day at the hour, across both changes of the clock, and nothing is deleted", async () => {
    await start({ reset: { daily: 4, zone: "Europe/Berlin" } }, "2026-03-28T10:00:00Z");
    await say("one");
    now = at("2026-03-29T01:59:59Z");
    expect(await say("still")).toEqual(["one", "still"]);
    const [first] = (await store.history({ key: "main" })).entries;
    now = at("2026-03-29T02:00:00Z");
    expect(await say("two")).toEqual(["(daily)", "two"]);
    expect(await say("three")).toEqual(["(daily)", "two", "three"]);
    now = at("2026-10-25T02:59:00Z");
    expect(await say("autumn")).toEqual(["(daily)", "autumn"]);
    now = at("2026-10-25T03:00:00Z");
    expect(await say("later")).toEqual(["(daily)", "later"]);
    const { entries } = (await store.store.catalogue.get({ key: "main" })).session!;
    expect(entries).toBe(6 * 2 + 3);
    await store.setHead({ key: "main", head: first!.id });
    expect(await words()).toEqual(["one"]);
  });

  it("end when nobody said anything for so long; what the host does by itself neither keeps nor ends them", async () => {
    await start({ reset: { idleMinutes: 30 } }, "2026-06-01T10:00:00Z");
    await say("one");
    for (let beat = 0; beat < 3; beat++) {
      now += 15 * MINUTE;
      await say("beat", { origin: { by: "system" } });
    }
    expect(await words()).toEqual(["one", "beat", "beat", "beat"]);
    expect(await say("two")).toEqual(["(idle)", "two"]);
    now += 20 * MINUTE;
    await store.append({ key: "main", bodies: [{ kind: "command", command: "/status", answer: "ok" }] }, { origin: owner, payer: null });
    now += 20 * MINUTE;
    expect(await say("three")).toEqual(["(idle)", "two", "three"]);
  });

  it("end by whichever comes first", async () => {
    const reset = { daily: 4, zone: "UTC", idleMinutes: 120 };
    await start({ reset }, "2026-06-01T03:30:00Z");
    await say("one");
    now = at("2026-06-01T09:00:00Z");
    expect(await say("two")).toEqual(["(daily)", "two"]);
    now = at("2026-06-02T09:00:00Z");
    expect(await say("three")).toEqual(["(idle)", "three"]);
  });

  it("end by the rule of their channel, else of their kind, else of all", async () => {
    const config = {
      reset: { idleMinutes: 10 },
      resetByType: { group: { idleMinutes: 60 }, thread: {} },
      resetByChannel: { irc: { idleMinutes: 1_000 } },
    };
    await start(config, "2026-06-01T10:00:00Z");
    const keys = ["main", "telegram/default/group/7", "telegram/default/group/7/12", "irc/default/group/x"];
    for (const key of keys) await say("one", { key });
    now += 30 * MINUTE;
    const begun = [];
    for (const key of keys) begun.push((await say("two", { key }))[0]);
    expect(begun).toEqual(["(idle)", "one", "one", "one"]);
    now += 90 * MINUTE;
    for (const [i, key] of keys.entries()) begun[i] = (await say("three", { key }))[0];
    expect(begun).toEqual(["(idle)", "(idle)", "one", "one"]);
  });

  it("go on at an hour that nobody can tell, and where a clock was set back", async () => {
    await start({ reset: { daily: 4, zone: "Nowhere/Land" } }, "2030-06-01T10:00:00Z");
    expect(Resets.unknownZones({ reset: { zone: "Nowhere/Land" }, resetByChannel: { a: { zone: "UTC" } } })).toEqual(["Nowhere/Land"]);
    await say("one");
    now += 10 * 86_400_000;
    expect(await say("two")).toEqual(["one", "two"]);
    store.close();
    await start({ reset: { daily: 4, zone: "UTC", idleMinutes: 60 } }, "2026-06-01T10:00:00Z");
    expect(await say("three")).toEqual(["one", "two", "three"]);
    now += 86_400_000;
    expect((await say("four"))[0]).toBe("(idle)");
  });

  it("stay a guest's own when they end", async () => {
    const guest: MessageOrigin = { by: "guest", via: "telegram" };
    await start({ reset: { idleMinutes: 1 } }, "2026-06-01T10:00:00Z");
    await say("one", { key: "g", origin: guest });
    now += 5 * MINUTE;
    expect(await say("two", { key: "g", origin: guest })).toEqual(["(idle)", "two"]);
    await store.setHead({ key: "g", head: null }, guest);
  });
});
