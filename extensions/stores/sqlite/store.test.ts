import { stat } from "node:fs/promises";
import { join } from "node:path";
import { defineExtension } from "@plinth/sdk";
import { createTestHost } from "@plinth/sdk/testing";
import { expect, it } from "vitest";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

const space = "acme.one";

it("fills the slot: values in, keys out, everything gone after clear", async () => {
  await using host = await createTestHost({ extensions: [{ manifest, extension }] });
  const store = host.use("plinth.kv-store").one();
  expect(await store.get({ space, key: "a" })).toBeNull();
  expect(await store.set({ space, key: "a", value: "1", quota: 100 })).toBe(true);
  expect(await store.set({ space, key: "b", value: "2", expires: Date.now() - 1, quota: 100 })).toBe(true);
  expect(await store.get({ space, key: "a" })).toBe("1");
  expect(await store.keys({ space, prefix: "" })).toEqual(["a"]);
  await expect(store.set({ space, key: "c", value: "x".repeat(100), quota: 100 })).rejects.toMatchObject({ code: "PLINTH_QUOTA", extension: space });
  expect(await store.delete({ space, key: "a" })).toBe(true);
  await store.set({ space, key: "d", value: "3", quota: 100 });
  expect(await store.clear({ space })).toBe(true);
  expect(await store.keys({ space, prefix: "" })).toEqual([]);
  const folder = join(host.home, "state/plinth.store-sqlite");
  expect((await stat(join(folder, "store.db"))).isFile()).toBe(true);
});

it("serves the host only: an extension cannot read another one's namespace by naming it", async () => {
  const reader = defineExtension({
    activate(ctx) {
      ctx.provide("plinth.tool", "reader", {
        async call() {
          const value = await ctx.use("plinth.kv-store").one().get({ space, key: "a" });
          return { content: [{ type: "text", text: String(value) }] };
        },
      });
    },
  });
  const tool = {
    contract: "plinth.tool",
    version: "1.0.0",
    id: "reader",
    descriptor: { description: "Reads.", input: { type: "object" }, effects: [] },
  };
  const about = { version: "1.0.0", title: "Reader", description: "Reads.", engines: { plinth: "^0.1.0" }, entry: "./index.js" };
  await using host = await createTestHost({
    extensions: [
      { manifest, extension },
      { manifest: { id: "acme.reader", ...about, uses: [{ contract: "plinth.kv-store", range: "^1" }], provides: [tool] }, extension: reader },
    ],
  });
  await host.use("plinth.kv-store").one().set({ space, key: "a", value: "private", quota: 100 });
  const read = host.use("plinth.tool").get("reader").call({ args: {} });
  await expect(read).rejects.toMatchObject({ code: "PLINTH_PERMISSION", extension: "acme.reader" });
});
