import { settingsOf } from "@plinth/manifests/home/config-file.ts";
import { nearNames } from "@plinth/manifests/near-names.ts";
import { errors } from "../errors.ts";
import type { Host } from "../host.ts";
import { configurationOf } from "../install/commit.ts";
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
    ["configSet", ({ path, value, force }) => host.exclusive(() => configurationOf(host).set(String(path), value, force === true))],
    ["configUndo", ({ number, force }) => host.exclusive(() => configurationOf(host).undo(number as number | undefined, force === true))],
    ["configVersions", () => configurationOf(host).versions()],
    ["configCheck", () => configurationOf(host).check()],
    ["stop", () => void setImmediate(() => void host.stop())],
  ]);
}

async function installOne(host: Host, input: InstallInput): Promise<{ id?: string; version?: string; generation: number }> {
  const { installed, generation } = await installPackages(host, [input]);
  return { ...installed[0], generation };
}

async function enable(host: Host, id: string, enabled: boolean): Promise<{ generation: number }> {
  const ids = host.state.records.map((one) => one.manifest.id);
  if (!ids.includes(id)) throw errors.notInstalled(id, nearNames(id, ids));
  if (enabled) host.supervisor.clear(id);
  const settings = settingsOf(host.state.config.value, id);
  if ((settings.enabled ?? true) === enabled) return { generation: host.current.number };
  const pin = host.state.config.value.extensions?.[id];
  const path = `extensions["${id}"]`;
  // It is said which one: what needs it is left out with it.
  if (typeof pin === "string") return configurationOf(host).set(path, { version: pin, enabled }, true);
  return configurationOf(host).set(`${path}.enabled`, enabled ? undefined : false, true);
}
