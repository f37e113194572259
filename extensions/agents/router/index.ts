import { type Call, defineExtension } from "@plinth/sdk";
import { type Agent, agentOf, MAIN } from "./agents.ts";
import type { Roster } from "./commands/roster.ts";
import type { Decision, RouterConfig, Said } from "./decide.ts";
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
    let deciding: Promise<typeof import("./decide.ts")> | undefined;
    // Most messages are main's, and need none of it.
    const decided = async (said: Said, { work }: Pick<Call, "work">) =>
      plain(config, said) ?? (await (deciding ??= import("./decide.ts"))).decide(config, said, work?.principal.role === "owner");

    ctx.provide("plinth.router", "default", {
      route: async ({ model, ...said }, call) => {
        const { agent: id, sessionKey, why, action } = await decided(said, call);
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
      explain: async ({ owner, ...said }, { work }) => {
        const { decide } = await (deciding ??= import("./decide.ts"));
        return decide(config, said, owner ?? work?.principal.role === "owner");
      },
      agents: async () => ({ agents: await (await (deciding ??= import("./decide.ts"))).listed(config, placeOf) }),
    });

    let made: Promise<typeof import("./commands/index.ts")> | undefined;
    // Of what owners change and ask, a turn loads nothing.
    const commands = () => (made ??= import("./commands/index.ts"));
    let roster: Roster | undefined;
    const open = async () => {
      const { Roster, ...run } = await commands();
      roster ??= new Roster(ctx, placeOf);
      return { roster, ...run };
    };
    for (const id of SHELL)
      ctx.provide("plinth.cli-command", id, {
        async *run(input, call) {
          const { roster, shellCommand } = await open();
          yield* shellCommand(id, input, roster, call);
        },
      });
    for (const id of GATEWAY)
      ctx.provide("plinth.gateway-method", id, {
        call: async (params, call) => {
          const { roster, gatewayMethod } = await open();
          return gatewayMethod(id, params, roster, call);
        },
      });
    ctx.provide("plinth.check", "agents", {
      async examine() {
        const { roster, findingsOf } = await open();
        return { findings: findingsOf(config, await roster.list()) };
      },
    });
    ctx.provide("plinth.chat-command", "agents", {
      async *run(_, call) {
        const { roster, chatCommand } = await open();
        yield* chatCommand(roster, call);
      },
    });
  },
});

const CHANGES = ["agents.list", "agents.bindings", "agents.add", "agents.bind", "agents.unbind", "agents.delete"] as const;
const SHELL = [...CHANGES, "agents.set-identity", "route.explain"] as const;
const GATEWAY = [...CHANGES, "agents.identity", "route.explain"] as const;

/** What needs no deciding: it is in no channel, names no agent, and its key is one of main's. */
function plain(
  { fallback = MAIN }: RouterConfig,
  { address, agent, sessionKey }: Said,
): Pick<Decision, "agent" | "sessionKey" | "why" | "action"> | undefined {
  if (agent !== undefined || sessionKey?.startsWith("agent:")) return undefined;
  if (sessionKey) return { agent: MAIN, sessionKey, why: "" };
  return address === undefined && fallback === MAIN ? { agent: MAIN, sessionKey: MAIN, why: "" } : undefined;
}

/** Of a message that nobody answers. */
const silent = (agent: string, sessionKey: string) => ({ agent, sessionKey, harness: "native", model: "auto", workspace: "/", system: [] });
