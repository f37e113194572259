import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { defineExtension, errorInfo } from "@plinth/sdk";
import { Artifacts, type Limits } from "./artifacts.ts";
import { Blobs } from "./blobs.ts";
import { answer } from "./route.ts";
import { Shelf } from "./shelf.ts";

const SWEEP_MS = 10 * 60_000;

export default defineExtension({
  async activate(ctx) {
    const { DatabaseSync } = await import("node:sqlite");
    mkdirSync(ctx.dataDir, { recursive: true, mode: 0o700 });
    const limits: Limits = { maxMb: 2_048, maxMbOfOthers: 128, maxMbOfOne: 256, ...(ctx.config as Partial<Limits>) };
    const artifacts = new Artifacts(new Shelf(DatabaseSync, join(ctx.dataDir, "artifacts.db")), new Blobs(ctx.dataDir), limits, () =>
      ctx.clock.now(),
    );
    const sweep = () => artifacts.sweep().catch((error: unknown) => ctx.log.warn("Old artifacts could not be removed.", { ...errorInfo(error) }));
    await sweep();
    const timer = setInterval(sweep, SWEEP_MS).unref();
    ctx.effect("artifacts", async () => {
      clearInterval(timer);
      await artifacts.close();
    });
    ctx.provide("plinth.artifacts", "files", {
      put: (input, call) => artifacts.put(input, call),
      get: (input) => artifacts.get(input),
      read: (input) => artifacts.read(input),
      list: (input, call) => artifacts.list(input, call),
      keep: (input, call) => artifacts.keep(input, call),
      drop: (input, call) => artifacts.drop(input, call),
      usage: () => artifacts.usage(),
    });
    ctx.provide("plinth.http-route", "artifacts.read", { handle: (request) => answer(artifacts, request) });
  },
});
