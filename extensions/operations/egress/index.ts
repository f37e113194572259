import type { Agent } from "node:http";
import { Server } from "node:net";
import { type Call, defineExtension, PlinthError } from "@plinth/sdk";
import { descriptorLimit } from "@plinth/sdk/tiers";
import type { Network } from "./address.ts";
import { Authorities } from "./authorities.ts";
import { exchange } from "./exchange.ts";
import { Idle } from "./idle.ts";
import { Places, Room } from "./places.ts";
import { serveProxy } from "./proxy.ts";
import { Sockets } from "./sockets.ts";
import { Upstreams } from "./upstream.ts";

const MAX_GRANTS = 512;
const MAX_EXCHANGES = 64;
const MAX_SOCKETS = 8;
/** Of this host's descriptors: for connections of all extensions together, and for those that are kept for a next request. */
const OPEN_SHARE = 1 / 3;
const IDLE_SHARE = 1 / 16;

export default defineExtension({
  activate(ctx) {
    // Kept connections belong to one extension with one grant: they are never shared with another.
    const kept = new Map<string, Map<string, Agent>>();
    const drop = (key: string): void => {
      for (const agent of kept.get(key)?.values() ?? []) agent.destroy();
      kept.delete(key);
    };
    const agentsOf = (extension: string, hosts: readonly string[]): Map<string, Agent> => {
      const key = `${extension} ${hosts.join(" ")}`;
      const agents = kept.get(key) ?? new Map<string, Agent>();
      // Used last stands last, so that what makes room is what nobody used for longest.
      kept.delete(key);
      if (kept.size >= MAX_GRANTS) drop(kept.keys().next().value as string);
      kept.set(key, agents);
      idle.trim();
      return agents;
    };
    const { proxy, noProxy, authorities } = ctx.config as { proxy: string; noProxy: string[]; authorities: string[] };
    const { NODE_EXTRA_CA_CERTS, SSL_CERT_FILE } = ctx.env;
    const network: Network = {
      upstreams: new Upstreams({ proxy, noProxy, env: ctx.env }),
      // Node has read the first of them when it started.
      authorities: new Authorities({ files: authorities, variable: SSL_CERT_FILE === NODE_EXTRA_CA_CERTS ? undefined : SSL_CERT_FILE || undefined }),
    };
    const sockets = new Sockets(network);
    const descriptors = descriptorLimit();
    const room = new Room(Math.floor(descriptors * OPEN_SHARE));
    const [exchanges, connections] = [new Places(MAX_EXCHANGES, "requests", room), new Places(MAX_SOCKETS, "WebSockets", room)];
    const idle = new Idle(Math.floor(descriptors * IDLE_SHARE), () => kept.values());
    ctx.effect("connections", () => {
      sockets.closeAll();
      for (const key of [...kept.keys()]) drop(key);
    });
    ctx.provide("plinth.check", "network", {
      examine: async ({ online }) => (await import("./check.ts")).examineNetwork({ network, env: ctx.env, noProxy, online }),
    });
    ctx.provide("plinth.egress", "http", {
      exchange(request, call) {
        hostOnly(call);
        const { extension, hosts } = request;
        return exchanges.hold(extension, exchange({ extension, hosts, network, agents: agentsOf(extension, hosts) }, request, call.signal));
      },
      connect(request, call) {
        hostOnly(call);
        return connections.hold(request.extension, sockets.connect(request, call.signal));
      },
      proxy(request, { signal }) {
        // Whoever holds a listener of this process runs in it.
        if (!(request.listener instanceof Server)) throw new TypeError("A proxy needs a listener of this process.");
        return serveProxy({ ...request, listener: request.listener, network, places: exchanges }, signal);
      },
      async send(message, call) {
        hostOnly(call);
        await sockets.send(message);
        return {};
      },
      close(request, call) {
        hostOnly(call);
        sockets.close(request);
        return {};
      },
    });
  },
});

/** The host has put secrets into the request and says itself what was granted: nobody else can be believed. */
function hostOnly({ caller }: Call): void {
  if (caller === "host") return;
  throw new PlinthError("PLINTH_PERMISSION", `${caller} may not use plinth.egress: only the host may.`, {
    extension: caller,
    next: "Use ctx.fetch or ctx.connect.",
  });
}
