import type { Client, KernelSnapshot, Manifest } from "@plinth/sdk";
import { extensionStatus, notInstalled } from "./status.ts";
import { extensionUsage, tenantsOf } from "./usage.ts";

type Description = Awaited<ReturnType<Client<"plinth.host">["describe"]>>;
type Enforcement = Description["enforcement"];

/** The host tier, said honestly. */
export const unwalled: Enforcement = {
  level: "none",
  detail: ["runs in the host's own process; only the API refuses what is undeclared"],
};

/** One extension: what it is, what was allowed, what holds it, what it does. */
export async function describe(kernel: KernelSnapshot, id: string, enforcement: (tier: string) => Promise<Enforcement>): Promise<Description> {
  const record = kernel.records.find((one) => one.manifest.id === id);
  if (record === undefined) throw notInstalled(kernel, id);
  const lock = kernel.lock.extensions[id];
  const grant = kernel.grants.get(id);
  const status = extensionStatus(kernel, record);
  return {
    status,
    manifest: record.manifest,
    ...(lock === undefined ? {} : { lock }),
    ...(grant === undefined ? {} : { grant }),
    enforcement: await enforcement(status.tier),
    usage: extensionUsage(kernel, record, tenantsOf(kernel)),
    missing: await missing(kernel, record.manifest),
    ...(record.dir === undefined ? {} : { dir: record.dir }),
  };
}

/** Names of variables and secrets that it may use and that are not set. Values are never looked at. */
async function missing({ secretExists }: KernelSnapshot, { permissions = {} }: Manifest): Promise<{ env: string[]; secrets: string[] }> {
  const env = (permissions.env ?? []).filter((name) => !Object.hasOwn(process.env, name));
  if (secretExists === undefined) return { env, secrets: [] };
  const there = await Promise.all((permissions.secrets ?? []).map(async (name) => [name, await secretExists(name).catch(() => true)] as const));
  return { env, secrets: there.flatMap(([name, exists]) => (exists ? [] : [name])) };
}
