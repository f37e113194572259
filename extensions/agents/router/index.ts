import { type Call, defineExtension } from "@plinth/sdk";
import { type Agent, agentIds, agentOf } from "./agents.ts";
import { decide, type RouterConfig, type Said } from "./decide.ts";
import { ensureWorkspace } from "./workspace.ts";

export default defineExtension({
  activate(ctx) {
    const config = ctx.config as RouterConfig;
    const host = ctx.use("plinth.host").one();

    let home: Promise<string> | undefined;
    const placeOf = async ({ id, workspace }: Agent): Promise<string> => {
      if (workspace !== undefined) return workspace;
      home ??= host.status({}).then((status) => status.home);
      return `${await home}/${id === "main" ? "workspace" : `workspaces/${id}`}`;
    };
    const ready = new Map<string, Promise<string>>();
    // Made once; after a failure the next message tries again.
    const workspaceOf = async (agent: Agent): Promise<string> => {
      const path = await placeOf(agent);
      let made = ready.get(path);
      if (made === undefined) {
        made = ensureWorkspace(path, agent.id);
        ready.set(path, made);
        made.catch(() => ready.delete(path));
      }
      return made;
    };
    const decided = (said: Said, { work }: Pick<Call, "work">) => decide(config, said, work?.principal.role === "owner");

    ctx.provide("plinth.router", "default", {
      route: async ({ model, ...said }, call) => {
        const { agent: id, sessionKey, why, action } = decided(said, call);
        if (action !== undefined) return { ...silent(id, sessionKey), action, why };
        const agent = agentOf(config, id);
        const { harness, system, fallbacks, thinking, tools } = agent;
        return {
          agent: id,
          sessionKey,
          harness,
          model: model || agent.model,
          workspace: await workspaceOf(agent),
          system,
          // Whoever names a model means that one.
          ...(fallbacks === undefined || model ? {} : { fallbacks }),
          ...(thinking === undefined ? {} : { thinking }),
          ...(tools === undefined ? {} : { tools }),
        };
      },
      explain: ({ owner, ...said }, call) =>
        decided(said, owner === undefined ? call : { work: { principal: { role: owner ? "owner" : "guest" } } as Call["work"] }),
      agents: async () => ({
        agents: await Promise.all(
          agentIds(config).map(async (id) => {
            const agent = agentOf(config, id);
            const { system: _, ...told } = agent;
            return { ...told, workspace: await placeOf(agent) };
          }),
        ),
      }),
    });
  },
});

/** Of a message that nobody answers. */
const silent = (agent: string, sessionKey: string) => ({ agent, sessionKey, harness: "native", model: "auto", workspace: "/", system: [] });
