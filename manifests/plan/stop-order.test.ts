import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Manifest } from "../schema/extension.ts";
import { stopOrder } from "./stop-order.ts";

const one = (id: string, uses: string[], provides: string[]) => ({
  record: {
    manifest: {
      id,
      uses: uses.map((contract) => ({ contract, range: "^1" })),
      provides: provides.map((contract) => ({ contract })),
    } as unknown as Manifest,
  },
});
const ids = (all: ReturnType<typeof one>[]): string[][] => stopOrder(all).map((layer) => layer.map(({ record }) => record.manifest.id).sort());

describe("the order of an end", () => {
  it("is who uses before who provides, and what all need last", () => {
    const all = [
      one("store", [], ["plinth.kv-store"]),
      one("sessions", [], ["sessions"]),
      one("runs", ["sessions", "harness"], ["turns"]),
      one("native", [], ["harness"]),
      one("cli", ["turns"], []),
    ];
    expect(ids(all)).toEqual([["cli"], ["runs"], ["native", "sessions"], ["store"]]);
  });

  it("takes those together that use each other, however long the way round is", () => {
    const all = [
      one("a", ["b"], ["a"]),
      one("b", ["c"], ["b"]),
      one("c", ["a", "d"], ["c"]),
      one("d", [], ["d"]),
      one("self", ["self", "a"], ["self"]),
    ];
    expect(ids(all)).toEqual([["self"], ["a", "b", "c"], ["d"]]);
  });

  it("leaves nobody out and ends nobody who is still used, whatever uses whom", () => {
    const names = ["a", "b", "c", "d", "e", "plinth.tier"];
    const some = fc.subarray(names);
    fc.assert(
      fc.property(fc.array(fc.tuple(some, some), { maxLength: 12 }), (shapes) => {
        const all = shapes.map(([uses, provides], at) => one(`x.${at}`, uses, provides));
        const layers = stopOrder(all);
        expect(new Set(layers.flat())).toEqual(new Set(all));
        expect(layers.flat()).toHaveLength(all.length);
        expect(layers.every((layer) => layer.length > 0)).toBe(true);
      }),
    );
  });
});
