import { PlinthError, type Provider } from "@plinth/sdk";
import type { Registries } from "../market/registries.ts";
import { parsePackage } from "../spec.ts";
import { ownersOnly } from "./owner.ts";

/** Packages of the configured registries, one by one. Whole sets, with what they need, are resolved by the installation. */
export function registrySource(registries: Registries): Provider<"plinth.plugin-source"> {
  return {
    async search({ query, limit = 20 }, call) {
      return { hits: await registries.search(query, limit, call.signal) };
    },
    async fetch({ spec, into }, call) {
      ownersOnly(call);
      const { id, range } = parsePackage(spec);
      const { client } = await registries.facts(id, call.signal);
      const { version } = await client.resolve(id, range ?? "latest", { signal: call.signal });
      const { root: _root, ...record } = recordOf(id, await registries.download(client, id, version, into, call.signal));
      return record;
    },
  };
}

/** What the lock keeps of a download. */
export function recordOf(id: string, { entry, evidence }: Awaited<ReturnType<Registries["download"]>>) {
  if (evidence.registry === undefined) throw new PlinthError("PLINTH_REGISTRY_INVALID", `Nobody vouches for ${id}.`);
  return {
    source: `registry:${id}@${entry.version}`,
    integrity: entry.integrity,
    signature: entry.signature,
    registry: evidence.registry,
    ...(evidence.root === undefined ? {} : { root: evidence.root }),
    ...(evidence.logged && entry.log !== undefined ? { log: entry.log.index } : {}),
  };
}
