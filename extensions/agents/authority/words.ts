import type { Effect, Influence, InteractionAction, InteractionOption } from "@plinth/sdk";

const DOES: Readonly<Record<Effect, string>> = {
  read: "Read",
  write: "Write files",
  net: "Use the network",
  exec: "Run a command on this machine",
  send: "Send something to others",
  spend: "Spend money",
  administer: "Change this host",
};

export const summaryOf = (effect: Effect, tool: string, provider: string | undefined): string =>
  `${DOES[effect]}, with the tool ${tool}${provider === undefined ? "" : ` of ${provider}`}`;

export const titleOf = ({ effect }: InteractionAction): string => `${DOES[effect]}?`;

export const riskOf = (effect: Effect): "low" | "medium" | "high" =>
  effect === "exec" || effect === "spend" || effect === "administer" ? "high" : effect === "send" ? "medium" : "low";

const RISK: Readonly<Record<Effect, string>> = {
  read: "It reads what you may not want read.",
  write: "It changes files.",
  net: "It can carry what it knows to others.",
  exec: "A command can do whatever you can do on this machine.",
  send: "What was sent cannot be taken back.",
  spend: "Money that was spent may be gone.",
  administer: "It changes what this host does and allows.",
};

export function whyOf(effect: Effect, parties: readonly Influence[], byTool = false): string {
  if (parties.length === 0) return `${byTool ? "This tool asks" : "You want to be asked"} each time. ${RISK[effect]}`;
  const names = parties.slice(0, 4).map(({ party }) => (party === "outside" ? "text from outside" : party));
  const more = parties.length > 4 ? ` and ${parties.length - 4} more` : "";
  return `Not only you had a hand in this turn, but ${names.join(", ")}${more}. ${RISK[effect]}`;
}

/** A lasting yes is for parties with a name: text from outside is somebody else each time. */
export function optionsFor(parties: readonly Influence[], each: boolean): InteractionOption[] {
  const once: InteractionOption = { id: "once", label: "Allow once", style: "primary" };
  const deny: InteractionOption = { id: "deny", label: "Deny", style: "danger" };
  if (each || parties.length === 0) return [once, deny];
  const session: InteractionOption = { id: "session", label: "Allow in this conversation, for a day", style: "normal" };
  const named = parties.every(({ party }) => party !== "outside" && !party.startsWith("guest:"));
  const names = parties.map(({ party }) => party).join(", ");
  const label = `Allow for ${names.length > 40 ? `these ${parties.length}` : names}, for 30 days`;
  return named ? [once, session, { id: "always", label, style: "normal" }, deny] : [once, session, deny];
}
