import { resolve } from "node:path";
import { type Call, type Context, PlinthError } from "@plinth/sdk";
import { type Agent, type AgentConfig, agentOf, type Identity, MAIN } from "../agents.ts";
import type { Binding, Match } from "../bindings.ts";
import { type RouterConfig, unknownAgent } from "../decide.ts";
import { agentIds, isAgent, listed } from "../ids.ts";
import { bind, deletable, unbind } from "./edit.ts";
import { checkedAvatar, IDENTITY_FILE, readIdentity } from "./identity.ts";

const CONFIG = 'extensions["plinth.router"].config';
const ID = /^[a-z][a-z0-9-]{0,39}$/;

export interface Asked extends Identity {
  agent?: string;
  /** The agent that works there. */
  workspace?: string;
  /** Absolute. */
  file?: string;
  fromFile?: boolean;
}

/** What owners change of the agents: each change is read, made and written before the next one begins. */
export class Roster {
  readonly #ctx: Context;
  readonly #workspaceOf: (agent: Agent) => Promise<string>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(ctx: Context, workspaceOf: (agent: Agent) => Promise<string>) {
    this.#ctx = ctx;
    this.#workspaceOf = workspaceOf;
  }

  get config(): RouterConfig {
    return this.#ctx.config as RouterConfig;
  }

  /** Each with its workspace and what is bound to it, in the order of their ids. */
  async list() {
    const agents = await listed(this.config, this.#workspaceOf);
    return agents.map((agent) => ({ ...agent, bindings: this.bindings(agent.id).map(({ match }) => match) }));
  }

  bindings(agent?: string): Binding[] {
    if (agent !== undefined && !isAgent(this.config, agent)) throw unknownAgent(this.config, agent);
    return (this.config.bindings ?? []).filter((one) => agent === undefined || one.agent === agent);
  }

  add(id: string, entry: AgentConfig, matches: readonly Match[]) {
    return this.#change(async (config) => {
      if (!ID.test(id))
        throw usage(`${JSON.stringify(id.slice(0, 60))} is no agent's id.`, "Use at most 40 small letters, digits and hyphens, a letter first.");
      if (id === "none") throw usage("`none` means nobody.", "Use another id.");
      if (isAgent(config, id)) throw usage(`There is an agent ${id} already.`, "`plinth agents list` shows them.");
      const bound = bind({ ...config, agents: { ...config.agents, entries: { ...config.agents?.entries, [id]: entry } } }, id, matches);
      await this.#set(`agents.entries.${id}`, entry);
      if (matches.length > 0) await this.#set("bindings", bound.bindings);
      return { agent: await this.#told(id), bindings: this.bindings(id).map(({ match }) => match) };
    });
  }

  bind(agent: string, matches: readonly Match[]) {
    return this.#change(async (config) => {
      const { bindings, ...done } = bind(config, agent, matches);
      if (done.added.length + done.upgraded.length > 0) await this.#set("bindings", bindings);
      return { agent, ...done };
    });
  }

  unbind(agent: string, matches: readonly Match[] | undefined) {
    return this.#change(async (config) => {
      const { bindings, removed } = unbind(config, agent, matches);
      if (removed.length > 0) await this.#set("bindings", bindings);
      return { agent, removed };
    });
  }

  /** Its files and conversations stay. */
  delete(agent: string) {
    return this.#change(async (config) => {
      deletable(config, agent);
      const workspace = await this.#workspaceOf(agentOf(config, agent));
      const { bindings, removed } = unbind(config, agent, undefined);
      if (removed.length > 0) await this.#set("bindings", bindings);
      await this.#set(`agents.entries.${agent}`, undefined);
      return { agent, removed, workspace };
    });
  }

  /** What is given goes before what the file says. */
  setIdentity({ agent, workspace, file, fromFile = false, ...given }: Asked) {
    return this.#change(async (config) => {
      const id = await this.#meant(config, agent, workspace);
      const place = await this.#workspaceOf(agentOf(config, id));
      const asked = Object.entries(given).filter(([, value]) => value !== undefined);
      const read = file !== undefined || fromFile || asked.length === 0 ? await readIdentity(file ?? resolve(place, IDENTITY_FILE)) : {};
      const identity: Identity = { ...read, ...Object.fromEntries(asked) };
      if (Object.keys(identity).length === 0)
        throw usage(`${file ?? IDENTITY_FILE} says nothing yet.`, "Fill it in, or give --name, --theme, --emoji or --avatar.");
      if (identity.avatar !== undefined) identity.avatar = await checkedAvatar(identity.avatar, place);
      await this.#set(`agents.entries.${id}.identity`, { ...config.agents?.entries?.[id]?.identity, ...identity });
      return { agent: id, identity: agentOf(this.config, id).identity ?? {} };
    });
  }

  async #meant(config: RouterConfig, agent: string | undefined, workspace: string | undefined): Promise<string> {
    if (agent !== undefined) {
      if (!isAgent(config, agent)) throw unknownAgent(config, agent);
      return agent;
    }
    const ids = agentIds(config);
    if (workspace === undefined) {
      if (ids.length === 1) return MAIN;
      throw usage(`There are several agents: ${ids.join(", ")}.`, "Say which one with --agent.");
    }
    const places = await Promise.all(ids.map(async (id) => ({ id, place: await this.#workspaceOf(agentOf(config, id)) })));
    const there = places.filter(({ place }) => resolve(place) === resolve(workspace));
    const [only] = there;
    if (only !== undefined && there.length === 1) return only.id;
    const who = there.length === 0 ? "No agent works" : `${there.map(({ id }) => id).join(" and ")} work`;
    throw usage(`${who} in ${workspace}.`, "Say which one is meant with --agent.");
  }

  async #told(id: string) {
    const { system: _, ...agent } = agentOf(this.config, id);
    return { ...agent, workspace: await this.#workspaceOf(agentOf(this.config, id)) };
  }

  #change<T>(body: (config: RouterConfig) => Promise<T>): Promise<T> {
    const next = this.#last.then(() => body(structuredClone(this.config)));
    this.#last = next.catch(() => {});
    return next;
  }

  async #set(path: string, value: unknown): Promise<void> {
    await this.#ctx
      .use("plinth.host-admin")
      .one()
      .configSet({ path: `${CONFIG}.${path}`, ...(value === undefined ? {} : { value }) });
  }
}

/** The owner, and nobody else had a hand in the words that say so. */
export function assertOwner({ work }: Pick<Call, "work">): void {
  if (work?.principal.role === "owner" && work.influences.length === 0) return;
  throw new PlinthError("PLINTH_PERMISSION", "Only the owner of this host, and nobody's hand beside, sees and changes its agents.", {
    extension: "plinth.router",
    next: "Run it in a shell: plinth agents list",
  });
}

export const usage = (message: string, next: string): PlinthError => new PlinthError("PLINTH_USAGE", message, { next });
