import { type Agent, type AgentsConfig, agentOf, MAIN } from "./agents.ts";

/** Sorted, so that nothing depends on who was added first. */
export function agentIds({ agents }: AgentsConfig): string[] {
  return [...new Set([MAIN, ...Object.keys(agents?.entries ?? {})])].sort();
}

export const isAgent = ({ agents }: AgentsConfig, id: string): boolean => id === MAIN || Object.hasOwn(agents?.entries ?? {}, id);

/** Each agent, without its instructions. @param placeOf its workspace, which may not be there yet */
export function listed(config: AgentsConfig, placeOf: (agent: Agent) => Promise<string>) {
  return Promise.all(
    agentIds(config).map(async (id) => {
      const agent = agentOf(config, id);
      const { system: _, ...told } = agent;
      return { ...told, workspace: await placeOf(agent) };
    }),
  );
}
