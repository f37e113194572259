import { type Address, PlinthError } from "@plinth/sdk";
import { type AgentsConfig, MAIN } from "./agents.ts";
import { type Binding, type DmScope, fit, type Place, TIERS, type Tier } from "./bindings.ts";
import { agentIds, isAgent } from "./ids.ts";
import { agentIn, conversationOf, type Identities, keyOf } from "./session-key.ts";

export { listed } from "./ids.ts";

export interface RouterConfig extends AgentsConfig {
  bindings?: Binding[];
  /** Who answers what no binding is for: `none`, or an agent. */
  fallback?: string;
  session?: { dmScope?: DmScope };
  identities?: Identities;
  /** By channel: the account that is meant where a binding names none. */
  defaultAccounts?: Record<string, string>;
}

/** Of a message: all that decides about it. */
export interface Said {
  sessionKey?: string;
  agent?: string;
  address?: Address;
  within?: Place["within"];
  from?: { roles?: string[] };
}

export interface Decision {
  agent: string;
  sessionKey: string;
  /** session: its key says so. asked: it was asked for by name. fallback: nothing else decided. */
  tier: Tier | "session" | "asked" | "fallback";
  why: string;
  /** Which of the bindings, from 0. */
  binding?: number;
  /** It is not answered. */
  action?: "ignore" | "refuse";
  /** The other bindings, and why they did not decide. */
  passed: { binding: number; agent: string; why: string }[];
}

/** Which agent and which conversation. The same message and configuration always give the same. @param owner whether the owner wrote it */
export function decide(config: RouterConfig, said: Said, owner: boolean): Decision {
  const { sessionKey, agent: asked } = said;
  const named = sessionKey === undefined || sessionKey === "" ? undefined : agentIn(sessionKey);
  for (const id of [asked, named]) if (id !== undefined && !isAgent(config, id)) throw unknownAgent(config, id);
  if (sessionKey !== undefined && sessionKey !== "") {
    const agent = named ?? asked ?? MAIN;
    if (asked !== undefined && asked !== agent) throw otherAgent(asked, agent);
    const key = named === undefined && agent !== MAIN ? keyOf(agent, sessionKey) : sessionKey;
    const why = named === undefined ? "The key of the conversation names no agent, so it is main's." : "The key of the conversation names it.";
    return {
      agent,
      sessionKey: key,
      tier: asked === undefined ? "session" : "asked",
      why: asked === undefined ? why : "It was asked for.",
      passed: [],
    };
  }
  const place = said.address === undefined ? undefined : { address: said.address, within: said.within, roles: said.from?.roles };
  const bound = place === undefined ? undefined : best(config, place as Place);
  const key = (agent: string, scope?: DmScope): string =>
    keyOf(
      agent,
      said.address === undefined
        ? MAIN
        : conversationOf(said.address, scope ?? config.session?.dmScope ?? "per-account-channel-peer", config.identities ?? {}, owner),
    );
  if (asked !== undefined) return { agent: asked, sessionKey: key(asked), tier: "asked", why: "It was asked for.", passed: bound?.passed ?? [] };
  if (bound?.first !== undefined) {
    const { at, tier, binding } = bound.first;
    const { agent, session } = binding;
    const decided = { agent, sessionKey: key(agent, session?.dmScope), tier, binding: at, passed: bound.passed };
    // Whoever was meant to answer, it was nobody else.
    if (!isAgent(config, agent)) return { ...decided, action: "refuse", why: `Binding ${at + 1} is of the agent ${agent}, which is not there.` };
    return { ...decided, why: `Binding ${at + 1} fits (${words(tier)}).` };
  }
  return { ...fallback(config, said.address !== undefined, key), passed: bound?.passed ?? [] };
}

function fallback({ fallback: owner = MAIN, ...config }: RouterConfig, outside: boolean, key: (agent: string) => string): Omit<Decision, "passed"> {
  const base = { tier: "fallback" as const };
  if (owner === "none" && outside)
    return { ...base, agent: MAIN, sessionKey: key(MAIN), action: "ignore", why: "No binding fits, and nobody answers then." };
  if (owner === "none") return { ...base, agent: MAIN, sessionKey: key(MAIN), why: "It comes from no channel, so it is main's." };
  if (!isAgent(config, owner)) {
    return {
      ...base,
      agent: owner,
      sessionKey: key(owner),
      action: "refuse",
      why: `The agent ${owner}, which answers what no binding is for, is not there.`,
    };
  }
  return { ...base, agent: owner, sessionKey: key(owner), why: outside ? "No binding fits." : "It comes from no channel." };
}

/** The first of the most special tier. */
function best({ bindings = [], defaultAccounts = {} }: RouterConfig, place: Place) {
  const { channel } = place.address;
  const account = Object.hasOwn(defaultAccounts, channel) ? (defaultAccounts[channel] as string) : "default";
  let first: { at: number; tier: Tier; binding: Binding } | undefined;
  const fits = bindings.map((binding, at) => {
    const found = fit(binding, place, account);
    if ("tier" in found && (first === undefined || TIERS.indexOf(found.tier) < TIERS.indexOf(first.tier))) first = { at, tier: found.tier, binding };
    return found;
  });
  const chosen = first;
  const passed = fits.flatMap((found, at) => {
    if (at === chosen?.at) return [];
    const binding = bindings[at] as Binding;
    return [{ binding: at, agent: binding.agent, why: "why" in found ? found.why : beaten(found.tier, chosen as { at: number; tier: Tier }) }];
  });
  return { first: chosen, passed };
}

function beaten(tier: Tier, by: { at: number; tier: Tier }): string {
  if (tier === by.tier) return `it fits too (${words(tier)}), but binding ${by.at + 1} stands before it`;
  return `it fits too (${words(tier)}), but binding ${by.at + 1} is more special (${words(by.tier)})`;
}

const WORDS: Record<Tier, string> = {
  peer: "this very conversation",
  parent: "what the thread lies in",
  "any-peer": "any of this kind",
  "guild-roles": "the guild and a role",
  guild: "the guild",
  team: "the team",
  account: "the account",
  channel: "the channel",
};
export const words = (tier: Tier): string => WORDS[tier];

export function unknownAgent(config: AgentsConfig, id: string): PlinthError {
  return new PlinthError("PLINTH_NO_AGENT", `There is no agent ${JSON.stringify(id.slice(0, 80))}.`, {
    extension: "plinth.router",
    next: `There are: ${agentIds(config).slice(0, 20).join(", ")}. plinth agents add makes another.`,
  });
}

const otherAgent = (asked: string, agent: string): PlinthError =>
  new PlinthError("PLINTH_NO_AGENT", `The agent ${asked} was asked for in a conversation of ${agent}.`, {
    extension: "plinth.router",
    next: "Name one of them.",
  });
