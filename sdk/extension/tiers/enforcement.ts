import { PlinthError } from "../errors.ts";
import type { RunnerInput } from "../wire.ts";
import { ownUser, userEnded } from "./own-user.ts";
import { type Leaks, selfTest } from "./self-test.ts";
import type { Found } from "./tools.ts";

export interface Enforcement {
  readonly level: "full" | "partial" | "none";
  readonly detail: string[];
}

export interface SystemWall extends Enforcement {
  /** Otherwise nothing is started at all; the detail says why. */
  readonly starts: boolean;
}

/**
 * What the operating system holds a process of a tier with on this machine, said honestly. `none` is for who has no other
 * wall, and where nothing of third parties is started. Nothing is called full before it was tried from inside.
 */
export async function systemWall(tools: Found): Promise<SystemWall> {
  const { bwrap, filter, confine, why, whyNotConfined, setpriv, prlimit } = tools;
  const user = await ownUser("what is looked at", null).catch((thrown: PlinthError) => thrown);
  if (user instanceof Error) return { level: "none", starts: false, detail: [user.message, `Next: ${user.next}`] };
  userEnded(user);
  const landlock = confine !== null && confine.landlock > 0;
  const calls = bwrap === null ? confine?.seccomp === true : filter;
  const leaks = bwrap !== null && filter ? await selfTest(tools) : null;
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
    starts: true,
    level: leaks?.length === 0 ? "full" : bwrap !== null || confine !== null || setpriv !== null ? "partial" : "none",
    detail: [
      files,
      calls
        ? "a filter of system calls (seccomp): no sockets, no new processes, nothing of other processes, no kernel administration"
        : "Missing: a filter of system calls",
      ...tried(bwrap !== null && filter, leaks),
      ...(user === null
        ? ["the host's own user; inotify is refused behind the filter, since a user has few of it"]
        : ["a user id of its own, which is not root"]),
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

function tried(whole: boolean, leaks: Leaks): string[] {
  if (!whole) return [];
  if (leaks === null) return ["Missing: a trial from inside, which could not be run"];
  return [
    leaks.length === 0
      ? "tried from inside: kernel settings, keyrings, memory, sockets, mounts are out of reach"
      : `Missing: it could ${leaks.join(", ")}`,
  ];
}

/**
 * Before a start: throws `PLINTH_ROOT` where this host is root and has no user id to give, and under the policy
 * `require-full` `PLINTH_SANDBOX` for what would run behind less than the whole wall.
 */
export async function requireWall({ sandbox, manifest }: Pick<RunnerInput, "sandbox" | "manifest">, tools: Found): Promise<void> {
  userEnded(await ownUser(manifest.id, null));
  if (sandbox !== "require-full") return;
  const { level, detail } = await systemWall(tools);
  if (level === "full") return;
  const missing = detail.find((line) => line.includes("Missing: ")) ?? "";
  const what = missing.slice(missing.indexOf("Missing: ") + "Missing: ".length);
  throw new PlinthError("PLINTH_SANDBOX", `${manifest.id} was not started: the policy requires the full wall, and this machine lacks ${what}.`, {
    extension: manifest.id,
    next: "Install bubblewrap and allow user namespaces, or accept less: plinth config set policy.sandbox best",
  });
}
