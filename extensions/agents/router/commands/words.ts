import { visible } from "@plinth/sdk";
import type { Match } from "../bindings.ts";
import type { Decision } from "../decide.ts";
import { matchText } from "./binding-text.ts";
import type { Roster } from "./roster.ts";

type Listed = Awaited<ReturnType<Roster["list"]>>[number];

/** What somebody else may have written, as it can be shown in a terminal. */
export const shown = (text: string, max = 200): string => visible(text, { max });

export const bindingLine = ({ agent, match }: { agent: string; match: Match }): string => `${shown(matchText(match))} → ${shown(agent)}`;

export function agentLines({ id, title, model, harness, workspace, bindings, identity }: Listed): string[] {
  const name = identity?.emoji === undefined ? title : `${identity.emoji} ${title}`;
  return [
    `${id}  ${shown(name)}, ${shown(model)}${harness === "native" ? "" : `, run by ${shown(harness)}`}`,
    `  works in ${shown(workspace)}`,
    ...bindings.map((match) => `  answers ${shown(matchText(match))}`),
  ];
}

export function decisionLines({ agent, sessionKey, tier, why, action, passed }: Decision): string[] {
  const first = action === undefined ? `Agent ${shown(agent)}, in the conversation ${shown(sessionKey)}.` : "Nobody answers.";
  return [
    first,
    `Decided by ${tier}: ${shown(why)}`,
    ...passed.map((one) => `Binding ${one.binding + 1}, of ${shown(one.agent)}: ${shown(one.why)}.`),
  ];
}
