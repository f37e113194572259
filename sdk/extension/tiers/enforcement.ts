import { PlinthError } from "../errors.ts";
import type { RunnerInput } from "../wire.ts";
import type { Found } from "./tools.ts";

export interface Enforcement {
  readonly level: "full" | "partial" | "none";
  readonly detail: string[];
}

/** What the operating system holds a process of a tier with on this machine, said honestly. `none` is for who has no other wall. */
export function systemWall({ bwrap, filter, confine, why, whyNotConfined, setpriv, prlimit }: Found): Enforcement {
  const landlock = confine !== null && confine.landlock > 0;
  const calls = bwrap === null ? confine?.seccomp === true : filter;
  const files =
    bwrap !== null
      ? "namespaces of its own (bubblewrap): no network, no other processes, no files but the runtime and granted folders"
      : landlock
        ? `Landlock (version ${confine.landlock}): no files but the runtime and granted folders, also through links. ` +
          `Missing: namespaces (${why}), so names and sizes of other files are hidden by the runtime alone`
        : `Missing: a wall around files (${why}; ${whyNotConfined ?? "no Landlock"}): links in granted folders are followed, ` +
          "and a hole in the runtime's own permission model would be open";
  const ends = bwrap !== null || confine !== null || setpriv !== null;
  return {
    level: bwrap !== null && filter ? "full" : bwrap !== null || confine !== null || setpriv !== null ? "partial" : "none",
    detail: [
      files,
      calls
        ? "a filter of system calls (seccomp): no sockets, no new processes, nothing of other processes, no kernel administration"
        : "Missing: a filter of system calls",
      ends
        ? "no new privileges; it dies with the host"
        : "Missing: a promise of the system that it gains no privileges and dies with the host; a watching shell ends it then",
      prlimit === null
        ? "Missing: limits on descriptors and file sizes (prlimit is not here)"
        : "limits on descriptors and file sizes, no core files",
      process.platform === "linux"
        ? "memory and CPU time are watched as long as it lives, buffers and WebAssembly included"
        : "Missing: memory beyond V8's heap and CPU time are not watched, because this system does not tell",
    ],
  };
}

/** Under the policy `require-full`, nothing runs behind less than the whole wall. `owner` is the tier. */
export function requireWall({ sandbox, manifest }: Pick<RunnerInput, "sandbox" | "manifest">, tools: Found): void {
  const { level, detail } = systemWall(tools);
  if (sandbox !== "require-full" || level === "full") return;
  const missing = detail.find((line) => line.includes("Missing: ")) ?? "";
  const what = missing.slice(missing.indexOf("Missing: ") + "Missing: ".length);
  throw new PlinthError("PLINTH_SANDBOX", `${manifest.id} was not started: the policy requires the full wall, and this machine lacks ${what}.`, {
    extension: manifest.id,
    next: "Install bubblewrap and allow user namespaces, or accept less: plinth config set policy.sandbox best",
  });
}
