import { defineExtension } from "@plinth/sdk";
import { found } from "@plinth/sdk/tiers";
import { addonPath } from "./isolate-host.ts";
import { IsolateHosts, type IsolateLimits } from "./isolate-hosts.ts";
import { IsolateRunner } from "./isolate-runner.ts";

export default defineExtension({
  activate(ctx) {
    const hosts = new IsolateHosts({ heapMb: 48, turnMs: 2_000, processMb: 256, ...(ctx.config as Partial<IsolateLimits>) });
    ctx.effect("isolate hosts", () => hosts.dispose());
    ctx.provide("plinth.tier", "isolate", {
      launch(input, call) {
        if (call.caller !== "host") throw new Error("only the host may ask");
        return new IsolateRunner(input, hosts);
      },
      async enforcement() {
        const { bwrap, why } = await found();
        try {
          addonPath();
        } catch (thrown) {
          return { level: "none" as const, detail: [(thrown as Error).message] };
        }
        return {
          level: bwrap === null ? ("partial" as const) : ("full" as const),
          detail: [
            "an isolate of its own without Node's APIs, in a process that only extensions of its publisher share",
            "the process gives up every permission before it takes code: files, network, child processes, native modules",
            bwrap === null ? `no wall of the operating system (${why})` : "namespaces of its own (bubblewrap)",
            "limits on memory and on the time that code runs without a pause; what escapes them ends with the process",
          ],
        };
      },
    });
  },
});
