import { expect, it } from "vitest";
import type { Installed } from "../world.ts";
import { partyNotices } from "./parties.ts";

const signature = (keyId: string) => ({ registry: "acme", signature: { keyId, signature: "x" } });
const [old, fresh] = ["1".repeat(16), "2".repeat(16)];
const installed = (lock: object) => ({ lock: { source: "registry:demo.dice@1.0.0", ...lock } }) as unknown as Installed;
const next = { source: "registry:demo.dice@2.0.0" };

it("a newcomer is told to begin empty where another party's data is kept, and an old one that it gets its own back", async () => {
  const of = (keyId: string, kept: string[]) => partyNotices(undefined, { ...next, ...signature(keyId) }, false, kept);
  expect(await of(fresh, [])).toEqual([]);
  expect(await of(fresh, [`key ${old}`])).toEqual([
    "gets nothing of the data that is kept under this id for others (key 1111111111111111): it begins with an empty store",
  ]);
  expect(await of(old, [`key ${old}`])).toEqual(["gets back what it had stored here before"]);
  expect(await of(old, [`key ${old}`, "unknown"])).toEqual([
    "gets back what it had stored here before",
    "gets nothing of the data that is kept under this id for others (unknown): it has its own",
  ]);
});

it("another party in place of what is installed is told, and a key that follows from the old one is none", async () => {
  const [warning] = await partyNotices(installed(signature(old)), { ...next, ...signature(fresh) }, false);
  expect(warning).toBe("comes from another party than what is installed (key 1111111111111111), and gets what that one has stored");
  expect(await partyNotices(installed(signature(old)), { ...next, ...signature(fresh) }, true)).toEqual([]);
  expect(await partyNotices(installed(signature(old)), { ...next, ...signature(old) }, false)).toEqual([]);
  expect(await partyNotices(installed({ source: "npm:x@1.0.0" }), { source: "npm:x@1.1.0" }, false)).toEqual([]);
  expect(await partyNotices(installed({ source: "npm:x@1.0.0" }), { source: "npm:y@1.0.0" }, false)).toHaveLength(1);
});
