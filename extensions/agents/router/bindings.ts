import type { Address } from "@plinth/sdk";

export type Peer = Address["peer"];

/** Whose messages an agent answers: all that is given has to fit. */
export interface Match {
  channel: string;
  /** Absent: the channel's default account. `*`: each of them. */
  account?: string;
  /** `*` as its id: each of this kind. */
  peer?: Peer;
  /** Only within this thread of the peer. */
  thread?: string;
  guild?: string;
  team?: string;
  /** One of them is enough. */
  roles?: string[];
}

export interface Binding {
  agent: string;
  match: Match;
  session?: { dmScope?: DmScope };
}

export type DmScope = "main" | "per-peer" | "per-channel-peer" | "per-account-channel-peer";

/** From the most special to the least. The order of the configuration counts only within one of them. */
export const TIERS = ["peer", "parent", "any-peer", "guild-roles", "guild", "team", "account", "channel"] as const;
export type Tier = (typeof TIERS)[number];

/** Where a message was said. */
export interface Place {
  address: Address;
  /** What its place lies in, as the channel tells it. */
  within?: { guild?: string; team?: string; parent?: Peer };
  roles?: readonly string[];
}

/** The tier in which a binding fits, or the reason that it does not, in a few words. */
export function fit({ match }: Binding, { address, within = {}, roles = [] }: Place, defaultAccount: string): { tier: Tier } | { why: string } {
  const { channel, account = defaultAccount, peer, thread, guild, team } = match;
  if (channel !== address.channel) return { why: `it is for the channel ${channel}` };
  if (account !== "*" && account !== address.account) {
    return { why: match.account === undefined ? `it is for the default account, ${account}` : `it is for the account ${account}` };
  }
  if (guild !== undefined && guild !== within.guild) return { why: `it is for the guild ${guild}` };
  if (team !== undefined && team !== within.team) return { why: `it is for the team ${team}` };
  if (match.roles !== undefined && !match.roles.some((role) => roles.includes(role))) return { why: "the sender has none of its roles" };
  if (peer !== undefined) return peerFit(peer, thread, address, within.parent);
  if (guild !== undefined) return { tier: match.roles === undefined ? "guild" : "guild-roles" };
  if (team !== undefined) return { tier: "team" };
  return { tier: account === "*" ? "channel" : "account" };
}

function peerFit(
  peer: Peer,
  thread: string | undefined,
  { peer: at, thread: within }: Address,
  parent: Peer | undefined,
): { tier: Tier } | { why: string } {
  if (thread !== undefined && thread !== within) return { why: `it is for the thread ${thread}` };
  if (peer.id === "*") return peer.kind === at.kind ? { tier: "any-peer" } : { why: `it is for any ${peer.kind}` };
  // A thread of a peer has what is set for the peer, unless something is set for the thread itself.
  if (same(peer, at)) return { tier: thread === within ? "peer" : "parent" };
  if (parent !== undefined && thread === undefined && same(peer, parent)) return { tier: "parent" };
  return { why: `it is for the ${peer.kind} ${peer.id}` };
}

const same = (one: Peer, other: Peer): boolean => one.kind === other.kind && one.id === other.id;
