import { type Enforcement, type Found, found, systemWall } from "@plinth/sdk/tiers";

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
      ...detail,
    ],
  };
}
