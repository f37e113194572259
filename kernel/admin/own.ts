import { productContracts } from "@plinth/manifests/plan/contracts.ts";
import type { CallOptions } from "@plinth/manifests/wire/bridge.ts";
import type { Answering, CapabilityEntry } from "../capability.ts";
import { errors, owned } from "../errors.ts";
import type { Host } from "../host.ts";
import { currentWork } from "../work.ts";
import { snapshot } from "./snapshot.ts";

type Method = (input: Record<string, unknown>) => unknown;

/** Answers the kernel's own contracts: plinth.kernel to the host tier, plinth.host-admin to owners' work only. */
class OwnProvider implements Answering {
  readonly id = "host";
  readonly #methods: ReadonlyMap<string, Method>;
  readonly #ownersOnly: boolean;

  constructor(methods: ReadonlyMap<string, Method>, ownersOnly: boolean) {
    this.#methods = methods;
    this.#ownersOnly = ownersOnly;
  }

  async invoke(entry: CapabilityEntry, method: string, input: unknown, _options: CallOptions): Promise<unknown> {
    const run = this.#methods.get(method);
    if (run === undefined) throw errors.unsupported("host", `${entry.contract.id}.${method}`);
    if (this.#ownersOnly && currentWork()?.principal.role !== "owner")
      throw errors.permission("The caller", "administer the host: it does not act for an owner");
    try {
      return await run((input ?? {}) as Record<string, unknown>);
    } catch (thrown) {
      throw owned(thrown, "host");
    }
  }

  stream(entry: CapabilityEntry, method: string): AsyncIterable<unknown> {
    throw errors.unsupported("host", `${entry.contract.id}.${method}`);
  }
}

export function ownCapabilities(host: Host): CapabilityEntry[] {
  const entry = (contract: string, by: Answering): CapabilityEntry => {
    const shape = productContracts.get(contract);
    if (shape === undefined) throw new Error(`the build has no contract ${contract}`);
    return {
      contract: shape,
      id: "kernel",
      by,
      data: Object.freeze({ id: "kernel", extension: "host", version: shape.version, descriptor: { title: "The kernel" }, trusted: true }),
    };
  };
  // Administration is code that listing and serving never need: it is loaded by the first change.
  const admin = (name: string): [string, Method] => [
    name,
    async (input) => (await import("./admin-methods.ts")).adminMethods(host).get(name)?.(input),
  ];
  const adminMethods = new Map(Object.keys(productContracts.get("plinth.host-admin")?.methods ?? {}).map(admin));
  const kernelMethods = new Map<string, Method>([
    ["snapshot", () => snapshot(host)],
    ["blocked", ({ extension, ms }) => host.current.instances.get(String(extension))?.blocked(Number(ms)) ?? {}],
  ]);
  return [entry("plinth.kernel", new OwnProvider(kernelMethods, false)), entry("plinth.host-admin", new OwnProvider(adminMethods, true))];
}
