import { fileURLToPath } from "node:url";
import type { KeyPins, RegistryClient } from "@plinth/registry";
import { type Call, type Context, errorInfo, PlinthError, type Provider } from "@plinth/sdk";
import { parsePackage } from "../spec.ts";
import { ownersOnly } from "./owner.ts";

interface RegistryConfig {
  name: string;
  url: string;
}

/** Packages of the configured registries, in their order. Nothing unsigned or signed by a stranger comes from here. */
export function registrySource(ctx: Context): Provider<"plinth.plugin-source"> {
  let opening: Promise<RegistryClient[]> | undefined;
  const clients = () => {
    opening ??= openClients(ctx);
    return opening;
  };
  return {
    async search({ query, limit = 20 }, call) {
      const answers = await Promise.allSettled((await clients()).map((client) => client.search(query, { limit, signal: call.signal })));
      const failed = answers.find((answer) => answer.status === "rejected");
      if (failed && answers.every((answer) => answer.status === "rejected")) throw failed.reason;
      return { hits: answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : [])).slice(0, limit) };
    },
    async fetch({ spec, into }, call) {
      ownersOnly(call);
      const { id, range } = parsePackage(spec);
      const { signal } = call;
      const { client, version } = await resolveIn(await clients(), id, range, signal);
      const { bytes, entry } = await client.download(id, version, { signal });
      const { extractArchive } = await import("@plinth/registry");
      await extractArchive(bytes, into, { signal });
      return { source: `registry:${id}@${version}`, integrity: entry.integrity, signature: entry.signature };
    },
  };
}

/** The first registry that knows the package decides; a registry that fails is not skipped in favour of a later one. */
async function resolveIn(clients: RegistryClient[], id: string, range: string | undefined, signal: Call["signal"]) {
  let unknown: unknown;
  for (const client of clients) {
    try {
      return { client, version: (await client.resolve(id, range ?? "latest", { signal })).version };
    } catch (thrown) {
      if (errorInfo(thrown).code !== "PLINTH_PACKAGE_UNKNOWN") throw thrown;
      unknown ??= thrown;
    }
  }
  throw (
    unknown ??
    new PlinthError("PLINTH_NO_REGISTRY", "No registry is configured.", {
      next: `Add one to extensions["plinth.plugins"].config.registries.`,
    })
  );
}

async function openClients(ctx: Context): Promise<RegistryClient[]> {
  const { RegistryClient } = await import("@plinth/registry");
  const pins = storedPins(ctx);
  return registriesOf(ctx).map(({ name, url }) => new RegistryClient({ name, url, pins, fetch: (address, options) => ctx.fetch(address, options) }));
}

/** The environment wins over the configuration; without either it is the sample registry that came with the product. */
function registriesOf(ctx: Context): RegistryConfig[] {
  const override = ctx.env.PLINTH_REGISTRY;
  if (override) return [{ name: "custom", url: override }];
  const configured = ctx.config.registries as RegistryConfig[] | undefined;
  return configured ?? [{ name: "sample", url: fileURLToPath(new URL("../../registry", import.meta.url)) }];
}

/** A publisher's keys are remembered from the first package on, for all registries: one cannot speak for another's publisher. */
function storedPins(ctx: Context): KeyPins {
  return {
    get: (publisher) => ctx.store.get(`pin/${publisher}`),
    set: (publisher, keys) => ctx.store.set(`pin/${publisher}`, keys),
  };
}
