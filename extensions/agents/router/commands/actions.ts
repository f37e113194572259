import type { Address } from "@plinth/sdk";
import { parseAddress } from "@plinth/sdk/kits/channel";
import type { AgentConfig } from "../agents.ts";
import { type Decision, decide, type RouterConfig, type Said } from "../decide.ts";
import { usage } from "./roster.ts";

/** What is asked of `route explain`, as it was typed. */
export interface Question {
  /** The whole address, or nothing where it is given in parts. */
  address?: string;
  channel?: string;
  account?: string;
  /** `person:ada`, `group:kitchen`. */
  peer?: string;
  thread?: string;
  guild?: string;
  team?: string;
  /** Of a thread that is a peer of its own. */
  parent?: string;
  roles?: string[];
  agent?: string;
  session?: string;
}

export function explained(config: RouterConfig, question: Question, owner: boolean): Decision {
  const { guild, team, parent, roles, agent, session } = question;
  const address = addressOf(config, question);
  const within = { ...(guild ? { guild } : {}), ...(team ? { team } : {}), ...(parent ? { parent: peerOf(parent) } : {}) };
  const said: Said = {
    ...(address === undefined ? {} : { address }),
    ...(Object.keys(within).length === 0 ? {} : { within }),
    ...(roles === undefined ? {} : { from: { roles } }),
    ...(agent === undefined ? {} : { agent }),
    ...(session === undefined ? {} : { sessionKey: session }),
  };
  return decide(config, said, owner);
}

function addressOf({ defaultAccounts = {} }: RouterConfig, { address, channel, account, peer, thread }: Question): Address | undefined {
  if (address !== undefined) {
    const whole = parseAddress(address);
    if (whole === undefined || channel !== undefined)
      throw usage(`${JSON.stringify(address.slice(0, 80))} is no address.`, "Write it as chat/default/group/kitchen, or use --channel and --peer.");
    return whole;
  }
  if (channel === undefined && peer === undefined) return undefined;
  if (channel === undefined || peer === undefined)
    throw usage("A channel and a peer belong together.", "Give both: --channel chat --peer group:kitchen.");
  return { channel, account: account ?? defaultAccounts[channel] ?? "default", peer: peerOf(peer), ...(thread === undefined ? {} : { thread }) };
}

function peerOf(text: string): Address["peer"] {
  const [, kind, id] = /^(person|group|channel):(.{1,512})$/su.exec(text) ?? [];
  if (kind === undefined || id === undefined)
    throw usage(`${JSON.stringify(text.slice(0, 80))} is no peer.`, "Write person:ID, group:ID or channel:ID.");
  return { kind: kind as Address["peer"]["kind"], id };
}

/** What a new agent was given. */
export function entryOf(given: Partial<Record<"title" | "model" | "harness" | "workspace", string>>): AgentConfig {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as AgentConfig;
}
