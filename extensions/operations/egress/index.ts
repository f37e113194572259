import type { Agent } from "node:http";
import { defineExtension, PlinthError } from "@plinth/sdk";
import { exchange } from "./exchange.ts";

const MAX_GRANTS = 512;

export default defineExtension({
  activate(ctx) {
    // Kept connections belong to one extension with one grant: they are never shared with another.
    const kept = new Map<string, Map<string, Agent>>();
    const drop = (key: string): void => {
      for (const agent of kept.get(key)?.values() ?? []) agent.destroy();
      kept.delete(key);
    };
    ctx.effect("connections", () => {
      for (const key of [...kept.keys()]) drop(key);
    });
    ctx.provide("plinth.egress", "http", {
      exchange(request, call) {
        // The host has put secrets into the request and says itself what was granted: nobody else can be believed.
        if (call.caller !== "host") {
          throw new PlinthError("PLINTH_PERMISSION", `${call.caller} may not use plinth.egress: only the host may.`, {
            extension: call.caller,
            next: "Use ctx.fetch.",
          });
        }
        const key = `${request.extension} ${request.hosts.join(" ")}`;
        const agents = kept.get(key) ?? new Map<string, Agent>();
        // Used last stands last, so that what makes room is what nobody used for longest.
        kept.delete(key);
        if (kept.size >= MAX_GRANTS) drop(kept.keys().next().value as string);
        kept.set(key, agents);
        return exchange({ extension: request.extension, hosts: request.hosts, agents }, request, call.signal);
      },
    });
  },
});
