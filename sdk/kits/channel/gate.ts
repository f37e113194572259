import type { InboundItem } from "@plinth/manifests";

/** What the operator has decided about somebody. */
export type Standing = "owner" | "guest" | "blocked" | "unknown";

export interface GatePolicy {
  /** pairing: a stranger gets a code that the owner approves. allow: only those who are known. open: anybody. off: nobody. */
  readonly direct: "pairing" | "allow" | "open" | "off";
  /** allow: only in groups that the owner allowed. open: in any. off: in none. */
  readonly groups: "allow" | "open" | "off";
  /** In groups, only what is addressed to the account is answered. */
  readonly mention: boolean;
  /** Whether other bots are answered: two that answer each other never stop. */
  readonly bots: boolean;
}

export const CLOSED: GatePolicy = Object.freeze({ direct: "pairing", groups: "allow", mention: true, bots: false });

export interface GateInput {
  readonly item: InboundItem;
  readonly standing: Standing;
  /** The owner allowed this group. */
  readonly groupAllowed: boolean;
}

export type GateDecision = { readonly do: "answer" } | { readonly do: "pair" } | { readonly do: "ignore"; readonly why: string };

const ANSWER: GateDecision = Object.freeze({ do: "answer" });
const ignore = (why: string): GateDecision => ({ do: "ignore", why });

/** Whether an item is let in. Whoever is not known is not, by default. */
export function gate({ item, standing, groupAllowed }: GateInput, policy: GatePolicy = CLOSED): GateDecision {
  const { sender, address } = item;
  if (sender === undefined) return ignore("The channel did not say who it is from.");
  if (sender.self === true) return ignore("It is the account's own.");
  if (standing === "blocked") return ignore("The owner blocked this sender.");
  if (sender.bot === true && !policy.bots && standing !== "owner") return ignore("It is from a bot.");
  const isKnown = standing === "owner" || standing === "guest";
  if (address.peer.kind === "person") {
    if (policy.direct === "off" && standing !== "owner") return ignore("Direct messages are off.");
    if (isKnown || policy.direct === "open") return ANSWER;
    return policy.direct === "pairing" && asks(item) ? { do: "pair" } : ignore("The sender is not on the list.");
  }
  if (policy.groups === "off") return ignore("Groups are off.");
  if (policy.groups === "allow" && !groupAllowed) return ignore("The owner has not allowed this group.");
  if (policy.mention && item.kind === "message" && item.mentionsMe !== true) return ignore("It is not addressed to the account.");
  return ANSWER;
}

/** Only what wants an answer is worth a code. */
const asks = ({ kind }: InboundItem): boolean => kind === "message" || kind === "command" || kind === "location";
