/**
 * The program of an extension's process. It is started behind its walls, takes the extension's code over descriptor 3,
 * activates it and answers calls until the connection ends; then it ends too.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { registerHooks } from "node:module";
import { Socket } from "node:net";
import type { WorkData } from "@plinth/manifests/wire/bridge.ts";
import { Peer } from "@plinth/manifests/wire/peer.ts";
import { denyNodeHoles, denyOwnConnections } from "./denials.ts";
import { serveHost } from "./guest.ts";
import { useHostNetwork } from "./process-network.ts";

const works = new AsyncLocalStorage<WorkData | null>();

const peer = serveHost({
  works: {
    current: () => works.getStore() ?? null,
    run: (work, body) => works.run(work, body),
    bind: (promise) => promise,
  },
  connect: (handler) => new Peer(new Socket({ fd: 3, readable: true, writable: true }), "the host", handler),
  load,
  onBridge: useHostNetwork,
});

async function load(id: string, params: unknown): Promise<unknown> {
  denyNodeHoles(id);
  denyOwnConnections(id);
  // The walls add them, unasked.
  delete process.env.PWD;
  delete process.env.OPENSSL_CONF;
  const { source } = params as { source: string };
  // The code comes over the descriptor, never from a path: what was verified is what runs.
  const url = `file:///plinth/${id}/index.mjs`;
  const hooks = registerHooks({
    resolve: (specifier, context, next) => (specifier === url ? { url, format: "module", shortCircuit: true } : next(specifier, context)),
    load: (wanted, context, next) => (wanted === url ? { format: "module", source, shortCircuit: true } : next(wanted, context)),
  });
  const namespace = (await import(url)) as { default?: unknown };
  hooks.deregister();
  return namespace.default;
}

void peer.closed.then(() => process.exit(0));
