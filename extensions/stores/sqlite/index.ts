import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { defineExtension } from "@plinth/sdk";
import { KvFile } from "./kv-file.ts";

export default defineExtension({
  async activate(ctx) {
    const { DatabaseSync } = await import("node:sqlite");
    mkdirSync(ctx.dataDir, { recursive: true, mode: 0o700 });
    const file = new KvFile(DatabaseSync, join(ctx.dataDir, "store.db"));
    ctx.effect("database", () => file.close());
    ctx.provide("plinth.kv-store", "sqlite", {
      get: ({ space, key }) => file.get(space, key),
      set: ({ space, key, value, expires, quota }) => file.set(space, key, value, expires, quota),
      delete: ({ space, key }) => file.delete(space, key),
      keys: ({ space, prefix }) => file.keys(space, prefix),
      clear: ({ space }) => file.clear(space),
    });
  },
});
