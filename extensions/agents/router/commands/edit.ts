import { isDeepStrictEqual } from "node:util";
import { PlinthError } from "@plinth/sdk";
import { MAIN } from "../agents.ts";
import type { Binding, Match } from "../bindings.ts";
import { type RouterConfig, unknownAgent } from "../decide.ts";
import { isAgent } from "../ids.ts";
import { matchText } from "./binding-text.ts";

export interface Bound {
  bindings: Binding[];
  added: Match[];
  /** Those that named no account before. */
  upgraded: Match[];
  /** Those that were there. */
  kept: Match[];
}

/**
 * Bind an agent. Where it had the channel without an account, an explicit account is written into that binding, where it
 * stands. All or nothing: what is another agent's already is an error.
 */
export function bind(config: RouterConfig, agent: string, matches: readonly Match[]): Bound {
  if (!isAgent(config, agent)) throw unknownAgent(config, agent);
  const bindings = [...(config.bindings ?? [])];
  const result: Bound = { bindings, added: [], upgraded: [], kept: [] };
  for (const match of matches) {
    const at = bindings.findIndex((one) => meanSame(config, one.match, match));
    const there = bindings[at];
    if (there !== undefined && there.agent !== agent) throw taken(match, there.agent);
    const open =
      match.account === undefined
        ? -1
        : bindings.findIndex((one) => one.agent === agent && isDeepStrictEqual({ ...one.match, account: match.account }, match));
    const whole = bindings[open];
    if (there !== undefined && (there.match.account !== undefined || match.account === undefined)) result.kept.push(match);
    else if (whole !== undefined && whole.match.account === undefined) {
      bindings[open] = { ...whole, match: inPlace(match) };
      result.upgraded.push(match);
    } else {
      bindings.push({ agent, match });
      result.added.push(match);
    }
  }
  return result;
}

/** Take bindings of an agent away; `undefined` as matches: each of them. */
export function unbind(config: RouterConfig, agent: string, matches: readonly Match[] | undefined): { bindings: Binding[]; removed: Match[] } {
  const all = config.bindings ?? [];
  const isMeant = ({ agent: of, match }: Binding): boolean =>
    of === agent && (matches === undefined || matches.some((one) => meanSame(config, one, match)));
  for (const match of matches ?? []) {
    if (all.some((one) => one.agent === agent && meanSame(config, one.match, match))) continue;
    throw new PlinthError("PLINTH_USAGE", `${matchText(match)} is not bound to ${agent}.`, { next: "`plinth agents bindings` shows what is." });
  }
  return { bindings: all.filter((one) => !isMeant(one)), removed: all.filter(isMeant).map(({ match }) => match) };
}

/** @throws where something still needs it. */
export function deletable(config: RouterConfig, agent: string): void {
  if (agent === MAIN) {
    throw new PlinthError("PLINTH_USAGE", "The agent main is always there.", { next: "Let another one answer: set `fallback` of the router to it." });
  }
  if (!isAgent(config, agent)) throw unknownAgent(config, agent);
  if (config.fallback !== agent) return;
  throw new PlinthError("PLINTH_USAGE", `${agent} answers what no binding is for.`, {
    next: `First: plinth config set 'extensions["plinth.router"].config.fallback' main`,
  });
}

const inPlace = ({ channel, account, ...rest }: Match): Match => ({ channel, ...(account === undefined ? {} : { account }), ...rest });

/** Whether two would always fit the same messages. */
function meanSame({ defaultAccounts = {} }: RouterConfig, one: Match, other: Match): boolean {
  const whole = (match: Match): Match => ({ ...match, account: match.account ?? defaultAccounts[match.channel] ?? "default" });
  return isDeepStrictEqual(whole(one), whole(other));
}

const taken = (match: Match, agent: string): PlinthError =>
  new PlinthError("PLINTH_BINDING_TAKEN", `${matchText(match)} is bound to the agent ${agent} already. Nothing was changed.`, {
    extension: "plinth.router",
    next: `First: plinth agents unbind ${agent} '${matchText(match)}'`,
  });
