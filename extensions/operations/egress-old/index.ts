import type { Agent } from "node:http";
import { defineExtension } from "@plinth/sdk";
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
        if (call.caller !== "host") throw new Error("only the host may ask");
        const key = `${request.extension} ${request.hosts.join(" ")}`;
        let agents = kept.get(key);
        if (agents === undefined) {
          if (kept.size >= MAX_GRANTS) drop(kept.keys().next().value as string);
          agents = new Map();
          kept.set(key, agents);
        }
        return exchange({ extension: request.extension, hosts: request.hosts, agents }, request, call.signal);
      },
    });
  },
});
