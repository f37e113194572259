import type { CatalogTool, ToolDecision } from "@plinth/sdk";
import { kindsOf } from "./kinds.ts";
import type { Level } from "./levels.ts";
import { type Looked, Patterns } from "./patterns.ts";
import { PROFILES } from "./profiles.ts";

type Verdict = NonNullable<ToolDecision["levels"]>[number];
type Judge = (looked: Looked) => Verdict | undefined;

/** A tool is there where every level leaves it. What is denied is told before what is not allowed. */
export function decisionsOf(tools: readonly CatalogTool[], levels: readonly Level[], optional: readonly string[], explain: boolean): ToolDecision[] {
  const judges = [turnedOn(optional), ...levels.map(judgeOf)];
  return tools.map((tool) => {
    const looked = { tool, kinds: kindsOf(tool) };
    const verdicts = judges.flatMap((judge) => judge(looked) ?? []);
    const away = verdicts.filter(({ offered }) => !offered);
    const first = away.find(({ rule }) => rule.startsWith("deny ")) ?? away[0];
    return {
      name: tool.name,
      offered: first === undefined,
      ...(first === undefined ? {} : { level: first.level, rule: first.rule }),
      ...(explain ? { levels: verdicts } : {}),
    };
  });
}

function judgeOf({ level, profile, allow, deny = [] }: Level): Judge {
  const [denied, allowed] = [new Patterns(deny), allow === undefined ? undefined : new Patterns(allow)];
  // A profile that is not known has no tools.
  const within = profile === undefined ? undefined : new Patterns(PROFILES[profile] ?? []);
  const what = [...(profile === undefined ? [] : [`profile ${profile}`]), ...(allow === undefined ? [] : ["allow"])];
  const out = `not in ${what.join(" nor in ")}`;
  return (looked) => {
    const no = denied.denies(looked);
    if (no !== undefined) return { level, offered: false, rule: `deny ${no}` };
    if (allowed === undefined && within === undefined) return { level, offered: true, rule: "nothing there denies it" };
    const yes = allowed?.allows(looked);
    if (yes !== undefined) return { level, offered: true, rule: `allow ${yes}` };
    const inside = within?.allows(looked);
    return inside === undefined ? { level, offered: false, rule: out } : { level, offered: true, rule: `profile ${profile}: ${inside}` };
  };
}

function turnedOn(optional: readonly string[]): Judge {
  const on = new Patterns(optional);
  return (looked) => {
    if (looked.tool.descriptor.optional !== true) return undefined;
    const yes = on.allows(looked);
    return { level: "optional", offered: yes !== undefined, rule: yes === undefined ? "not turned on" : `optional ${yes}` };
  };
}
