import { PlinthError } from "@plinth/sdk";
import { type Found, found } from "@plinth/sdk/tiers";

export type SandboxPolicy = "best" | "require-full";

export interface Enforcement {
  level: "full" | "partial" | "none";
  detail: string[];
}

/** What holds an extension on this machine, said honestly. */
export const enforcement = async (): Promise<Enforcement> => enforcementOf(await found());

export function enforcementOf({ bwrap, why, setpriv, prlimit }: Found): Enforcement {
  const watched = process.platform === "linux";
  return {
    level: bwrap === null ? "partial" : "full",
    detail: [
      "a process of its own, with a scrubbed environment and no inherited descriptors",
      "Node's permission model: no network, no child processes, no native modules, only granted folders",
      bwrap === null
        ? `no wall of the operating system (${why}): a hole in Node's permission model would be open`
        : "namespaces of its own (bubblewrap): no network, no other processes, no files but the runtime and granted folders",
      bwrap === null && setpriv === null
        ? "a looping process may outlive a host that is killed: setpriv is not here"
        : "no new privileges; it dies with the host",
      prlimit === null ? "no limits on descriptors and file sizes: prlimit is not here" : "limits on descriptors and file sizes",
      watched ? "memory is watched during calls, buffers included" : "memory beyond V8's heap is not watched: this system does not tell",
    ],
  };
}

/** Under `require-full`, nothing runs behind less than the whole wall. */
export function requireWall(policy: SandboxPolicy, extension: string, { bwrap, why }: Found): void {
  if (policy !== "require-full" || bwrap !== null) return;
  throw new PlinthError("PLINTH_SANDBOX", `${extension} was not started: the configuration requires the full wall, and ${why}.`, {
    extension,
    next: `Install bubblewrap and allow user namespaces, or run: plinth config set 'extensions["plinth.tier-process"].config.sandbox' best`,
  });
}
