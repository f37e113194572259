import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Call, defineExtension, PlinthError } from "@plinth/sdk";
import { KvFile } from "./kv-file.ts";

export default defineExtension({
  async activate(ctx) {
    const { DatabaseSync } = await import("node:sqlite");
    mkdirSync(ctx.dataDir, { recursive: true, mode: 0o700 });
    const file = new KvFile(DatabaseSync, join(ctx.dataDir, "store.db"));
    ctx.effect("database", () => file.close());
    ctx.provide("plinth.kv-store", "sqlite", {
      get: ({ space, key }, call) => forHost(call, () => file.get(space, key)),
      set: ({ space, key, value, expires, quota }, call) => forHost(call, () => file.set(space, key, value, expires, quota)),
      delete: ({ space, key }, call) => forHost(call, () => file.delete(space, key)),
      keys: ({ space, prefix }, call) => forHost(call, () => file.keys(space, prefix)),
      clear: ({ space }, call) => forHost(call, () => file.clear(space)),
    });
  },
});

/** The host says whose namespace and which quota it is: from anybody else these would be claims. */
function forHost<T>({ caller }: Call, body: () => T): T {
  if (caller === "host") return body();
  throw new PlinthError("PLINTH_PERMISSION", `${caller} may not use plinth.kv-store: only the host may.`, {
    extension: caller,
    next: "Use ctx.store.",
  });
}
