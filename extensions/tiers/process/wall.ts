import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { RunnerInput } from "@plinth/sdk/wire";

const SETPRIV = ["/usr/bin/setpriv", "/bin/setpriv"].find((path) => process.platform === "linux" && existsSync(path));

/** A child that loops cannot notice that its host died: the system kills it then, and lets it gain no privileges before. */
export const leashed = ([command = "", ...args]: string[]): [string, string[]] =>
  SETPRIV === undefined ? [command, args] : [SETPRIV, ["--no-new-privs", "--pdeathsig", "KILL", "--", command, ...args]];

/** Node's permission model: the guest's program, its own folder and what was granted; no network, no processes, no addons. */
export function permissionFlags({ manifest, info, workspace }: RunnerInput, program: string): string[] {
  const flags = [
    "--permission",
    `--allow-fs-read=${dirname(program)}`,
    "--no-experimental-sqlite",
    "--no-experimental-webstorage",
    "--disable-sigusr1",
    "--disable-proto=delete",
    "--no-warnings",
    `--max-old-space-size=${manifest.budgets?.heapMb ?? 128}`,
  ];
  // The manifest in `info` says what was granted: what was declared, narrowed by the operator.
  for (const entry of info.manifest.permissions?.fs ?? []) {
    const name = entry.replace(/:ro$/, "");
    // Node grants a folder only when it is there.
    if (name === "workspace") mkdirSync(workspace, { recursive: true });
    const root = name === "data" ? info.dataDir : name === "workspace" ? workspace : name;
    flags.push(`--allow-fs-read=${root}`, ...(name === entry ? [`--allow-fs-write=${root}`] : []));
  }
  return flags;
}

/** What holds an extension on this machine, said honestly. */
export function enforcement(): { level: "full" | "partial" | "none"; detail: string[] } {
  return {
    level: "partial",
    detail: [
      "a process of its own, with a scrubbed environment and no inherited descriptors",
      "Node's permission model: no network, no child processes, no native modules, only granted folders",
      SETPRIV === undefined ? "a looping process may outlive a host that is killed: setpriv is not here" : "no new privileges; it dies with the host",
      "no operating-system wall yet: a hole in Node's permission model would be open",
    ],
  };
}
