import { join } from "node:path";
import { defineExtension } from "@plinth/sdk";
import { CodeCache } from "./code-cache.ts";
import { enforcement } from "./enforcement.ts";
import { IsolateHosts, type IsolateLimits } from "./isolate-hosts.ts";
import { IsolateRunner } from "./isolate-runner.ts";

const DEFAULTS: IsolateLimits = { heapMb: 48, turnMs: 2_000, callMs: 30_000, processMb: 256, idleMs: 300_000 };

export default defineExtension({
  activate(ctx) {
    const hosts = new IsolateHosts({ ...DEFAULTS, ...(ctx.config as Partial<IsolateLimits>) });
    const cache = new CodeCache(join(ctx.dataDir, "code"), () => hosts.make());
    ctx.effect("isolate hosts", () => hosts.dispose());
    ctx.effect("compiled code", () => cache.dispose());
    // Whoever starts this tier is about to need one.
    hosts.warm();
    ctx.provide("plinth.tier", "isolate", {
      launch(input, call) {
        if (call.caller !== "host") throw new Error("only the host may ask");
        return new IsolateRunner(input, hosts, cache);
      },
      enforcement,
    });
  },
});
