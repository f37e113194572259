import { PlinthError, type SetTool } from "@plinth/sdk";
import { describe, expect, it } from "vitest";
import { listed } from "./catalog.testing.ts";
import { SetLists } from "./set-lists.ts";

/** A host around it, whose store outlives it. */
function house() {
  const store = new Map<string, unknown>();
  const it = {
    now: 0,
    asked: 0,
    written: 0,
    config: {} as unknown,
    list: (_cursor?: string): { tools: SetTool[]; next?: string } => ({ tools: [listed("sweep")] }),
  };
  const client = {
    list: async ({ cursor }: { cursor?: string }) => {
      it.asked++;
      return it.list(cursor);
    },
  };
  const parts = {
    use: (contract: string) =>
      contract === "plinth.host" ? { one: () => ({ configGet: async () => ({ value: it.config }) }) } : { get: () => client },
    store: {
      get: async (key: string) => structuredClone(store.get(key)),
      set: async (key: string, value: unknown) => {
        it.written++;
        store.set(key, structuredClone(value));
      },
      delete: async (key: string) => {
        it.written++;
        return store.delete(key);
      },
    },
    clock: { now: () => it.now },
    log: { warn() {} },
  };
  return Object.assign(it, { boot: () => new SetLists(parts as never) });
}

const desk = (version = "1.0.0") => ({
  ...{ id: "desk", extension: "acme.desk", version, trusted: false },
  descriptor: { title: "x", effects: ["read" as const] },
});
const names = ({ tools }: { tools: readonly { name: string }[] }) => tools.map(({ name }) => name);

describe("the lists of tool sets", () => {
  it("are known after a restart without asking anybody, until something is about to be called", async () => {
    const it = house();
    await it.boot().of(desk());
    const lists = it.boot();
    it.list = () => ({ tools: [listed("dust")] });
    expect(names(await lists.of(desk()))).toEqual(["desk__sweep"]);
    expect(it.asked).toBe(1);
    expect(names(await lists.of(desk(), true))).toEqual(["desk__dust"]);
    expect(names(await lists.of(desk()))).toEqual(["desk__dust"]);
    expect(it.asked).toBe(2);
  });

  it("are written when they are other ones than those that are kept; of a set without tools nothing is", async () => {
    const it = house();
    it.list = () => ({ tools: [] });
    const empty = it.boot();
    await empty.of(desk());
    await empty.forget(["acme.desk"]);
    await it.boot().of(desk(), true);
    expect(it.written).toBe(0);
    it.list = () => ({ tools: [listed("sweep")] });
    for (let boot = 0; boot < 3; boot++) await it.boot().of(desk(), true);
    expect(it.written).toBe(1);
    it.list = () => ({ tools: [] });
    await it.boot().of(desk(), true);
    expect(it.written).toBe(2);
  });

  it("are asked for anew by another version, with another configuration, and after an extension was replaced", async () => {
    const it = house();
    await it.boot().of(desk());
    await it.boot().of(desk("1.0.1"));
    expect(it.asked).toBe(2);
    it.config = { server: "x" };
    const lists = it.boot();
    await lists.of(desk("1.0.1"));
    expect(it.asked).toBe(3);
    await lists.forget(["acme.other"]);
    await lists.of(desk("1.0.1"));
    expect(it.asked).toBe(3);
    await lists.forget(["acme.desk"]);
    await lists.of(desk("1.0.1"));
    expect(it.asked).toBe(4);
  });

  it("are read page by page, to a bound, and not for ever", async () => {
    const it = house();
    it.list = (cursor = "0") => ({ tools: Array.from({ length: 400 }, (_, n) => listed(`t${cursor}-${n}`)), next: String(Number(cursor) + 1) });
    const { tools, problems } = await it.boot().of(desk());
    expect(tools).toHaveLength(1_000);
    expect(problems).toMatchObject([{ what: "desk", code: "PLINTH_QUOTA" }]);
    it.list = () => ({ tools: [], next: "again" });
    expect(await it.boot().of(desk("2.0.0"))).toMatchObject({ tools: [], problems: [{ code: "PLINTH_PAYLOAD" }] });
    it.list = () => ({ tools: [listed("large", { description: "x".repeat(2_000_000) })] });
    expect(await it.boot().of(desk("3.0.0"))).toMatchObject({ tools: [], problems: [{ code: "PLINTH_QUOTA" }] });
  });

  it("of a set that fails are asked for with pauses that grow; what it said before stays meanwhile", async () => {
    const it = house();
    const lists = it.boot();
    await lists.of(desk());
    await lists.changed("desk");
    it.list = () => {
      throw new PlinthError("PLINTH_TOOL_SOURCE", "away");
    };
    const times: number[] = [];
    for (it.now = 0; it.now < 20_000; it.now += 500) {
      const before = it.asked;
      expect(await lists.of(desk())).toMatchObject({ tools: [{ name: "desk__sweep" }], problems: [{ code: "PLINTH_TOOL_SOURCE" }] });
      if (it.asked > before) times.push(it.now);
    }
    expect(times).toEqual([0, 2_000, 6_000, 14_000]);
    await expect(lists.of(desk(), true)).rejects.toMatchObject({ code: "PLINTH_TOOL_SOURCE" });
  });

  it("are asked for once by many at one time", async () => {
    const it = house();
    const lists = it.boot();
    await Promise.all([lists.of(desk()), lists.of(desk()), lists.of(desk(), true)]);
    expect(it.asked).toBe(1);
  });
});
