import { type Enforcement, type Found, found, systemWall } from "@plinth/sdk/tiers";

/** Said as it is: the file system itself has no quota for a folder. */
const DISK =
  process.platform === "linux"
    ? "its own folder is counted on the disk as it writes, with removed files that it holds open; not enforced by the system: what it writes " +
      "between two looks, and the size of other granted folders"
    : "not enforced: the size of its own folder and of other granted folders; this system does not tell what a process writes";

/** What holds an extension on this machine, said honestly. */
export const enforcement = async (): Promise<Enforcement> => enforcementOf(await found());

export async function enforcementOf(tools: Found): Promise<Enforcement> {
  const { level, detail, starts } = await systemWall(tools);
  if (!starts) return { level, detail };
  return {
    // Node's permission model is a wall of its own, if a lesser one.
    level: level === "none" ? "partial" : level,
    detail: [
      "a process of its own, with a scrubbed environment and no inherited descriptors",
      "Node's permission model: no network, no child processes, no worker threads, no native modules, only granted folders",
      DISK,
      ...detail,
    ],
  };
}
