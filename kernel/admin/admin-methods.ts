import { nearNames } from "@plinth/manifests/near-names.ts";
import { editConfig, loadConfig, settingsOf } from "../config.ts";
import { errors } from "../errors.ts";
import type { Host } from "../host.ts";
import { type InstallInput, inspectPackages, installPackages, uninstallPackage } from "../install/install.ts";
import { importGrants, limitGrant, revokeGrant } from "./grant-methods.ts";

type Methods = Map<string, (input: Record<string, unknown>) => unknown>;

/** plinth.host-admin: every change is made beside what runs, then swapped in as a generation. */
export function adminMethods(host: Host): Methods {
  return new Map<string, (input: Record<string, unknown>) => unknown>([
    ["inspect", async ({ dir }) => (await inspectPackages(host, [String(dir)]))[0]?.candidate],
    ["inspectSet", async ({ dirs }) => ({ candidates: (await inspectPackages(host, dirs as string[])).map(({ candidate }) => candidate) })],
    ["install", (input) => host.exclusive(() => installOne(host, input as unknown as InstallInput))],
    ["installSet", ({ packages }) => host.exclusive(() => installPackages(host, packages as InstallInput[]))],
    ["uninstall", ({ id, keepData }) => host.exclusive(() => uninstallPackage(host, String(id), keepData === true))],
    ["enable", ({ id, enabled }) => host.exclusive(() => enable(host, String(id), enabled === true))],
    ["grant", (input) => host.exclusive(() => limitGrant(host, input))],
    ["revoke", (input) => host.exclusive(() => revokeGrant(host, input))],
    ["importGrants", (input) => host.exclusive(() => importGrants(host, input))],
    ["configSet", ({ path, value }) => host.exclusive(() => configSet(host, String(path), value))],
    ["stop", () => void setImmediate(() => void host.stop())],
  ]);
}

async function installOne(host: Host, input: InstallInput): Promise<{ id?: string; version?: string; generation: number }> {
  const { installed, generation } = await installPackages(host, [input]);
  return { ...installed[0], generation };
}

async function configSet(host: Host, path: string, value: unknown): Promise<{ generation: number }> {
  // The file may have been edited by hand since it was read: edits apply to what is there now.
  const before = await loadConfig(host.home);
  const config = await editConfig(before, path, value);
  const next = await host.advance({ ...host.state, config });
  return { generation: next.number };
}

async function enable(host: Host, id: string, enabled: boolean): Promise<{ generation: number }> {
  const ids = host.state.records.map((one) => one.manifest.id);
  if (!ids.includes(id)) throw errors.notInstalled(id, nearNames(id, ids));
  if (enabled) host.supervisor.clear(id);
  const settings = settingsOf(host.state.config.value, id);
  if ((settings.enabled ?? true) === enabled) return { generation: host.current.number };
  const pin = host.state.config.value.extensions?.[id];
  const path = `extensions["${id}"]`;
  if (typeof pin === "string") return configSet(host, path, { version: pin, enabled });
  return configSet(host, `${path}.enabled`, enabled ? undefined : false);
}
